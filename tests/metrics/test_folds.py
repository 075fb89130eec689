"""Fold accuracy against a brute-force search with scikit-learn, and by hand."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import sem
from sklearn.metrics import accuracy_score
from sklearn.model_selection import LeaveOneGroupOut

from steadyface.errors import MetricError
from steadyface.metrics import fold_accuracy


def accuracy(scores: Any, same: Any, threshold: float) -> float:
    return float(accuracy_score(same, scores >= threshold))


@pytest.mark.parametrize("digits", [8, 1])
def test_fold_accuracy_is_that_of_brute_force(digits: int) -> None:
    rng = np.random.default_rng(digits)
    same = rng.random(150) < 0.5
    scores = np.round(rng.normal(same * 1.5, 1.0), digits)
    folds = rng.permutation(np.arange(150) % 10)
    result = fold_accuracy(scores, same, folds)
    for fold, (others, held) in enumerate(LeaveOneGroupOut().split(scores, same, folds)):
        values = np.unique(scores[others])
        candidates = [*values, *((values[1:] + values[:-1]) / 2), values[-1] + 1]
        reachable = max(accuracy(scores[others], same[others], t) for t in candidates)
        chosen = result.thresholds[fold]
        assert accuracy(scores[others], same[others], chosen) == pytest.approx(reachable)
        expected = accuracy(scores[held], same[held], chosen)
        assert result.per_fold[fold] == pytest.approx(expected)
    assert result.mean == pytest.approx(np.mean(result.per_fold))
    assert result.standard_error == pytest.approx(float(sem(result.per_fold)))


def test_two_folds_by_hand() -> None:
    scores = np.array([0.1, 0.3, 0.7, 0.9, 0.2, 0.55, 0.5, 0.8])
    same = np.array([False, False, True, True, False, False, True, True])
    folds = np.array([1, 1, 1, 1, 2, 2, 2, 2])
    result = fold_accuracy(scores, same, folds)
    # Fold 2 leaves one error wherever the cut is: above 0.2 or above 0.55; 0.2 to 0.5 is the wider
    # gap, so 0.35 serves fold 1. Fold 1 separates in 0.3 to 0.7, so 0.5 serves fold 2, where 0.5
    # itself is still 'same' and only 0.55 is wrong.
    assert result.thresholds == pytest.approx((0.35, 0.5))
    assert result.per_fold == (1.0, 0.75)
    assert result.mean == 0.875
    assert result.standard_error == pytest.approx(0.125 * sqrt(2) / sqrt(2))


def thresholds_of(scores: list[float], same: list[int]) -> float:
    """The threshold learnt from these pairs: the held-out fold comes second."""
    held = [0.0, 1.0]
    result = fold_accuracy(
        np.array([*scores, *held]),
        np.array([*same, 0, 1], dtype=np.bool_),
        np.repeat([0, 1], [len(scores), len(held)]),
    )
    return result.thresholds[1]


def test_the_threshold_is_the_middle_of_the_plateau() -> None:
    assert thresholds_of([0.25, 0.5], [0, 1]) == 0.375


def test_a_tie_of_as_many_mated_as_non_mated_does_not_break_the_plateau() -> None:
    assert thresholds_of([0.0, 0.5, 0.5, 1.0], [0, 0, 1, 1]) == 0.5


def test_of_equal_plateaus_the_widest_and_then_the_lowest_counts() -> None:
    assert thresholds_of([0.0, 0.25, 0.5, 1.0], [0, 1, 0, 1]) == 0.75
    assert thresholds_of([0.0, 0.25, 0.5, 0.75], [0, 1, 0, 1]) == 0.125


def test_accepting_all_and_rejecting_all_can_be_best() -> None:
    assert thresholds_of([0.25, 0.5, 0.75], [1, 1, 0]) == 0.25
    assert thresholds_of([0.25, 0.5, 0.75], [1, 0, 0]) == np.nextafter(0.75, 1)


def test_between_neighbouring_floats_the_upper_one_is_the_threshold() -> None:
    above = float(np.nextafter(0.5, 1))
    assert thresholds_of([0.5, above], [0, 1]) == above


rows = st.tuples(st.sampled_from([-1e308, 0.0, 0.25, 0.5, 1e308]), st.booleans())


@given(st.lists(rows, min_size=1, max_size=20))
def test_no_threshold_is_better_than_the_chosen_one(pairs: list[tuple[float, bool]]) -> None:
    scores = [0.0, 0.5, *(score for score, _ in pairs)]
    same = [0, 1, *(int(truth) for _, truth in pairs)]
    chosen = thresholds_of(scores, same)
    array = np.array(scores)
    reachable = max(accuracy(array, np.bool_(same), t) for t in [*scores, np.inf])
    assert accuracy(array, np.bool_(same), chosen) == pytest.approx(reachable)


def test_float32_scores_and_named_folds() -> None:
    scores = np.array([0.1, 0.9, 0.2, 0.8], dtype=np.float32)
    same = np.array([False, True, False, True])
    result = fold_accuracy(scores, same, np.array(["b", "b", "a", "a"]))
    assert result.per_fold == (1.0, 1.0)
    assert result.thresholds == pytest.approx((0.5, 0.5))
    assert result.standard_error == 0.0


SCORES = np.array([0.1, 0.9, 0.2, 0.8])
SAME = np.array([False, True, False, True])
FOLDS = np.array([0, 0, 1, 1])


@pytest.mark.parametrize(
    ("scores", "same", "folds", "message"),
    [
        (SCORES, SAME[:3], FOLDS, r"^same has 3 entries and scores has 4: give one for each$"),
        (SCORES, SAME, FOLDS[:2], r"^folds has 2 entries and scores has 4"),
        (SCORES, SAME.astype(int), FOLDS, r"^same has type int64: give an array of bool$"),
        (SCORES, SAME, FOLDS / 2, r"^folds has type float64"),
        (SCORES, SAME, FOLDS * 0, r"^folds holds only 0: give two or more folds$"),
        (SCORES, ~SAME & SAME, FOLDS, r"^same is False for every pair outside fold 0"),
        (SCORES, FOLDS == 1, FOLDS, r"^same is True for every pair outside fold 0"),
        (SCORES * np.nan, SAME, FOLDS, r"^scores\[0\] is nan"),
        (SCORES[:0], SAME, FOLDS, r"^scores is empty"),
    ],
)
def test_malformed_input_is_named(scores: Any, same: Any, folds: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        fold_accuracy(scores, same, folds)


def test_a_pair_without_an_answer_is_an_error_whatever_its_score() -> None:
    scores = np.array([0.9, 0.1, 0.8, 0.2, 0.9, 0.1, 0.8, 0.2])
    same = np.array([True, False] * 4)
    folds = np.repeat([0, 1], 4)
    answered = np.ones(8, dtype=np.bool_)
    answered[[0, 5]] = False
    assert fold_accuracy(scores, same, folds).per_fold == (1.0, 1.0)
    assert fold_accuracy(scores, same, folds, answered).per_fold == (0.75, 0.75)
    assert fold_accuracy(scores, same, folds, ~np.ones(8, dtype=np.bool_)).mean == 0
