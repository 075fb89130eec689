from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from steadyface.distortions import KINDS, apply, rng_for
from steadyface.errors import ImageNotFoundError, NotAnImageError
from steadyface.imaging.decode import decode
from steadyface.imaging.geometry import CROP_LANDMARKS
from steadyface.imaging.write import write_image
from steadyface.models.catalog import Preprocessing
from steadyface.models.session import OnnxSession
from steadyface.training.features import (
    FeatureNetwork,
    Sample,
    extract,
    load_sample,
    random_distortion,
)
from steadyface.types import Box, Detection, FloatArray, RGBImage


class FakeSession:
    """The embedding is 3 in the first place; the features tell the crop's brightness."""

    def run(self, batch: FloatArray) -> dict[str, NDArray[Any]]:
        n = len(batch)
        embedding = np.zeros((n, 128), dtype=np.float32)
        embedding[:, 0] = 3
        embedding[:, 1] = -4
        features = np.zeros((n, 1024), dtype=np.float32)
        features[:, 5] = batch.mean(axis=(1, 2, 3))
        return {"embedding": embedding, "features": features}


class FakeFinder:
    """Finds a face in every image but black ones."""

    def find(self, image: RGBImage) -> list[Detection]:
        points = np.asarray(CROP_LANDMARKS, dtype=np.float32)
        return [Detection(Box(0, 0, 112, 112), points, 0.9)] if image.any() else []


@pytest.fixture
def network() -> FeatureNetwork:
    recipe = Preprocessing("RGB", (0, 0, 0), (1, 1, 1))
    return FeatureNetwork(cast(OnnxSession, FakeSession()), recipe)


def grey(path: Path, value: int) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    write_image(path, np.full((112, 112, 3), value, dtype=np.uint8))
    return path


# --- which distortion -----------------------------------------------------------------------------


def test_distortion_of_an_image_is_fixed_by_its_name_and_the_seed() -> None:
    first = random_distortion(Path("a/1.jpg"), 1)
    assert first == random_distortion(Path("a/1.jpg"), 1)
    elsewhere = random_distortion(Path("b/1.jpg"), 1)
    assert (elsewhere.kind, elsewhere.severity) == (first.kind, first.severity)
    assert (first.path, first.seed) == (Path("a/1.jpg"), 1)
    assert random_distortion(Path("a/1.jpg"), 2).severity != first.severity
    assert random_distortion(Path("a/2.jpg"), 1).severity != first.severity


def test_every_kind_is_drawn_about_as_often_and_every_severity() -> None:
    samples = [random_distortion(Path(f"{i}.jpg"), 1) for i in range(2000)]
    for kind in KINDS:
        share = sum(sample.kind == kind for sample in samples) / len(samples)
        assert share == pytest.approx(1 / len(KINDS), abs=0.03)
    severities = [sample.severity for sample in samples]
    assert 1 <= min(severities) < 1.05
    assert 4.95 < max(severities) <= 5
    assert np.mean(severities) == pytest.approx(3, abs=0.1)


def test_clean_sample_is_the_image(tmp_path: Path) -> None:
    path = grey(tmp_path / "1.png", 90)
    np.testing.assert_array_equal(load_sample(Sample(path)), decode(path))


@pytest.mark.parametrize("kind", KINDS)
def test_distorted_sample_is_distorted_as_it_says(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "1.png"
    write_image(path, np.random.default_rng(0).integers(0, 256, (60, 50, 3), dtype=np.uint8))
    loaded = load_sample(Sample(path, kind, 2.5, seed=7))
    expected = apply(decode(path), kind, 2.5, rng_for(7, "1.png"))
    np.testing.assert_array_equal(loaded, expected)
    assert not np.array_equal(loaded, decode(path))


# --- extraction -----------------------------------------------------------------------------------


def test_network_puts_a_unit_embedding_before_the_features(network: FeatureNetwork) -> None:
    output = network.run([np.full((112, 112, 3), 50, dtype=np.uint8)])
    assert output.p_female is None
    (row,) = output.embeddings
    assert (row.shape, row.dtype) == ((1152,), np.float32)
    assert row[:2].tolist() == pytest.approx([0.6, -0.8])
    assert row[128 + 5] == pytest.approx(50)
    assert np.count_nonzero(row) == 3


def test_rows_keep_the_order_of_the_samples_and_lost_faces_keep_their_place(
    tmp_path: Path, network: FeatureNetwork
) -> None:
    values = [(i * 37) % 200 + 1 for i in range(40)]
    values[0] = values[17] = values[39] = 0
    samples = [Sample(grey(tmp_path / f"{i}.png", value)) for i, value in enumerate(values)]
    features = extract(samples, FakeFinder(), network, tmp_path / "kept.npz")
    assert features.embeddings.shape == (40, 128)
    assert features.pooled.shape == (40, 1024)
    assert features.usable.dtype == np.bool_
    assert np.flatnonzero(~features.usable).tolist() == [0, 17, 39]
    assert features.pooled[:, 5].tolist() == pytest.approx(values, abs=0.5)
    assert not features.embeddings[~features.usable].any()
    lengths = np.linalg.norm(features.embeddings[features.usable], axis=1)
    np.testing.assert_allclose(lengths, 1, rtol=1e-6)


def test_image_that_cannot_be_read_is_not_taken_for_one_without_a_face(
    tmp_path: Path, network: FeatureNetwork
) -> None:
    good = Sample(grey(tmp_path / "1.png", 90))
    with pytest.raises(ImageNotFoundError, match=r"gone\.jpg"):
        extract([good, Sample(tmp_path / "gone.jpg")], FakeFinder(), network, tmp_path / "a.npz")
    (tmp_path / "text.jpg").write_text("hello", encoding="utf-8")
    with pytest.raises(NotAnImageError, match=r"text\.jpg"):
        extract([Sample(tmp_path / "text.jpg"), good], FakeFinder(), network, tmp_path / "b.npz")
