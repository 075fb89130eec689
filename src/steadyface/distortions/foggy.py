"""Fog: light from the scene fades with distance and airlight takes its place."""

from __future__ import annotations

import cv2
import numpy as np

from steadyface.distortions.registry import distortion
from steadyface.distortions.tools import at, from_light, scale_of, smooth_field, to_light
from steadyface.types import FloatArray, RGBImage


@distortion("foggy")
def foggy(image: RGBImage, severity: float, rng: np.random.Generator) -> RGBImage:
    """Koschmieder's law: seen = light * t + airlight * (1 - t), with t = exp(-density * depth).

    Source: Koschmieder, "Theorie der horizontalen Sichtweite", 1924. Depth varies smoothly, and
    droplets scatter the light a little to the sides.
    """
    density = at(severity, 0.3, 0.57, 0.86, 1.17, 1.5)
    depth = 0.7 + 0.6 * smooth_field(image.shape[:2], rng)
    transmission = np.exp(-density * depth)[..., None]
    airlight = rng.uniform(0.62, 0.85) * (1 + rng.uniform(-0.03, 0.03, 3))
    spread = at(severity, 0.3, 0.5, 0.7, 0.9, 1.1) * scale_of(image)
    soft = cv2.GaussianBlur(to_light(image), (0, 0), max(spread, 0.2)).reshape(image.shape)
    seen: FloatArray = (soft * transmission + airlight * (1 - transmission)).astype(np.float32)
    return from_light(seen)
