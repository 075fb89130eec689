"""Noise of sensors and transmission, in several forms."""

from __future__ import annotations

import numpy as np

from steadyface.distortions.registry import distortion
from steadyface.distortions.tools import at, enlarged, grain, reference_shape, to_pixels
from steadyface.types import FloatArray, RGBImage


@distortion("noisy", "gaussian")
def gaussian(image: RGBImage, severity: float, rng: np.random.Generator) -> RGBImage:
    """Normal noise, the same on every brightness, as of a sensor's electronics."""
    normal = _normal(image, rng)
    return to_pixels(
        image.astype(np.float32) + normal * np.float32(at(severity, 8, 23, 42, 57, 74))
    )


@distortion("noisy", "shot")
def shot(image: RGBImage, severity: float, rng: np.random.Generator) -> RGBImage:
    """Normal noise with a variance in proportion to the signal, as counts of photons have it.

    Such counts are Poisson, which the normal distribution stands for; where few photons are left it
    lacks their skew. White is 360 to 5.5 photons.
    """
    normal = _normal(image, rng)
    signal = image.astype(np.float32)
    photons = at(severity, 360, 52, 16, 9, 5.5)
    return to_pixels(signal + normal * np.sqrt(signal * np.float32(255 / photons)))


@distortion("noisy", "speckle")
def speckle(image: RGBImage, severity: float, rng: np.random.Generator) -> RGBImage:
    """Normal noise with a deviation in proportion to the signal (multiplicative)."""
    normal = _normal(image, rng)
    signal = image.astype(np.float32)
    return to_pixels(signal * (1 + normal * np.float32(at(severity, 0.07, 0.2, 0.37, 0.5, 0.65))))


@distortion("noisy", "salt_and_pepper")
def salt_and_pepper(image: RGBImage, severity: float, rng: np.random.Generator) -> RGBImage:
    """A share of the pixels is spoilt, half of them to black and half to white."""
    share = at(severity, 0.014, 0.045, 0.085, 0.13, 0.18)
    chance = enlarged(rng.random(reference_shape(image), dtype=np.float32), image)
    spoilt = image.copy()
    spoilt[chance < share / 2] = 0
    spoilt[chance > 1 - share / 2] = 255
    return spoilt


def _normal(image: RGBImage, rng: np.random.Generator) -> FloatArray:
    """Normal noise of deviation 1, in most cases of a colour, else grey."""
    coloured = bool(rng.random() < 0.7)
    return grain(image, rng, coloured=coloured)
