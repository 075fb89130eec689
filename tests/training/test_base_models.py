"""The parts of the program that builds the packaged data; the program itself takes hours."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from steadyface.errors import DatasetLayoutError
from steadyface.matching.calibration import load_calibration, parse_calibration
from steadyface.models.catalog import load_catalog
from steadyface.training import base_models
from steadyface.training.base_models import (
    DETECTOR,
    DISTORTED_COPIES,
    FACE_NETWORK,
    calibrate,
    features_of,
    train_head,
    write_graph,
)
from steadyface.training.calibrate import RATES, fit_thresholds
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
    assert catalog.default("face-network").id == FACE_NETWORK
    assert catalog.default("detector").id == DETECTOR
    assert len(set(DISTORTED_COPIES)) == len(DISTORTED_COPIES) > 0


def test_graph_is_written_where_the_catalog_expects_it(tmp_path: Path) -> None:
    (tmp_path / "models" / "data").mkdir(parents=True)
    write_graph(tmp_path, DETECTOR, b"graph")
    graph = load_catalog().model(DETECTOR).graph
    assert (tmp_path / "models" / "data" / graph).read_bytes() == b"graph"


# --- the cache of features ------------------------------------------------------------------------


def stored(file: Path, features_: Features) -> None:
    np.savez(
        file,
        embeddings=features_.embeddings,
        pooled=features_.pooled,
        usable=features_.usable,
    )


@pytest.mark.parametrize(("seed", "name"), [(None, "clean.npz"), (2, "distorted-2.npz")])
def test_features_come_from_the_cache_where_it_has_them(
    tmp_path: Path, seed: int | None, name: str
) -> None:
    expected = features(6, 0)
    stored(tmp_path / name, expected)
    got = features_of(faces_of("lfw", 3, 2), seed, tmp_path)
    np.testing.assert_array_equal(got.embeddings, expected.embeddings)
    np.testing.assert_array_equal(got.pooled, expected.pooled)
    np.testing.assert_array_equal(got.usable, expected.usable)


def test_cache_of_other_faces_is_refused(tmp_path: Path) -> None:
    stored(tmp_path / "clean.npz", features(5, 0))
    with pytest.raises(DatasetLayoutError) as caught:
        features_of(faces_of("lfw", 3, 2), None, tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'clean.npz'}: holds the features of 5 faces, but the data has 6; delete it"
    )


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
    names = sorted(path.name for path in (tmp_path / "cache").iterdir())
    assert names == ["clean.npz", "distorted-1.npz"]
    monkeypatch.setattr(base_models, "extract", None)
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


# --- calibration ----------------------------------------------------------------------------------


def test_calibration_is_of_usable_celeba_pairs_clean_and_distorted() -> None:
    rng = np.random.default_rng(0)
    faces = [*faces_of("lfw", 3, 2), *faces_of("celeba", 15, 4)]
    n = len(faces)
    people = np.array([int(face.identity) for face in faces])
    centres = rng.standard_normal((15, 128))[people]
    clean, distorted = (
        Features(
            unit(centres + noise * rng.standard_normal((n, 128))),
            np.zeros((n, 1), dtype=np.float32),
            rng.random(n) > 0.1,
        )
        for noise in (0.3, 0.9)
    )
    made = calibrate(faces, clean, distorted)
    use = [
        i
        for i, face in enumerate(faces)
        if face.origin == "celeba" and clean.usable[i] and distorted.usable[i]
    ]
    mated: list[float] = []
    non_mated: list[float] = []
    for probes in (clean, distorted):
        for a, i in enumerate(use):
            for j in use[a + 1 :]:
                score = float(clean.embeddings[i] @ probes.embeddings[j])
                (mated if people[i] == people[j] else non_mated).append(score)
    facts = made["made"]
    assert (facts["images"], facts["mated"], facts["non_mated"]) == (
        len(use),
        len(mated),
        len(non_mated),
    )
    assert facts["identities"] == len({people[i] for i in use})
    expected = fit_thresholds(
        np.array(mated, dtype=np.float32), np.array(non_mated, dtype=np.float32)
    )
    assert [point["fmr"] for point in made["thresholds"]] == [point["fmr"] for point in expected]
    for point, other in zip(made["thresholds"], expected, strict=True):
        assert point["threshold"] == pytest.approx(other["threshold"], abs=2e-6)
        assert point["tar"] == pytest.approx(other["tar"], abs=0.01)
    today = datetime.now(UTC).date()
    assert abs(date.fromisoformat(facts["date"]) - today).days <= 1
    assert parse_calibration(json.dumps(made), "made").model_id == FACE_NETWORK


def test_packaged_calibration_says_how_it_was_made_and_supports_the_rates_promised() -> None:
    calibration = load_calibration(FACE_NETWORK)
    assert calibration.model_id == FACE_NETWORK
    made = calibration.made
    assert "CelebA" in made["data"]
    assert "no image of LFW" in made["data"]
    assert made["command"] == "python -m steadyface.training.base_models --data DATA"
    assert made["non_mated"] > 1e6
    assert made["mated"] > 1000
    assert made["identities"] > 1000
    assert [rate for rate, _ in calibration.points] == list(RATES)
    thresholds = [threshold for _, threshold in calibration.points]
    assert thresholds == sorted(thresholds)
    assert 0 < thresholds[0] < thresholds[-1] < 1
