"""Over-exposure: too much light on the sensor, and glare in the lens."""

from __future__ import annotations

import numpy as np

from steadyface.distortions.registry import distortion
from steadyface.distortions.tools import at, from_light, to_light
from steadyface.types import FloatArray, RGBImage


@distortion("sunny")
def sunny(image: RGBImage, severity: float, rng: np.random.Generator) -> RGBImage:
    """Exposure raised in light until highlights clip, a warm cast, a veil, and a bright spot."""
    gain = at(severity, 1.7, 2.6, 3.6, 4.8, 6.2) * rng.uniform(0.85, 1.15)
    warmth = at(severity, 0.03, 0.05, 0.07, 0.09, 0.11) * rng.uniform(0.3, 1.0)
    cast = np.array([1 + warmth, 1.0, 1 - warmth], dtype=np.float32)
    veil = at(severity, 0.02, 0.04, 0.07, 0.1, 0.14)
    strength = at(severity, 0.2, 0.35, 0.5, 0.65, 0.8)
    glare = glare_layer(image.shape[:2], rng)[..., None] * np.float32(strength)
    light = to_light(image) * cast * np.float32(gain) + np.float32(veil) + glare * cast
    return from_light(np.asarray(light, dtype=np.float32))


def glare_layer(shape: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    """A soft bright spot from one side, H x W float32 in 0..1, brightest at the sun's place."""
    height, width = shape
    side = max(height, width)
    angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 0.6)
    sun_x = width / 2 + np.cos(angle) * distance * side
    sun_y = height / 2 + np.sin(angle) * distance * side
    y = np.arange(height, dtype=np.float32)[:, None]
    x = np.arange(width, dtype=np.float32)[None, :]
    away = np.hypot(x - np.float32(sun_x), y - np.float32(sun_y)) / side
    reach = rng.uniform(0.25, 0.45)
    return np.asarray(1.0 / (1.0 + (away / reach) ** 3), dtype=np.float32)
