"""Low light: few photons, so the signal is dark and its own noise shows."""

from __future__ import annotations

import numpy as np

from steadyface.distortions.registry import distortion
from steadyface.distortions.tools import at, from_light, grain, to_light
from steadyface.types import RGBImage


@distortion("lowlight")
def lowlight(image: RGBImage, severity: float, rng: np.random.Generator) -> RGBImage:
    """Less exposure, shot noise of the photons left, read noise of the sensor, a colour cast.

    All noise is drawn from the normal distribution, with the variance that a count of photons has
    (as large as its mean, for it is Poisson) plus that of the read noise. Where few photons are
    left, as in shadows, true counts would also be skewed; these are not.
    """
    exposure = at(severity, 0.22, 0.12, 0.065, 0.035, 0.02) * rng.uniform(0.85, 1.15)
    full_well = at(severity, 6000, 4500, 3400, 2600, 2000)
    cast = 1 + rng.uniform(-1, 1, 3) * at(severity, 0.04, 0.07, 0.1, 0.13, 0.16)
    photons = to_light(image) * (exposure * cast * full_well).astype(np.float32)
    noise = grain(image, rng)
    read_noise = at(severity, 1.5, 1.8, 2.2, 2.6, 3.0)
    counted = photons + noise * np.sqrt(photons + read_noise**2)
    return from_light(np.asarray(counted / full_well, dtype=np.float32))
