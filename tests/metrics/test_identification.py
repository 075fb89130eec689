"""Identification metrics against SciPy, scikit-learn and cases worked by hand."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata
from sklearn.metrics import roc_curve, top_k_accuracy_score

from steadyface.errors import MetricError
from steadyface.metrics import (
    NO_RANK,
    cmc,
    dir_at,
    fnir_at,
    fnir_at_fpir,
    fpir_at,
    rank_k,
    ranks,
)

# Four enrolled probes against three identities, then four strangers.
SCORES = np.array(
    [
        [0.9, 0.2, 0.1],  # identity 0: rank 1 at 0.9
        [0.6, 0.6, 0.1],  # identity 1: tied with another, rank 2 at 0.6
        [0.5, 0.7, 0.3],  # identity 2: rank 3 at 0.3
        [-inf, -inf, -inf],  # identity 0: failed to acquire
        [0.4, 0.1, 0.0],  # strangers
        [0.1, 0.65, 0.0],
        [0.2, 0.1, 0.3],
        [-inf, -inf, -inf],
    ]
)
TRUTH = np.array([0, 1, 2, 0, -1, -1, -1, -1])
BEST_UNKNOWN = np.array([0.4, 0.65, 0.3, -inf])


def test_ranks_by_hand() -> None:
    assert ranks(SCORES, TRUTH).tolist() == [1, 2, 3, NO_RANK]


@pytest.mark.parametrize("digits", [8, 1])
def test_ranks_are_scipys_of_falling_scores_ties_last(digits: int) -> None:
    rng = np.random.default_rng(digits)
    scores, truth = np.round(rng.random((50, 20)), digits), rng.integers(20, size=50)
    expected = rankdata(-scores, method="max", axis=1)[np.arange(50), truth]
    assert ranks(scores, truth).tolist() == expected.astype(int).tolist()


def test_a_failed_reference_of_the_true_identity_is_never_found() -> None:
    assert ranks(np.array([[-inf, 0.1, 0.2]]), np.array([0])).tolist() == [NO_RANK]


def test_a_failed_reference_of_another_identity_does_not_hinder() -> None:
    assert ranks(np.array([[0.3, -inf, 0.2]]), np.array([2])).tolist() == [2]


def test_a_failed_probe_is_missed_at_every_rank_also_in_a_small_gallery() -> None:
    found = ranks(np.array([[-inf], [0.5]]), np.array([0, 0]))
    assert rank_k(found, 1) == 0.5
    assert rank_k(found, 10**9) == 0.5
    assert cmc(found, 4).tolist() == [0.5, 0.5, 0.5, 0.5]


def test_rank_k_is_sklearns_top_k_accuracy() -> None:
    rng = np.random.default_rng(4)
    scores, truth = rng.random((80, 12)), rng.integers(12, size=80)
    found = ranks(scores, truth)
    for k in (1, 5, 11):
        expected = top_k_accuracy_score(truth, scores, k=k, labels=np.arange(12))
        assert rank_k(found, k) == pytest.approx(expected)


def test_rank_k_and_cmc_by_hand() -> None:
    found = ranks(SCORES, TRUTH)
    assert [rank_k(found, k) for k in (1, 2, 3, 4)] == [0.25, 0.5, 0.75, 0.75]
    assert cmc(found, 3).tolist() == [0.25, 0.5, 0.75]


def test_cmc_is_rank_k_at_each_rank() -> None:
    found = np.random.default_rng(5).integers(1, 30, size=200)
    curve = cmc(found, 40)
    assert curve.tolist() == [rank_k(found, k) for k in range(1, 41)]
    assert curve[-1] == 1.0


def test_fpir_by_hand_counts_failures_as_searches_that_return_nobody() -> None:
    assert fpir_at(BEST_UNKNOWN, 0.4) == 0.5
    assert fpir_at(BEST_UNKNOWN, np.nextafter(0.4, 1)) == 0.25
    assert fpir_at(BEST_UNKNOWN, -inf) == 0.75
    assert fpir_at(BEST_UNKNOWN, inf) == 0.0
    assert fpir_at(np.full(3, -inf, dtype=np.float32), -inf) == 0.0


def test_fpir_is_sklearns_false_positive_rate() -> None:
    rng = np.random.default_rng(6)
    best, known = np.round(rng.random(100), 1), np.round(rng.random(50), 1)
    truth = np.repeat([0, 1], [100, 50])
    fpr, _, thresholds = roc_curve(truth, np.concatenate((best, known)), drop_intermediate=False)
    assert [fpir_at(best, t) for t in thresholds] == pytest.approx(fpr.tolist())


@pytest.mark.parametrize(
    ("threshold", "rank_limit", "misses"),
    [
        (-inf, None, 1),  # only the failure
        (0.3, None, 1),
        (0.31, None, 2),
        (0.6, None, 2),
        (0.61, None, 3),
        (inf, None, 4),
        (-inf, 1, 3),
        (-inf, 2, 2),
        (-inf, 3, 1),
        (0.5, 2, 2),
        (0.7, 2, 3),
    ],
)
def test_fnir_by_hand_and_dir_is_the_rest(
    threshold: float, rank_limit: int | None, misses: int
) -> None:
    assert fnir_at(SCORES, TRUTH, threshold, rank_limit) == misses / 4
    assert dir_at(SCORES, TRUTH, threshold, rank_limit) == 1 - misses / 4


def test_fnir_and_dir_ask_for_rank_one_unless_told() -> None:
    assert fnir_at(SCORES, TRUTH, 0.2) == 0.75
    assert dir_at(SCORES, TRUTH, 0.2) == 0.25


def test_fnir_at_fpir_by_hand() -> None:
    # One of four strangers may be returned: the threshold is just above 0.4.
    assert fnir_at_fpir(SCORES, TRUTH, 0.25, None) == 0.5
    assert fnir_at_fpir(SCORES, TRUTH, 0.25) == 0.75
    # Three of four: no threshold is needed, since the fourth returned nobody.
    assert fnir_at_fpir(SCORES, TRUTH, 0.75, None) == 0.25
    assert fnir_at_fpir(SCORES, TRUTH, 1.0, None) == 0.25


def test_fnir_at_fpir_is_not_measurable_with_too_few_strangers() -> None:
    assert fnir_at_fpir(SCORES, TRUTH, 0.24) is None
    assert fnir_at_fpir(SCORES, TRUTH, 0.0) is None


scores_of_eight = st.lists(
    st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=3, max_size=3),
    min_size=8,
    max_size=8,
)


@given(scores_of_eight, st.floats(0.25, 1.0), st.sampled_from([None, 1, 2]))
def test_fnir_at_fpir_is_the_least_that_any_threshold_gives(
    rows: list[list[float]], rate: float, rank_limit: int | None
) -> None:
    scores = np.array(rows, dtype=np.float32)
    best = scores[TRUTH < 0].max(axis=1)
    candidates = [-inf, *np.unique(scores).tolist(), inf]
    allowed = [t for t in candidates if np.mean(best >= t) <= rate]
    expected = min(fnir_at(scores, TRUTH, t, rank_limit) for t in allowed)
    assert fnir_at_fpir(scores, TRUTH, rate, rank_limit) == expected


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: ranks(np.array([[0.1, 0.2], [0.3, nan]]), np.array([0, 1])),
            r"^scores\[1, 1\] is nan: give a finite score, or -inf for a failure$",
        ),
        (lambda: ranks(np.array([[inf, 0.2]]), np.array([0])), r"^scores\[0, 0\] is inf"),
        (lambda: ranks(np.ones(3), np.array([0])), r"^scores has shape \(3,\): .* 2 axes$"),
        (lambda: ranks(np.ones((2, 0)), np.array([0, 0])), r"^scores is empty"),
        (
            lambda: ranks(np.ones((2, 2)), np.array([0])),
            r"^truth has 1 entries and scores \(rows\) has 2",
        ),
        (lambda: ranks(np.ones((1, 2)), np.array([2])), r"^truth\[0\] is 2: give -1 to 1$"),
        (lambda: ranks(np.ones((1, 2)), np.array([-2])), r"^truth\[0\] is -2"),
        (lambda: ranks(np.ones((1, 2)), np.array([0.0])), r"^truth has type float64"),
        (lambda: ranks(np.ones((1, 2)), np.array([-1])), r"^truth is -1 throughout"),
        (lambda: fnir_at(np.ones((1, 2)), np.array([-1]), 0.5), r"^truth is -1 throughout"),
        (lambda: dir_at(np.ones((1, 2)), np.array([0]), nan), r"^threshold is nan"),
        (lambda: fnir_at(np.ones((1, 2)), np.array([0]), 0.5, 0), r"^rank_limit is 0"),
        (lambda: fnir_at_fpir(np.ones((1, 2)), np.array([0]), 0.5), r"^truth has no -1"),
        (lambda: fnir_at_fpir(np.ones((1, 2)), np.array([-1]), 0.5), r"^truth is -1 throughout"),
        (lambda: fnir_at_fpir(SCORES, TRUTH, 2.0), r"^fpir is 2: give a fraction"),
        (lambda: fpir_at(np.array([0.1, nan]), 0.5), r"^scores_unknown_best\[1\] is nan"),
        (lambda: rank_k(np.array([0, 1]), 1), r"^ranks\[0\] is 0: give 1 or more$"),
        (lambda: rank_k(np.array([1]), 0), r"^k is 0: give a whole number"),
        (lambda: rank_k(np.array([1]), 1.0), r"^k is 1.0: give a whole number"),  # type: ignore[arg-type]
        (lambda: cmc(np.array([], dtype=int), 3), r"^ranks is empty"),
        (lambda: cmc(np.array([1]), 0), r"^max_rank is 0"),
    ],
)
def test_malformed_input_is_named(call: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        call()
