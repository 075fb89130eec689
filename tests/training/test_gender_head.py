from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from steadyface.training.gender_head import (
    STRENGTHS,
    balanced_weights,
    choose_strength,
    fit,
    logits,
    predict,
)
from steadyface.types import FloatArray


def features(n: int, width: int = 8, seed: int = 0) -> FloatArray:
    """Correlated features of very different sizes and centres."""
    rng = np.random.default_rng(seed)
    mixed = rng.standard_normal((n, width)) @ rng.standard_normal((width, width))
    return (mixed * np.geomspace(0.01, 10, width) + np.arange(width) * 5).astype(np.float32)


def labels(pooled: FloatArray, seed: int = 0) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Labels that lean on the features, with noise; about a third are female."""
    rng = np.random.default_rng(seed)
    unit = (pooled - pooled.mean(axis=0)) / pooled.std(axis=0)
    score = unit @ rng.standard_normal(pooled.shape[1]) + rng.standard_normal(len(pooled))
    return np.asarray(score > np.quantile(score, 0.65))


# --- weights --------------------------------------------------------------------------------------


def test_weights_by_hand() -> None:
    female = np.array([True, False, False, True, False, False])
    origin = np.array(["a", "a", "a", "b", "b", "b"])
    expected = [1.5, 0.75, 0.75, 1.5, 0.75, 0.75]
    assert balanced_weights(female, origin).tolist() == pytest.approx(expected)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["lfw", "utkface", "c"])), min_size=1))
def test_every_gender_of_every_source_weighs_the_same(rows: list[tuple[bool, str]]) -> None:
    female = np.array([row[0] for row in rows])
    origin = np.array([row[1] for row in rows])
    weights = balanced_weights(female, origin)
    cells = set(rows)
    sums = [weights[(female == f) & (origin == o)].sum() for f, o in cells]
    assert sums == pytest.approx([len(rows) / len(cells)] * len(cells))
    assert weights.mean() == pytest.approx(1.0)


# --- fitting --------------------------------------------------------------------------------------


def test_the_head_is_as_good_as_a_logistic_regression_where_that_is_right() -> None:
    pooled = features(2000)
    female = labels(pooled)
    head = fit(pooled[:1500], female[:1500], np.ones(1500), 0.1)
    unit = (pooled - pooled.mean(axis=0)) / pooled.std(axis=0)
    peer = LogisticRegression().fit(unit[:1500], female[:1500])
    ours = float((predict(pooled[1500:], head) == female[1500:]).mean())
    assert ours >= peer.score(unit[1500:], female[1500:]) - 0.02
    assert ours > 0.8


def test_the_head_learns_what_no_line_can_part() -> None:
    pooled = np.random.default_rng(0).standard_normal((2000, 3)).astype(np.float32)
    female = pooled[:, 0] * pooled[:, 1] > 0
    head = fit(pooled, female, np.ones(2000), 0.01)
    assert (predict(pooled, head) == female).mean() > 0.9


def test_probabilities_mean_what_they_say() -> None:
    pooled = features(4000)
    female = labels(pooled)
    head = fit(pooled[:3000], female[:3000], np.ones(3000), 0.1)
    p = 1 / (1 + np.exp(-logits(pooled[3000:], head).astype(np.float64)))
    for low, high in ((0.0, 0.2), (0.2, 0.8), (0.8, 1.0)):
        chosen = (p >= low) & (p <= high)
        assert p[chosen].mean() == pytest.approx(female[3000:][chosen].mean(), abs=0.1)


def test_shapes_and_repeatability() -> None:
    pooled = features(300)
    head = fit(pooled, labels(pooled), np.ones(300), 1.0)
    width = len(head["weight"])
    shapes = {"hidden_weight": (8, width), "hidden_bias": (width,), "bias": (1,)}
    assert {name: head[name].shape for name in shapes} == shapes
    assert all(values.dtype == np.float32 for values in head.values())
    again = fit(pooled, labels(pooled), np.ones(300), 1.0)
    assert all(np.array_equal(head[name], again[name]) for name in head)


def test_logits_by_hand() -> None:
    head = {
        "hidden_weight": np.array([[1, -1, 2], [0, 1, 1]], dtype=np.float32),
        "hidden_bias": np.array([0.5, 0, -1], dtype=np.float32),
        "weight": np.array([2, 3, -1], dtype=np.float32),
        "bias": np.array([0.25], dtype=np.float32),
    }
    pooled = np.array([[1, 2], [-2, 1]], dtype=np.float32)
    # relu(1.5, 1, 3) and relu(-1.5, 3, -4)
    assert logits(pooled, head).tolist() == [3 + 3 - 3 + 0.25, 9 + 0.25]


def test_weights_are_heeded() -> None:
    pooled = features(300)
    female = labels(pooled)
    ones = np.ones(len(pooled))
    for_women = fit(pooled, female, np.where(female, 10.0, 1.0), 1.0)
    for_men = fit(pooled, female, np.where(female, 1.0, 10.0), 1.0)
    share = [predict(pooled, head).mean() for head in (for_men, fit(pooled, female, ones, 1.0))]
    assert share[0] < share[1] < predict(pooled, for_women).mean()


def test_features_that_never_change_do_no_harm() -> None:
    pooled = np.hstack([features(100), np.full((100, 1), 7, dtype=np.float32)])
    head = fit(pooled, labels(pooled[:, :8]), np.ones(100), 0.1)
    assert all(np.isfinite(values).all() for values in head.values())


def test_predict_reads_half_and_more_as_female() -> None:
    head = {
        "hidden_weight": np.eye(2, dtype=np.float32),
        "hidden_bias": np.zeros(2, dtype=np.float32),
        "weight": np.array([2.0, -1.0], dtype=np.float32),
        "bias": np.array([-1.0], dtype=np.float32),
    }
    pooled = np.array([[1, 1], [1, 1.01], [0.51, 0], [0, 0]], dtype=np.float32)
    assert predict(pooled, head).tolist() == [True, False, True, False]


# --- choosing the penalty -------------------------------------------------------------------------


def test_nobody_is_on_both_sides_of_a_fold() -> None:
    # A feature for each person and labels by the toss of a coin: with a person on both sides the
    # head would know every answer, with people apart it can only guess.
    rng = np.random.default_rng(0)
    people = np.repeat([f"p{i}" for i in range(40)], 5)
    pooled = np.repeat(np.eye(40, dtype=np.float32) * 10, 5, axis=0)
    female = np.repeat(rng.permutation(40) < 20, 5)
    _, scores = choose_strength(pooled, female, np.ones(200), people, [0.01])
    known = predict(pooled, fit(pooled, female, np.ones(200), 0.01)) == female
    assert known.mean() > 0.95
    assert scores[0.01] <= 0.7


def test_the_best_strength_is_chosen_and_every_score_told() -> None:
    # A penalty this strong leaves only the intercept, which says `male`, the more frequent.
    pooled = np.random.default_rng(0).standard_normal((200, 4)).astype(np.float32)
    female = pooled[:, 0] > 0.5
    people = np.arange(200).astype(str)
    for strengths in ([1e4, 0.1], [0.1, 1e4]):
        best, scores = choose_strength(pooled, female, np.ones(200), people, strengths)
        assert list(scores) == strengths
        assert best == 0.1
        assert scores[1e4] == 0.5
        assert 0.9 < scores[0.1] <= 1.0


def test_scores_are_weighted_like_the_training() -> None:
    # Half of the rows say the opposite of the other half, but hardly weigh.
    pooled = np.random.default_rng(0).standard_normal((200, 2)).astype(np.float32)
    counts = np.arange(200) % 2 == 0
    female = (pooled[:, 0] > 0) == counts
    weights = np.where(counts, 2.0, 1e-6)
    _, scores = choose_strength(pooled, female, weights, np.arange(200).astype(str), [0.1])
    assert scores[0.1] > 0.9


def test_scores_count_both_genders_alike() -> None:
    # Nothing to learn: with equal weights the head says `male` for all, and is right in one half.
    pooled = np.zeros((100, 2), dtype=np.float32)
    pooled[:, 0] = np.arange(100) % 7
    female = np.arange(100) % 5 == 0
    _, scores = choose_strength(pooled, female, np.ones(100), np.arange(100).astype(str), [1e4])
    assert scores[1e4] == pytest.approx(0.5, abs=0.01)


def test_strengths_to_choose_from_rise() -> None:
    assert list(STRENGTHS) == sorted(set(STRENGTHS))
    assert min(STRENGTHS) > 0
