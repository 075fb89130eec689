"""An image as it is shown under a condition: the same in measuring and in the report."""

from __future__ import annotations

from steadyface.distortions import apply, rng_for
from steadyface.distortions.suites import Condition
from steadyface.types import RGBImage


def as_under(condition: Condition | None, image: RGBImage, name: str, seed: int) -> RGBImage:
    """The image, distorted as the condition, its name and the seed say."""
    if condition is None:
        return image
    return apply(image, condition.kind, condition.severity, rng_for(seed, name, condition.kind))
