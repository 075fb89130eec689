"""Windows of whole photographs: many faces or none, at any size, and textures that are made."""

from __future__ import annotations

import cv2
import numpy as np

from steadyface.training.consensus import resized
from steadyface.training.detector_augment import SIDE, ShownFrame, distorted, padded
from steadyface.training.detector_recipe import FrameMix
from steadyface.types import FloatArray, RGBImage

#: Backgrounds are blown up this far: soft, large shapes are what is taken for faces.
_LARGEST_ZOOM = 2.5
_NO_POINTS: FloatArray = np.full((5, 2), np.nan, dtype=np.float32)
#: Cells along a made texture's side, of the layers that it may have.
_CELLS = (2, 3, 5, 8, 13, 21, 40)


def show_photo(photo: RGBImage, mix: FrameMix, rng: np.random.Generator) -> ShownFrame:
    """A window of a photograph with any number of faces, which the teacher names.

    Args:
        photo: H x W x 3 uint8, clean.
        mix: how it is distorted.
        rng: the source of randomness.
    """
    return _shown(window(photo, mix, rng, most_zoom=1.0), mix, rng, empty=False)


def show_background(photo: RGBImage | None, mix: FrameMix, rng: np.random.Generator) -> ShownFrame:
    """A window in which there is no face: of a photograph without people, or a made texture.

    Args:
        photo: H x W x 3 uint8, clean; None makes a texture.
        mix: how it is distorted.
        rng: the source of randomness.
    """
    if photo is None:
        return _shown(made_texture(rng), mix, rng, empty=True)
    return _shown(window(photo, mix, rng, most_zoom=_LARGEST_ZOOM), mix, rng, empty=True)


def window(
    photo: RGBImage, mix: FrameMix, rng: np.random.Generator, *, most_zoom: float
) -> RGBImage:
    """A window of at most `SIDE` a side, at a random zoom and place, tilted, perhaps mirrored.

    Args:
        photo: H x W x 3 uint8.
        mix: says how far it is tilted.
        rng: the source of randomness.
        most_zoom: the largest; the smallest brings the whole photograph into the window.
    """
    least = min(SIDE / max(photo.shape[:2]), most_zoom)
    zoom = float(np.exp(rng.uniform(np.log(least), np.log(most_zoom))))
    height, width = (max(1, round(side * zoom)) for side in photo.shape[:2])
    blown = resized(photo, (width, height))
    size = min(SIDE, width), min(SIDE, height)
    corner = rng.random(2) * (np.array([width, height]) - size)
    middle = corner + np.array(size) / 2
    angle = float(rng.normal(0, mix.tilt))
    matrix = cv2.getRotationMatrix2D((float(middle[0]), float(middle[1])), angle, 1.0)
    matrix[:, 2] -= corner
    cut = cv2.warpAffine(
        blown, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    if rng.random() < 0.5:
        cut = cut[:, ::-1]
    return np.ascontiguousarray(cut, dtype=np.uint8)


def made_texture(rng: np.random.Generator) -> RGBImage:
    """Soft noise in one to three sizes, in random colours: SIDE x SIDE x 3 uint8."""
    total = np.zeros((SIDE, SIDE, 3), dtype=np.float32)
    for cells in rng.choice(_CELLS, size=int(rng.integers(1, 4)), replace=False):
        channels = 3 if rng.random() < 0.6 else 1
        grid = rng.random((int(cells) + 1, int(cells) + 1, channels)).astype(np.float32)
        way = cv2.INTER_CUBIC if rng.random() < 0.8 else cv2.INTER_NEAREST
        blown = cv2.resize(grid, (SIDE, SIDE), interpolation=way).reshape(SIDE, SIDE, -1)
        total += blown * float(rng.uniform(0.3, 1.0))
    low, high = total.min(), total.max()
    bottom, top = sorted(rng.uniform(0, 255, 2))
    scaled = (total - low) / max(1e-6, high - low) * (top - bottom) + bottom
    tint = rng.uniform(0.6, 1.0, 3).astype(np.float32)
    return np.asarray(np.clip(scaled * tint, 0, 255), dtype=np.uint8)


def _shown(clean: RGBImage, mix: FrameMix, rng: np.random.Generator, *, empty: bool) -> ShownFrame:
    shown = clean if rng.random() < mix.clean else distorted(clean, mix, rng)
    return ShownFrame(padded(clean), padded(shown), _NO_POINTS, empty)


def made_shapes(rng: np.random.Generator) -> RGBImage:
    """Discs, ellipses, bars and gradients in random colours: SIDE x SIDE x 3 uint8."""
    across, down = np.meshgrid(np.linspace(0, 1, SIDE), np.linspace(0, 1, SIDE))
    angle = rng.uniform(0, 2 * np.pi)
    ramp = across * np.cos(angle) + down * np.sin(angle)
    ramp = (ramp - ramp.min()) / (ramp.max() - ramp.min())
    ends = rng.uniform(0, 255, (2, 3))
    canvas = np.asarray(ends[0] + ramp[..., None] * (ends[1] - ends[0]), dtype=np.uint8).copy()
    for _ in range(int(rng.integers(0, 12))):
        colour = tuple(float(v) for v in rng.integers(0, 256, 3))
        middle = tuple(int(v) for v in rng.integers(0, SIDE, 2))
        axes = tuple(int(v) for v in rng.integers(3, SIDE // 3, 2))
        shape = rng.random()
        filled = -1 if rng.random() < 0.7 else int(rng.integers(1, 6))
        if shape < 0.4:
            cv2.circle(canvas, middle, axes[0], colour, filled)
        elif shape < 0.8:
            cv2.ellipse(canvas, middle, axes, float(rng.uniform(0, 180)), 0, 360, colour, filled)
        else:
            corner = middle[0] + axes[0], middle[1] + axes[1]
            cv2.rectangle(canvas, middle, corner, colour, filled)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), float(rng.uniform(0.3, 4.0))), np.uint8)
