"""Verification metrics against scikit-learn, SciPy and cases worked by hand."""

from __future__ import annotations

import time
import tracemalloc
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from sklearn.metrics import det_curve, roc_auc_score, roc_curve

from steadyface.errors import MetricError
from steadyface.metrics import (
    det,
    eer,
    fmr_at,
    fnmr_at,
    roc,
    roc_auc,
    tar_at_fmr,
    threshold_at_fmr,
)

Pair = tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]

MATED = np.array([0.9, 0.8, 0.8, 0.5])
NON_MATED = np.array([0.8, 0.5, 0.3, 0.3, 0.1])


def normal_scores(seed: int, mated: int = 400, non_mated: int = 900) -> Pair:
    rng = np.random.default_rng(seed)
    return rng.normal(1.5, 1.0, mated), rng.normal(0.0, 1.0, non_mated)


def tied_scores(seed: int) -> Pair:
    mated, non_mated = normal_scores(seed)
    return np.round(mated, 1), np.round(non_mated, 1)


def labelled(mated: NDArray[Any], non_mated: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    truth = np.repeat([1, 0], [len(mated), len(non_mated)])
    return truth, np.concatenate((mated, non_mated))


SETS = [normal_scores(0), tied_scores(1), (MATED, NON_MATED)]
IDS = ["continuous", "tied", "by hand"]

score_lists = st.lists(
    st.one_of(
        st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0]),
        st.floats(-1.0, 1.0, width=32, allow_subnormal=False),
    ),
    min_size=1,
    max_size=40,
)
precisions = st.sampled_from([np.float32, np.float64])


def test_fmr_and_fnmr_count_the_threshold_itself_as_a_match() -> None:
    assert fmr_at(NON_MATED, 0.5) == 2 / 5
    assert fnmr_at(MATED, 0.8) == 1 / 4
    assert fmr_at(NON_MATED, np.nextafter(0.5, 1)) == 1 / 5
    assert fnmr_at(MATED, np.nextafter(0.8, 1)) == 3 / 4


def test_infinite_thresholds_accept_all_or_none() -> None:
    assert (fmr_at(NON_MATED, -inf), fmr_at(NON_MATED, inf)) == (1.0, 0.0)
    assert (fnmr_at(MATED, -inf), fnmr_at(MATED, inf)) == (0.0, 1.0)
    assert fmr_at(NON_MATED.astype(np.float32), 1e300) == 0.0
    assert fmr_at(NON_MATED.astype(np.float32), -1e300) == 1.0


def test_a_float32_score_is_compared_exactly_with_a_double_threshold() -> None:
    # float32(0.7) is 0.69999998..., below 0.7; float32(0.1) is 0.10000000149..., above 0.1.
    scores = np.array([0.7, 0.1], dtype=np.float32)
    assert fmr_at(scores, 0.7) == 0.0
    assert fnmr_at(scores, 0.7) == 1.0
    assert fmr_at(scores, 0.1) == 1.0


def test_roc_by_hand_has_one_point_for_each_distinct_score() -> None:
    curve = roc(MATED, NON_MATED)
    assert curve.thresholds.tolist() == [inf, 0.9, 0.8, 0.5, 0.3, 0.1]
    assert curve.fmr.tolist() == [0.0, 0.0, 0.2, 0.4, 0.8, 1.0]
    assert curve.tar.tolist() == [0.0, 0.25, 0.75, 1.0, 1.0, 1.0]


@pytest.mark.parametrize(("mated", "non_mated"), SETS, ids=IDS)
def test_roc_is_sklearns(mated: NDArray[Any], non_mated: NDArray[Any]) -> None:
    fpr, tpr, thresholds = roc_curve(*labelled(mated, non_mated), drop_intermediate=False)
    curve = roc(mated, non_mated)
    np.testing.assert_array_equal(curve.thresholds, thresholds)
    np.testing.assert_allclose(curve.fmr, fpr, rtol=1e-15)
    np.testing.assert_allclose(curve.tar, tpr, rtol=1e-15)


