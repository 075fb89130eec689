"""The networks trained by this project on the sample identities: bounds below what was measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from steadyface.distortions import KINDS, apply, rng_for
from steadyface.imaging.decode import decode
from steadyface.imaging.geometry import align
from steadyface.models.catalog import load_catalog
from steadyface.models.defaults import load_detector, load_network
from steadyface.models.face_network import NetworkOutput
from steadyface.models.plain import PlainDetector
from steadyface.pipeline import Network
from steadyface.types import RGBImage

#: All that is shipped, graphs of base models included.
MOST_BYTES = 25e6


@pytest.fixture(scope="module")
def portraits(identities: Path) -> list[RGBImage]:
    return [decode(file) for file in sorted(identities.rglob("*_0001.jpg"))]


@pytest.fixture(scope="module")
def finder() -> PlainDetector:
    return PlainDetector(load_detector("yunet-steady-1"))


@pytest.fixture(scope="module")
def steady() -> Network:
    return load_network("sface-steady-2")


def shown(photo: RGBImage, number: int, kind: str, severity: float) -> RGBImage:
    return apply(photo, kind, severity, rng_for(number, kind))


def mean_cosine(a: NetworkOutput, b: NetworkOutput) -> float:
    return float(np.einsum("ij,ij->i", a.embeddings, b.embeddings).mean())


@pytest.mark.parametrize("severity", [3, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_every_face_is_found_without_other_views(
    portraits: list[RGBImage], finder: PlainDetector, kind: str, severity: float
) -> None:
    for number, photo in enumerate(portraits):
        clean = finder.find(photo)[0].landmarks
        found = finder.find(shown(photo, number, kind, severity))
        assert found, f"portrait {number}"
        away = np.linalg.norm(found[0].landmarks - clean, axis=1).mean()
        assert away < 0.25 * np.linalg.norm(clean[0] - clean[1])


@pytest.mark.models
@pytest.mark.parametrize("kind", KINDS)
def test_distorted_faces_stay_nearer_to_their_clean_selves_than_with_the_base(
    portraits: list[RGBImage], finder: PlainDetector, steady: Network, kind: str
) -> None:
    base = load_network("sface-base")
    points = [finder.find(photo)[0].landmarks for photo in portraits]
    clean = [align(photo, p) for photo, p in zip(portraits, points, strict=True)]
    bad = [
        align(shown(photo, number, kind, 3), p)
        for number, (photo, p) in enumerate(zip(portraits, points, strict=True))
    ]
    kept = mean_cosine(steady.run(bad), steady.run(clean))
    assert kept > mean_cosine(base.run(bad), base.run(clean)) + 0.06
    assert kept > 0.62


def test_quality_falls_and_kinds_are_told(
    portraits: list[RGBImage], finder: PlainDetector, steady: Network
) -> None:
    right: list[bool] = []
    told: dict[int, list[float]] = {severity: [] for severity in (1, 3, 5)}
    for number, photo in enumerate(portraits):
        points = finder.find(photo)[0].landmarks
        for kind in KINDS:
            crops = [align(shown(photo, number, kind, s), points) for s in told]
            output = steady.run(crops)
            assert output.quality is not None and output.distortion is not None
            for severity, quality in zip(told, output.quality, strict=True):
                told[severity].append(float(quality))
            right.append(output.distortion_labels[int(output.distortion[1].argmax())] == kind)
    means = [np.mean(told[severity]) for severity in (1, 3, 5)]
    assert means[0] > means[1] + 0.05 and means[1] > means[2] + 0.05
    assert np.mean(right) > 0.7


def test_what_ships_stays_small() -> None:
    catalog = load_catalog()
    sizes = [len((catalog.folder / entry.graph).read_bytes()) for entry in catalog.models]
    assert sum(sizes) < MOST_BYTES
