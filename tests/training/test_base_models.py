"""The parts of the program that builds the packaged data; the program itself takes hours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from steadyface.models.catalog import load_catalog
from steadyface.pipeline import Analyzer
from steadyface.training.base_models import (
    DETECTOR,
    DISTORTED_COPIES,
    FACE_NETWORK,
    features_of,
    train_head,
    write_graph,
)
from steadyface.training.features import Features
from steadyface.training.gender_head import STRENGTHS, balanced_weights, fit
from steadyface.training.sources import LabelledFace
from steadyface.types import FloatArray


def faces_of(origin: str, people: int, images: int) -> list[LabelledFace]:
    return [
        LabelledFace(Path(f"{origin}{p}_{i}.jpg"), origin, p % 2 == 0, f"{p}")
        for p in range(people)
        for i in range(images)
    ]


def unit(rows: NDArray[np.float64]) -> FloatArray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def features(n: int, seed: int, *, width: int = 1024) -> Features:
    rng = np.random.default_rng(seed)
    embeddings = unit(rng.standard_normal((n, 128)))
    return Features(
        embeddings, rng.standard_normal((n, width)).astype(np.float32), rng.random(n) > 0.2
    )


def test_models_built_are_those_of_the_catalog() -> None:
    catalog = load_catalog()
    assert catalog.model(FACE_NETWORK).role == "face-network"
    assert catalog.model(DETECTOR).role == "detector"
    assert all(catalog.model(name).weights for name in (FACE_NETWORK, DETECTOR))
    assert len(set(DISTORTED_COPIES)) == len(DISTORTED_COPIES) > 0


def test_graph_is_written_where_the_catalog_expects_it(tmp_path: Path) -> None:
    (tmp_path / "models" / "data").mkdir(parents=True)
    write_graph(tmp_path, DETECTOR, b"graph")
    graph = load_catalog().model(DETECTOR).graph
    assert (tmp_path / "models" / "data" / graph).read_bytes() == b"graph"


# --- the cache of features ------------------------------------------------------------------------


@pytest.mark.models
def test_features_are_extracted_and_kept(
    tmp_path: Path, identities: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = sorted((identities / "female").glob("*/*.jpg"))[:4]
    faces = [LabelledFace(path, "demo", True, path.parent.name) for path in images]
    clean = features_of(faces, None, tmp_path / "cache")
    assert clean.usable.all()
    distorted = features_of(faces, 1, tmp_path / "cache")
    assert not np.allclose(clean.pooled, distorted.pooled)
    similarity = clean.embeddings @ clean.embeddings.T
    assert similarity[0, 1] > 0.5 > similarity[0, 3]  # Ada, Ada, Ada, Bea
    names = sorted(path.name.rsplit("-", 1)[0] for path in (tmp_path / "cache").iterdir())
    assert names == ["clean", "distorted-1"]
    monkeypatch.setattr(Analyzer, "analyze_many", None)
    again = features_of(faces, None, tmp_path / "cache")
    np.testing.assert_array_equal(again.embeddings, clean.embeddings)


# --- the head -------------------------------------------------------------------------------------


def test_head_is_fitted_on_the_usable_rows_of_every_condition() -> None:
    faces = [*faces_of("lfw", 10, 2), *faces_of("utkface", 20, 1)]
    conditions = [features(len(faces), seed, width=6) for seed in (0, 1)]
    head, scores = train_head(faces, conditions)
    rows = [
        (condition.pooled[index], face)
        for condition in conditions
        for index, face in enumerate(faces)
        if condition.usable[index]
    ]
    pooled = np.stack([row for row, _ in rows])
    female = np.array([face.female for _, face in rows])
    weights = balanced_weights(female, np.array([face.origin for _, face in rows]))
    assert list(scores) == list(STRENGTHS)
    best = max(scores, key=lambda strength: scores[strength])
    expected = fit(pooled, female, weights, best)
    assert set(head) == set(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(head[name], values)


def test_people_of_the_same_name_in_two_sources_are_two_people(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[NDArray[np.str_]] = []

    def choose(*arguments: NDArray[np.str_]) -> tuple[float, dict[float, float]]:
        seen.append(arguments[3])
        return 1.0, {1.0: 0.5}

    monkeypatch.setattr("steadyface.training.gender_head.choose_strength", choose)
    faces = [*faces_of("lfw", 2, 1), *faces_of("utkface", 2, 1)]
    some = features(4, 0, width=3)
    train_head(faces, [Features(some.embeddings, some.pooled, np.ones(4, dtype=np.bool_))])
    assert seen[0].tolist() == ["lfw/0", "lfw/1", "utkface/0", "utkface/1"]
