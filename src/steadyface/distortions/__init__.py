"""Distortions: pure functions (image, severity, generator) -> image, in seven families."""

# Importing a family registers it.
from steadyface.distortions import (  # noqa: F401
    blurred,
    foggy,
    lowlight,
    noisy,
    rainy,
    resized,
    sunny,
)
from steadyface.distortions.applying import apply, compose, rng_for
from steadyface.distortions.naming import distorted_name, kind_of
from steadyface.distortions.registry import kinds, variants
from steadyface.distortions.sheet import contact_sheet
from steadyface.distortions.suites import SUITES, Condition

KINDS = kinds()

__all__ = [
    "KINDS",
    "SUITES",
    "Condition",
    "apply",
    "compose",
    "contact_sheet",
    "distorted_name",
    "kind_of",
    "rng_for",
    "variants",
]
