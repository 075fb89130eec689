"""How a frame is shown: teacher and student get the same cut of it, the student distorted."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from steadyface.distortions import apply
from steadyface.training.augment import choose_kinds, outside_the_families
from steadyface.training.consensus import eye_distance, mirrored, resized
from steadyface.training.detector_recipe import FrameMix
from steadyface.training.recipe import Mix
from steadyface.types import FloatArray, RGBImage

#: Side of the square that frames of a batch are padded to, as the product pads: black, right and
#: below; a multiple of the detector's coarsest stride.
SIDE = 256
_LEAST_SIDE = 144
_EYE_RANGE = 12.0, 90.0
#: Frames are blown up no further, for then there is nothing in them to see.
_LARGEST_ZOOM = 4.0
#: How far from the face's middle a wipe reaches, in distances of the eyes.
WIPED = 2.2
_WIPES = 1.6, 3.0


@dataclass(frozen=True, slots=True, eq=False)
class ShownFrame:
    """What teacher and student see.

    Attributes:
        clean: for the teacher, `SIDE` x `SIDE` x 3 uint8 RGB.
        shown: for the student, likewise.
        points: 5 x 2 float32, where the main face's points are; NaN where it was wiped away or no
            face is the main one.
        empty: whether no face is to be seen in it, whatever the teacher says.
    """

    clean: RGBImage
    shown: RGBImage
    points: FloatArray
    empty: bool = False


def show_frame(
    frame: RGBImage, points: FloatArray, mix: FrameMix, rng: np.random.Generator
) -> ShownFrame:
    """Show a frame as the mix says; all randomness from `rng`.

    Args:
        frame: H x W x 3 uint8, clean.
        points: 5 x 2, the main face's points.
        mix: how.
        rng: the source of randomness.
    """
    clean, there = cut(frame, points, mix, rng)
    if rng.random() < mix.empty:
        clean = wiped(clean, there, float(rng.uniform(*_WIPES)))
        there = np.full_like(there, np.nan)
    shown = clean if rng.random() < mix.clean else distorted(clean, mix, rng)
    return ShownFrame(padded(clean), padded(shown), there)


def distorted(frame: RGBImage, mix: FrameMix, rng: np.random.Generator) -> RGBImage:
    """One or two distortions at random severity, now and then one outside the families too."""
    kinds = choose_kinds(Mix(second=mix.second, weights=mix.weights), rng)
    top = 5.0 if len(kinds) == 1 else 3.5
    for kind in kinds:
        frame = apply(frame, kind, float(rng.uniform(1.0, top)), rng)
    return outside_the_families(frame, rng) if rng.random() < mix.extra else frame


def cut(
    frame: RGBImage, points: FloatArray, mix: FrameMix, rng: np.random.Generator
) -> tuple[RGBImage, FloatArray]:
    """A window of the frame, the face in it at a random size and place, tilted, perhaps mirrored.

    Returns:
        The window (at most `SIDE` a side), and the face's points in it.
    """
    eyes = eye_distance(points)
    wanted = float(np.clip(mix.eyes * np.exp(rng.normal(0, mix.spread)), *_EYE_RANGE))
    zoom = min(wanted / eyes, _LARGEST_ZOOM)
    height, width = (max(1, round(side * zoom)) for side in frame.shape[:2])
    blown = resized(frame, (width, height))
    middle = points.mean(axis=0) * zoom
    size = np.minimum(rng.integers(_LEAST_SIDE, SIDE + 1, 2), (width, height))
    place = np.clip(rng.normal(0.5, 0.15, 2), 0.1, 0.9)
    corner = np.clip(middle - place * size, 0, (width, height) - size)
    angle = float(rng.normal(0, mix.tilt))
    matrix = cv2.getRotationMatrix2D((float(middle[0]), float(middle[1])), angle, 1.0)
    matrix[:, 2] -= corner
    window = np.asarray(
        cv2.warpAffine(
            blown,
            matrix,
            (int(size[0]), int(size[1])),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        dtype=np.uint8,
    )
    inside = (points * zoom) @ matrix[:, :2].T.astype(np.float32) + matrix[:, 2].astype(np.float32)
    if rng.random() < 0.5:
        return np.ascontiguousarray(window[:, ::-1]), mirrored(inside, window.shape[1])
    return window, inside


def wiped(frame: RGBImage, points: FloatArray, reaching: float = WIPED) -> RGBImage:
    """The frame with a face smeared away beyond recognition.

    Args:
        frame: H x W x 3 uint8.
        points: 5 x 2, the face's.
        reaching: how far the wipe goes from their middle, in distances of the eyes.
    """
    reach = max(2, round(reaching * eye_distance(points)))
    smeared = cv2.blur(frame, (2 * reach + 1, 2 * reach + 1))
    middle = points.mean(axis=0)
    left, top = (max(0, round(float(value)) - reach) for value in middle)
    right, bottom = (max(0, round(float(value)) + reach) for value in middle)
    empty = frame.copy()
    empty[top:bottom, left:right] = smeared[top:bottom, left:right]
    return empty


def padded(frame: RGBImage) -> RGBImage:
    """Black to the right and below, up to `SIDE` x `SIDE`."""
    height, width = frame.shape[:2]
    return np.pad(frame, ((0, SIDE - height), (0, SIDE - width), (0, 0)))
