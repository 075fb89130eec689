"""What several distortions need: relative sizes, light, smooth random fields."""

from __future__ import annotations

import cv2
import numpy as np

from steadyface.types import FloatArray, RGBImage

#: Lengths are stated for a frame with this shorter side, in which a face is about 100 wide.
REFERENCE_SIDE = 250.0
_GAMMA = 2.2


def at(severity: float, *values: float) -> float:
    """The value at a severity, linear between the five stated for 1 to 5."""
    return float(np.interp(severity, (1, 2, 3, 4, 5), values))


def scale_of(image: RGBImage) -> float:
    """How many pixels of this image one pixel of a reference frame is."""
    return float(min(image.shape[:2]) / REFERENCE_SIDE)


def enlargement(image: RGBImage) -> float:
    """How many times larger than a reference frame this image is; 1 for one that is smaller.

    Grain, streaks and blocks are made for the reference frame and grow with larger images, so that
    a severity does to a face in a large photo what it does to one in a small frame.
    """
    return max(1.0, scale_of(image))


def reference_shape(image: RGBImage) -> tuple[int, int]:
    """Height and width of the image brought down to a reference frame; its own if smaller."""
    factor = enlargement(image)
    return max(1, round(image.shape[0] / factor)), max(1, round(image.shape[1] / factor))


def grain(image: RGBImage, rng: np.random.Generator, *, coloured: bool = True) -> FloatArray:
    """Normal noise of deviation 1, H x W x 3 or H x W x 1 float32, as coarse as `enlargement`."""
    channels = 3 if coloured else 1
    fine = rng.standard_normal((*reference_shape(image), channels), dtype=np.float32)
    return enlarged(fine, image)


def enlarged(layer: FloatArray, image: RGBImage) -> FloatArray:
    """A layer made for a reference frame, each of its values repeated to fill the image."""
    height, width = image.shape[:2]
    if layer.shape[:2] == (height, width):
        return layer
    blown = cv2.resize(layer, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(blown, dtype=np.float32).reshape(height, width, *layer.shape[2:])


def to_light(image: RGBImage) -> FloatArray:
    """sRGB values to light, 0..1, by the usual power of 2.2."""
    table = ((np.arange(256, dtype=np.float32) / 255) ** _GAMMA).astype(np.float32)
    return table[image]


def from_light(light: FloatArray) -> RGBImage:
    """Light back to sRGB values; clipped to what a sensor can hold, 0..1."""
    clipped = np.clip(light, 0.0, 1.0)
    return np.rint(255 * cv2.pow(clipped, 1 / _GAMMA)).astype(np.uint8).reshape(light.shape)


def to_pixels(values: FloatArray) -> RGBImage:
    """Round and clip 0..255 floats."""
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


def smooth_field(
    shape: tuple[int, int], rng: np.random.Generator, *, cells: tuple[int, ...] = (2, 4, 8)
) -> FloatArray:
    """Smooth random variation over an image, H x W float32 in 0..1.

    Octaves of value noise: each a coarse random grid blown up by cubic interpolation, at half the
    strength of the one before (Perlin 1985 for the idea).
    """
    height, width = shape
    field = np.zeros(shape, dtype=np.float32)
    strength = 1.0
    for count in cells:
        grid = rng.random((count + 2, count + 2), dtype=np.float32)
        field += strength * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        strength /= 2
    low, high = float(field.min()), float(field.max())
    if high - low < 1e-6:
        return np.full(shape, 0.5, dtype=np.float32)
    return np.asarray((field - low) / (high - low), dtype=np.float32)
