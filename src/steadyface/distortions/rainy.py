"""Rain: streaks of one slant, and the veil of the drops too far away to be seen."""

from __future__ import annotations

import cv2
import numpy as np

from steadyface.distortions.blurred import line_kernel
from steadyface.distortions.registry import distortion
from steadyface.distortions.tools import REFERENCE_SIDE, at, reference_shape, scale_of, to_pixels
from steadyface.types import FloatArray, RGBImage

#: How far a streak may lie off the picture's slant, in degrees.
_JITTER = 2.0
_LAYERS = 3


@distortion("rainy")
def rainy(image: RGBImage, severity: float, rng: np.random.Generator) -> RGBImage:
    """Near and far streaks over a slightly washed-out, softened picture.

    Garg and Nayar, "Vision and rain", IJCV 75, 2007: drops brighten what is behind them, and
    appear as streaks by their motion during the exposure.
    """
    slant = float(rng.uniform(60, 120))
    veil = at(severity, 0.05, 0.1, 0.15, 0.2, 0.25)
    soft = at(severity, 0.4, 0.7, 1.0, 1.3, 1.6) * scale_of(image)
    washed = cv2.GaussianBlur(image, (0, 0), max(soft, 0.2)).reshape(image.shape)
    washed = washed.astype(np.float32) * (1 - veil) + 150 * veil
    layer = streak_layer(reference_shape(image), severity, slant, rng)
    height, width = image.shape[:2]
    streaks = cv2.resize(layer, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    return to_pixels(washed * (1 - streaks) + np.float32(225) * streaks)


def streak_layer(
    shape: tuple[int, int], severity: float, slant: float, rng: np.random.Generator
) -> FloatArray:
    """How much of each pixel a streak covers, H x W float32 in 0..1.

    Args:
        shape: height and width.
        severity: 1..5; more, longer and brighter streaks.
        slant: direction of all streaks in degrees, 90 is straight down.
        rng: of places, lengths and brightness.
    """
    height, width = shape
    scale = min(height, width) / REFERENCE_SIDE
    cover = np.zeros(shape, dtype=np.float32)
    density = at(severity, 0.0018, 0.0035, 0.0053, 0.0072, 0.0092) / max(scale, 0.2) ** 2
    brightness = at(severity, 0.42, 0.5, 0.57, 0.63, 0.68)
    for layer in range(1, _LAYERS + 1):
        drops = np.zeros(shape, dtype=np.float32)
        seeded = rng.random(shape, dtype=np.float32) < density / layer
        drops[seeded] = rng.uniform(0.5, 1.0, int(seeded.sum())).astype(np.float32)
        length = at(severity, 11, 14, 18, 22, 26) * scale * rng.uniform(0.7, 1.3) * layer**0.5
        kernel = line_kernel(max(length, 1.5), slant + float(rng.uniform(-_JITTER, _JITTER)))
        thickness = max(0.35, 0.45 * layer**0.5 * scale)
        streaks = cv2.filter2D(drops, -1, kernel / kernel.max(), borderType=cv2.BORDER_CONSTANT)
        cover = np.maximum(cover, cv2.GaussianBlur(streaks, (0, 0), thickness).reshape(shape))
    return np.asarray(np.clip(cover * brightness, 0, 1), dtype=np.float32)
