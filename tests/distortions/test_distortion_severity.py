"""A higher severity takes an image further from its clean self."""

from __future__ import annotations

import numpy as np
import pytest

from steadyface.distortions import KINDS, apply, rng_for, variants
from steadyface.types import RGBImage

SEVERITIES = (1, 2, 3, 4, 5)
FORMS = [(kind, variant) for kind in KINDS for variant in variants(kind)]


def distance(
    image: RGBImage, kind: str, severity: float, seed: int, variant: str | None = None
) -> float:
    distorted = apply(image, kind, severity, rng_for(seed, kind), variant=variant)
    return float(np.abs(distorted.astype(int) - image).mean())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("kind", "variant"), FORMS)
def test_the_distance_rises_strictly_on_every_picture(
    kind: str, variant: str | None, seed: int, pictures: list[RGBImage]
) -> None:
    for image in pictures:
        distances = [distance(image, kind, severity, seed, variant) for severity in SEVERITIES]
        assert distances == sorted(set(distances))


@pytest.mark.parametrize("kind", KINDS)
def test_severities_in_between_lie_in_between(kind: str, pictures: list[RGBImage]) -> None:
    between = np.linspace(1, 5, 9)
    means = [
        np.mean(
            [distance(image, kind, float(s), seed) for image in pictures[:3] for seed in (5, 6)]
        )
        for s in between
    ]
    assert (np.diff(means) > 0).all()
