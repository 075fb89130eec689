from __future__ import annotations

import numpy as np
import pytest

from steadyface.errors import MetricError
from steadyface.metrics import error_versus_discard, fnmr_at


def test_a_case_worked_by_hand() -> None:
    mated = np.array([0.9, 0.1, 0.8, 0.2, 0.7])
    quality = np.array([0.9, 0.1, 0.5, 0.4, 0.2])
    # In order of quality: missed, matched, missed, matched, matched.
    shares = np.array([0.0, 0.19, 0.2, 0.4, 0.6, 0.8])
    rates = error_versus_discard(mated, quality, 0.5, shares)
    assert rates.tolist() == pytest.approx([2 / 5, 2 / 5, 1 / 4, 1 / 3, 0, 0])


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_fnmr_of_what_is_left(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mated, quality = rng.random(97), rng.random(97).round(1)
    order = np.argsort(quality, kind="stable")
    shares = rng.random(20)
    expected = [fnmr_at(mated[order[int(share * 97) :]], 0.4) for share in shares]
    assert error_versus_discard(mated, quality, 0.4, shares).tolist() == pytest.approx(expected)


def test_a_share_of_a_whole_number_of_comparisons_is_not_rounded_away() -> None:
    mated = np.array([0.0] * 3 + [1.0] * 7)
    assert error_versus_discard(mated, mated, 0.5, np.array([0.3, 0.1 + 0.2])).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("mated", "quality", "threshold", "shares", "message"),
    [
        ([0.5], [0.5, 0.6], 0.1, [0.0], "quality has 2 values and mated 1"),
        ([0.5], [0.5], 0.1, [1.0], "shares: give fractions from 0 to below 1"),
        ([0.5], [0.5], 0.1, [-0.1], "shares: give fractions from 0 to below 1"),
        ([0.5], [np.nan], 0.1, [0.1], "quality[0] is nan: "),
        ([], [], 0.1, [0.1], "mated is empty"),
    ],
)
def test_unfit_arrays_are_named(
    mated: list[float], quality: list[float], threshold: float, shares: list[float], message: str
) -> None:
    with pytest.raises(MetricError) as caught:
        error_versus_discard(np.array(mated), np.array(quality), threshold, np.array(shares))
    assert str(caught.value).startswith(message)


def test_a_score_just_above_the_threshold_is_no_miss_in_any_precision() -> None:
    # The float32 next to 0.1 is above it; rounded to float32 first, a threshold between the two
    # would be that score's or the next one's.
    score = np.array([0.1], dtype=np.float32)
    for threshold in (float(score[0]), float(score[0]) + 1e-12):
        (rate,) = error_versus_discard(score, score, threshold, np.array([0.0]))
        assert rate == fnmr_at(score, threshold)
    assert fnmr_at(score, float(score[0]) + 1e-12) == 1
