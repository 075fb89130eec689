"""Noise of sensors and transmission, in several forms."""

from __future__ import annotations

import numpy as np

from steadyface.distortions.registry import distortion
from steadyface.distortions.tools import at, enlarged, grain, reference_shape, to_pixels
from steadyface.types import RGBImage


@distortion("noisy")
def noisy(image: RGBImage, severity: float, rng: np.random.Generator) -> RGBImage:
    """One of gaussian, shot (Poisson), speckle (multiplicative) and salt-and-pepper noise."""
    variant = rng.choice(("gaussian", "shot", "speckle", "salt_and_pepper"))
    if variant == "salt_and_pepper":
        return _salt_and_pepper(image, at(severity, 0.025, 0.05, 0.085, 0.13, 0.18), rng)
    signal = image.astype(np.float32)
    coloured = bool(rng.random() < 0.7)
    normal = grain(image, rng, coloured=coloured)
    if variant == "gaussian":
        return to_pixels(signal + normal * np.float32(at(severity, 16, 28, 42, 57, 74)))
    if variant == "shot":
        photons = at(severity, 90, 34, 16, 9, 5.5)
        return to_pixels(signal + normal * np.sqrt(signal * np.float32(255 / photons)))
    return to_pixels(signal * (1 + normal * np.float32(at(severity, 0.14, 0.25, 0.37, 0.5, 0.65))))


def _salt_and_pepper(image: RGBImage, share: float, rng: np.random.Generator) -> RGBImage:
    chance = enlarged(rng.random(reference_shape(image), dtype=np.float32), image)
    spoilt = image.copy()
    spoilt[chance < share / 2] = 0
    spoilt[chance > 1 - share / 2] = 255
    return spoilt
