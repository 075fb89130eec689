from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyface.training.comparisons import Faces, joined, pairs, templates
from steadyface.types import FloatArray


def unit_rows(n: int, seed: int) -> FloatArray:
    rows = np.random.default_rng(seed).standard_normal((n, 6)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def faces(n: int, seed: int) -> Faces:
    unreliable = np.random.default_rng(seed + 7).random(n).astype(np.float32)
    return Faces(unit_rows(n, seed), unreliable)


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=12), st.integers(0, 1000))
def test_pairs_are_those_of_a_double_loop(people: list[str], seed: int) -> None:
    references, probes = faces(len(people), seed), faces(len(people), seed + 1)
    both = pairs(references, probes, np.array(people), np.arange(len(people)))
    expected: dict[bool, list[tuple[float, float, float]]] = {True: [], False: []}
    for i in range(len(people)):
        for j in range(i + 1, len(people)):
            score = float(np.dot(references.vectors[i].astype(float), probes.vectors[j]))
            row = (score, float(references.unreliable[i]), float(probes.unreliable[j]))
            expected[people[i] == people[j]].append(row)
    for found, same in zip(both, (True, False), strict=True):
        assert found.scores.dtype == np.float32
        rows = np.stack([found.scores, found.references, found.probes], 1)
        wanted = np.array(expected[same]).reshape(-1, 3)
        np.testing.assert_allclose(rows, wanted, atol=1e-6)


def test_an_image_is_never_compared_with_itself() -> None:
    some = faces(5, 0)
    mated, non_mated = pairs(some, some, np.zeros(5, dtype=int), np.arange(5))
    assert len(mated) == 10
    assert len(non_mated) == 0
    assert mated.scores.max() < 0.999


def test_probes_may_be_of_some_images_alone() -> None:
    people, images = np.array([0, 0, 1, 1, 2]), np.array([1, 4])
    references, probes = faces(5, 0), faces(2, 1)
    mated, non_mated = pairs(references, probes, people, images)
    first, second = references.vectors, probes.vectors
    assert mated.scores.tolist() == pytest.approx([float(first[0] @ second[0])], abs=1e-6)
    expected = [float(first[i] @ second[1]) for i in range(4)]
    assert non_mated.scores.tolist() == pytest.approx(expected, abs=1e-6)


@given(st.lists(st.sampled_from([0, 1, 2]), min_size=4, max_size=14), st.integers(0, 1000))
def test_templates_are_never_compared_with_what_they_are_made_of(
    people: list[int], seed: int
) -> None:
    identities, some = np.array(people), faces(len(people), seed)
    mated, non_mated = templates(some, some, identities, np.arange(len(people)), 2)
    counts = np.bincount(identities, minlength=3)
    having = [int(n) for n in counts if n >= 2]
    assert len(mated) == sum(n - 2 for n in having)
    assert len(non_mated) == sum(len(people) - n for n in having)
    assert np.abs(joined([mated, non_mated]).scores).max(initial=0) <= 1 + 1e-6


def test_a_template_is_the_normalised_mean_of_its_references() -> None:
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32)
    some = Faces(vectors, np.array([0.2, 0.4, 0.9], dtype=np.float32))
    mated, non_mated = templates(some, some, np.array([0, 0, 1]), np.arange(3), 2)
    assert len(mated) == 0
    assert non_mated.scores.tolist() == pytest.approx([(0.6 + 0.8) / 2**0.5])
    assert non_mated.references.tolist() == pytest.approx([0.3])
    assert non_mated.probes.tolist() == pytest.approx([0.9])