@pytest.mark.parametrize(("mated", "non_mated"), SETS, ids=IDS)
def test_det_is_sklearns(mated: NDArray[Any], non_mated: NDArray[Any]) -> None:
    fpr, fnr, thresholds = det_curve(*labelled(mated, non_mated))
    curve = det(mated, non_mated)
    # scikit-learn trims the flat ends and lists thresholds rising.
    kept = np.isin(curve.thresholds, thresholds)
    np.testing.assert_array_equal(curve.thresholds[kept][::-1], thresholds)
    np.testing.assert_allclose(curve.fmr[kept][::-1], fpr, rtol=1e-15)
    np.testing.assert_allclose(curve.fnmr[kept][::-1], fnr, rtol=1e-13, atol=1e-15)


def test_det_goes_from_all_rejected_to_all_accepted() -> None:
    curve = det(MATED, NON_MATED)
    assert curve.thresholds[0] == inf
    assert curve.fmr.tolist() == [0.0, 0.0, 0.2, 0.4, 0.8, 1.0]
    assert curve.fnmr.tolist() == [1.0, 0.75, 0.25, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(("mated", "non_mated"), SETS, ids=IDS)
def test_roc_auc_is_sklearns(mated: NDArray[Any], non_mated: NDArray[Any]) -> None:
    expected = roc_auc_score(*labelled(mated, non_mated))
    assert roc_auc(mated, non_mated) == pytest.approx(expected, abs=1e-13)


def test_roc_auc_counts_a_tie_half() -> None:
    # Of 20 pairs 16 are won (5, 4, 4, 3) and 3 tied (0.8, 0.8 and 0.5).
    assert roc_auc(MATED, NON_MATED) == 17.5 / 20
    assert roc_auc(np.ones(3), np.ones(2)) == 0.5


@given(score_lists, score_lists, precisions, precisions)
def test_roc_auc_is_the_share_of_pairs_won(a: list[float], b: list[float], p: Any, q: Any) -> None:
    mated, non_mated = np.array(a, dtype=p), np.array(b, dtype=q)
    won = np.sign(mated.astype(np.float64)[:, None] - non_mated.astype(np.float64)[None, :])
    assert roc_auc(mated, non_mated) == pytest.approx((won.mean() + 1) / 2, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_eer_is_where_sklearns_roc_crosses_the_diagonal(seed: int) -> None:
    mated, non_mated = normal_scores(seed, mated=331, non_mated=977)
    fpr, tpr, thresholds = roc_curve(*labelled(mated, non_mated), drop_intermediate=False)
    # Along the curve, so that vertical pieces are no problem for the interpolation.
    steps = np.arange(len(fpr))
    false, missed = interp1d(steps, fpr), interp1d(steps, 1 - tpr)
    crossing = brentq(lambda s: false(s) - missed(s), 0, steps[-1], xtol=1e-12)
    result = eer(mated, non_mated)
    assert result.rate == pytest.approx(float(false(crossing)), abs=1e-10)
    assert result.rate == pytest.approx(0.2266, abs=0.05)  # of these two normals: Phi(-0.75)
    expected = float(interp1d(steps[1:], thresholds[1:])(crossing))
    assert result.threshold == pytest.approx(expected, abs=1e-9)


def test_eer_on_a_point_of_the_roc_needs_no_interpolation() -> None:
    result = eer(np.array([0.9, 0.8, 0.4]), np.array([0.1, 0.2, 0.6]))
    # At 0.6: one of three non-mated accepted, one of three mated rejected.
    assert (result.rate, result.threshold) == (1 / 3, 0.6)


def test_eer_between_two_points_is_interpolated() -> None:
    # At 0.8: FMR 0.2, FNMR 0.25. At 0.5: FMR 0.4, FNMR 0. The difference goes -0.05 to 0.4, so it
    # is 0 a ninth of the way.
    result = eer(MATED, NON_MATED)
    assert result.rate == pytest.approx(0.2 + 0.2 / 9)
    assert result.threshold == pytest.approx(0.8 - 0.3 / 9)


def test_eer_of_one_big_tie_is_half_at_that_score() -> None:
    result = eer(np.full(3, 0.25), np.full(7, 0.25))
    assert (result.rate, result.threshold) == (0.5, 0.25)


def test_eer_of_separated_and_of_reversed_scores() -> None:
    separated = eer(np.array([0.7, 0.9]), np.array([0.1, 0.2, 0.3]))
    assert (separated.rate, separated.threshold) == (0.0, 0.7)
    assert eer(np.array([0.1, 0.2, 0.3]), np.array([0.7, 0.9])).rate == 1.0


@given(score_lists, score_lists)
def test_eer_lies_between_the_rates_at_its_threshold(a: list[float], b: list[float]) -> None:
    mated, non_mated = np.array(a), np.array(b)
    result = eer(mated, non_mated)
    curve = det(mated, non_mated)
    worse, better = np.maximum(curve.fmr, curve.fnmr), np.minimum(curve.fmr, curve.fnmr)
    assert better.max() - 1e-12 <= result.rate <= worse.min() + 1e-12


def test_threshold_at_fmr_lies_just_above_a_group_of_ties() -> None:
    scores = np.array([0.9, 0.5, 0.5, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    # 0.2 allows two matches of ten: accepting the group at 0.5 would make four.
    assert threshold_at_fmr(scores, 0.2) == np.nextafter(0.5, 1)
    assert fmr_at(scores, threshold_at_fmr(scores, 0.2)) == 0.1
    # 0.4 allows the whole group; 0.1 is the next score that must stay out.
    assert threshold_at_fmr(scores, 0.4) == np.nextafter(0.1, 1)
    # Nothing is allowed: just above the highest.
    assert threshold_at_fmr(scores, 0.0) == np.nextafter(0.9, 1)
    assert threshold_at_fmr(scores, 0.05) == np.nextafter(0.9, 1)
    assert threshold_at_fmr(scores, 1.0) == -inf


def test_threshold_at_fmr_steps_in_the_precision_of_the_scores() -> None:
    # A step of double precision would be rounded away in comparisons of float32 arrays.
    scores = np.full(8, 0.5, dtype=np.float32)
    threshold = threshold_at_fmr(scores, 0.5)
    assert threshold == float(np.nextafter(np.float32(0.5), np.float32(1)))
    assert np.count_nonzero(scores >= threshold) == 0


@pytest.mark.parametrize(("n", "count"), [(1000, 1), (22, 15), (45, 26), (6, 5), (12, 5), (3, 2)])
def test_threshold_at_fmr_allows_the_count_that_the_rate_names(n: int, count: int) -> None:
    # As floats, 15 / 22 * 22 is below 15, and the float before 5 / 6, times 6, is 5.
    scores = np.arange(n, dtype=np.float64)
    rate = count / n
    assert fmr_at(scores, threshold_at_fmr(scores, rate)) == rate
    just_less = float(np.nextafter(rate, 0))
    assert fmr_at(scores, threshold_at_fmr(scores, just_less)) == (count - 1) / n


@given(score_lists, st.floats(0.0, 1.0), precisions)
def test_threshold_at_fmr_is_the_smallest(values: list[float], rate: float, p: Any) -> None:
    scores = np.array(values, dtype=p)
    threshold = threshold_at_fmr(scores, rate)
    assert fmr_at(scores, threshold) <= rate
    lower = np.unique(scores[scores < threshold])
    if len(lower):
        assert fmr_at(scores, float(lower[-1])) > rate
        # Not only the next score: the next float below is too low already.
        assert fmr_at(scores, float(np.nextafter(p(threshold), p(-inf)))) > rate
    else:
        assert threshold == -inf


@given(score_lists, score_lists, st.floats(0.0, 1.0), precisions)
def test_tar_at_fmr_is_the_best_of_the_roc(
    a: list[float], b: list[float], rate: float, p: Any
) -> None:
    mated, non_mated = np.array(a, dtype=p), np.array(b, dtype=p)
    curve = roc(mated, non_mated)
    measured = tar_at_fmr(mated, non_mated, rate)
    if measured is None:
        assert 1 / len(non_mated) > rate
    else:
        assert 1 / len(non_mated) <= rate
        assert measured == curve.tar[curve.fmr <= rate].max()


def test_tar_at_fmr_is_sklearns() -> None:
    mated, non_mated = normal_scores(3, non_mated=2000)
    fpr, tpr, _ = roc_curve(*labelled(mated, non_mated), drop_intermediate=False)
    for rate in (1e-1, 1e-2, 1e-3):
        assert tar_at_fmr(mated, non_mated, rate) == tpr[fpr <= rate].max()


def test_tar_at_fmr_is_not_measurable_with_too_few_scores() -> None:
    non_mated = np.linspace(-1, 0, 1000)
    assert tar_at_fmr(np.array([0.5, -2.0]), non_mated, 1e-3) == 0.5
    assert tar_at_fmr(np.array([0.5, -2.0]), non_mated[1:], 1e-3) is None
    assert tar_at_fmr(np.array([0.5, -2.0]), non_mated, 0.0) is None
    assert tar_at_fmr(np.array([0.5, -2.0]), non_mated, 1.0) == 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fmr_at(np.array([]), 0.5), r"^non_mated is empty"),
        (lambda: fnmr_at(np.ones((2, 2)), 0.5), r"^mated has shape \(2, 2\)"),
        (lambda: fmr_at(np.ones(2), nan), r"^threshold is nan"),
        (lambda: fnmr_at(np.ones(2), nan), r"^threshold is nan"),
        (lambda: roc(np.array([0.1, nan]), np.ones(2)), r"^mated\[1\] is nan"),
        (lambda: roc_auc(np.ones(2), np.array([0.1, 0.2, -inf])), r"^non_mated\[2\] is -inf"),
        (lambda: det(np.ones(2), np.array([inf, 0.2])), r"^non_mated\[0\] is inf"),
        (lambda: eer(np.array([]), np.ones(2)), r"^mated is empty"),
        (lambda: threshold_at_fmr(np.ones(2), 1.5), r"^fmr is 1.5: give a fraction"),
        (lambda: threshold_at_fmr(np.ones(2), nan), r"^fmr is nan"),
        (lambda: tar_at_fmr(np.ones(2), np.ones(2), -0.1), r"^fmr is -0.1"),
        (lambda: tar_at_fmr(np.array([]), np.ones(2), 0.1), r"^mated is empty"),
        (lambda: fmr_at(np.array([True, False]), 0.5), r"^non_mated has type bool"),
    ],
)
def test_malformed_input_is_named(call: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        call()


def test_whole_numbers_are_scores() -> None:
    assert fmr_at(np.array([1, 2, 3, 4]), 2.5) == 0.5


def test_threshold_at_fmr_selects_without_more_than_one_copy() -> None:
    scores = np.random.default_rng(0).random(2_000_000, dtype=np.float32)
    tracemalloc.start()
    threshold = threshold_at_fmr(scores, 1e-3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.2 * scores.nbytes
    assert np.count_nonzero(scores >= threshold) <= 2000


@pytest.mark.slow
def test_threshold_at_fmr_of_fifty_million_scores() -> None:
    scores = np.random.default_rng(0).random(50_000_000, dtype=np.float32)
    start = time.perf_counter()
    threshold = threshold_at_fmr(scores, 1e-5)
    # About 0.5 s on two cores; the room is for busy machines.
    assert time.perf_counter() - start < 6.0
    assert threshold == pytest.approx(1 - 1e-5, abs=2e-6)
    assert (
        fmr_at(scores, threshold)
        <= 1e-5
        < fmr_at(scores, float(np.nextafter(np.float32(threshold), np.float32(0))))
    )
