"""Blur: out of focus, shaken, or plainly soft."""

from __future__ import annotations

import cv2
import numpy as np

from steadyface.distortions.registry import distortion
from steadyface.distortions.tools import at, scale_of
from steadyface.types import FloatArray, RGBImage

_FINE = 8


@distortion("blurred", "gaussian")
def gaussian(image: RGBImage, severity: float, rng: np.random.Generator) -> RGBImage:
    """Plain softness; nothing of it is random."""
    sigma = at(severity, 1.4, 2.3, 3.3, 4.3, 5.4) * scale_of(image)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(sigma, 0.3)), dtype=np.uint8)


@distortion("blurred", "defocus")
def defocus(image: RGBImage, severity: float, rng: np.random.Generator) -> RGBImage:
    """Out of focus: every point becomes a disc; nothing of it is random."""
    return _spread(image, disc_kernel(at(severity, 2.4, 4.0, 5.8, 7.6, 9.4) * scale_of(image)))


@distortion("blurred", "motion")
def motion(image: RGBImage, severity: float, rng: np.random.Generator) -> RGBImage:
    """Shaken: every point becomes a line of a random direction."""
    length = at(severity, 7, 11.5, 16, 20.5, 25) * scale_of(image)
    return _spread(image, line_kernel(length, float(rng.uniform(0, 180))))


def _spread(image: RGBImage, kernel: FloatArray) -> RGBImage:
    blurry = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurry, dtype=np.uint8)


def disc_kernel(radius: float) -> FloatArray:
    """A filled circle with soft edge, as an open aperture blurs a point; sums to 1."""
    reach = max(1, int(np.ceil(radius)))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    return np.asarray(disc / disc.sum(), dtype=np.float32)


def line_kernel(length: float, angle: float) -> FloatArray:
    """A straight anti-aliased streak, as a shaken camera draws a point; sums to 1.

    Args:
        length: in pixels.
        angle: in degrees, counted from the image's x axis towards its y axis.
    """
    reach = max(1, int(np.ceil(length / 2)))
    size = 2 * reach + 1
    fine = np.zeros((size * _FINE, size * _FINE), dtype=np.float32)
    middle = size * _FINE / 2
    step = np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))]) * length * _FINE / 2
    start, end = ([round(float(middle + s * d)) for d in step] for s in (-1, 1))
    cv2.line(fine, start, end, 1.0, thickness=_FINE)
    kernel = cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)
