"""Verification metrics of ISO/IEC 19795-1: FMR, FNMR, ROC, DET, EER.

The input is two arrays of comparison scores, mated (both images of one person) and non-mated;
higher means more alike. A comparison is decided 'match' when its score >= threshold. Scores are
finite: whether a failure to acquire is left out (FMR, FNMR) or scored as a non-match (FAR, FRR) is
the caller's to decide beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isinf

import numpy as np
from numpy.typing import NDArray

from steadyface.metrics.checks import Measured, Scores, check_rate, check_threshold, score_array
from steadyface.metrics.thresholds import (
    accepted_share,
    allowed_count,
    rejected_share,
    run_starts,
    smallest_threshold,
)


@dataclass(frozen=True, slots=True, eq=False)
class Roc:
    """Receiver operating characteristic: one point for each distinct score, and the start.

    Attributes:
        thresholds: K floats in the scores' precision, falling; the first is +inf.
        fmr: K float64, never falling, 0 to 1.
        tar: K float64, never falling, 0 to 1; the true accept rate, 1 - FNMR.
    """

    thresholds: Scores
    fmr: NDArray[np.float64]
    tar: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Det:
    """Detection error tradeoff: one point for each distinct score, and the start.

    Attributes:
        thresholds: K floats in the scores' precision, falling; the first is +inf.
        fmr: K float64, never falling, 0 to 1.
        fnmr: K float64, never rising, 1 to 0.
    """

    thresholds: Scores
    fmr: NDArray[np.float64]
    fnmr: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Eer:
    """Equal error rate.

    Attributes:
        rate: the rate at which FMR = FNMR, 0..1.
        threshold: where that is.
    """

    rate: float
    threshold: float


@dataclass(frozen=True, slots=True, eq=False)
class _Counts:
    """Matches at each threshold of the ROC, as exact whole numbers."""

    thresholds: Scores
    false_matches: NDArray[np.int64]
    true_matches: NDArray[np.int64]


def fmr_at(non_mated: Scores, threshold: float) -> float:
    """False match rate: the share of non-mated comparisons with score >= threshold.

    Source: ISO/IEC 19795-1.

    Args:
        non_mated: N floats.
        threshold: decision threshold; infinities accept all or none.

    Raises:
        MetricError: scores empty or not finite, or a NaN threshold.
    """
    check_threshold(threshold)
    return accepted_share(score_array(non_mated, "non_mated"), threshold)


def fnmr_at(mated: Scores, threshold: float) -> float:
    """False non-match rate: the share of mated comparisons with score < threshold.

    Source: ISO/IEC 19795-1.

    Args:
        mated: M floats.
        threshold: decision threshold; infinities accept all or none.

    Raises:
        MetricError: scores empty or not finite, or a NaN threshold.
    """
    check_threshold(threshold)
    return rejected_share(score_array(mated, "mated"), threshold)


def roc(mated: Scores, non_mated: Scores) -> Roc:
    """The whole ROC; a group of ties is one point. O(n log n).

    Source: ISO/IEC 19795-1; Fawcett, 'An introduction to ROC analysis', 2006.

    Args:
        mated: M floats.
        non_mated: N floats.

    Raises:
        MetricError: scores empty or not finite.
    """
    mated, non_mated = score_array(mated, "mated"), score_array(non_mated, "non_mated")
    counts = _counts(mated, non_mated)
    return Roc(
        counts.thresholds,
        counts.false_matches / len(non_mated),
        counts.true_matches / len(mated),
    )


def det(mated: Scores, non_mated: Scores) -> Det:
    """The whole DET curve; a group of ties is one point. O(n log n).

    Source: ISO/IEC 19795-1; Martin et al., 'The DET curve in assessment of detection task
    performance', 1997 (who draw it on normal deviate axes; the rates here are not transformed).

    Args:
        mated: M floats.
        non_mated: N floats.

    Raises:
        MetricError: scores empty or not finite.
    """
    mated, non_mated = score_array(mated, "mated"), score_array(non_mated, "non_mated")
    counts = _counts(mated, non_mated)
    return Det(
        counts.thresholds,
        counts.false_matches / len(non_mated),
        (len(mated) - counts.true_matches) / len(mated),
    )


def roc_auc(mated: Scores, non_mated: Scores) -> float:
    """Area under the ROC: the chance that a mated score exceeds a non-mated one, ties half.

    Serves any two-class scores: positives first. Source: Hanley and McNeil, 'The meaning and use
    of the area under a receiver operating characteristic (ROC) curve', 1982.

    Args:
        mated: M floats, the positives.
        non_mated: N floats, the negatives.

    Raises:
        MetricError: scores empty or not finite.
    """
    mated, non_mated = score_array(mated, "mated"), score_array(non_mated, "non_mated")
    counts = _counts(mated, non_mated)
    heights = counts.true_matches[1:] + counts.true_matches[:-1]
    return int(np.diff(counts.false_matches) @ heights) / (2 * len(mated) * len(non_mated))


def eer(mated: Scores, non_mated: Scores) -> Eer:
    """Equal error rate, by linear interpolation on the ROC.

    Going down the thresholds, FMR - FNMR rises from -1 to 1. Where it is 0 at a point of the ROC,
    that point is the answer. Otherwise it changes sign between two neighbouring points, and rate
    and threshold are interpolated linearly to where it is 0; where the upper neighbour is the
    ROC's start at +inf, the threshold is that of the lower, the highest score. Perfectly separated
    scores give rate 0 at the lowest mated score. Source: ISO/IEC 19795-1 for the rates.

    Args:
        mated: M floats.
        non_mated: N floats.

    Raises:
        MetricError: scores empty or not finite.
    """
    mated, non_mated = score_array(mated, "mated"), score_array(non_mated, "non_mated")
    counts = _counts(mated, non_mated)
    m, n = len(mated), len(non_mated)
    # (FMR - FNMR) * m * n in whole numbers, so that 'equal' means equal. It never stands still:
    # each point admits at least one more comparison.
    difference = counts.false_matches * m - (m - counts.true_matches) * n
    right = int(np.searchsorted(difference, 0, side="left"))
    false_matches, high = int(counts.false_matches[right]), float(counts.thresholds[right])
    if difference[right] == 0:
        return Eer(false_matches / n, high)
    below, above = int(difference[right - 1]), int(difference[right])
    share = -below / (above - below)
    start, low = int(counts.false_matches[right - 1]), float(counts.thresholds[right - 1])
    rate = (start + share * (false_matches - start)) / n
    return Eer(rate, high if isinf(low) else (1.0 - share) * low + share * high)


def threshold_at_fmr(non_mated: Scores, fmr: float) -> float:
    """The smallest threshold whose measured FMR is at most `fmr`.

    'Smallest' is meant in the precision of the scores: one step of it below, FMR exceeds `fmr`. A
    group of ties is accepted or rejected as a whole. Where too few scores support the rate
    (N * fmr < 1) this lies above all of them and promises nothing; `tar_at_fmr` says so with None.
    O(N): selects, does not sort. Source: ISO/IEC 19795-1 for FMR.

    Args:
        non_mated: N floats.
        fmr: the target, a fraction 0..1.

    Returns:
        The threshold; -inf for a rate of 1, at which everything may match.

    Raises:
        MetricError: scores empty or not finite, or the rate is no fraction.
    """
    check_rate(fmr, "fmr")
    return smallest_threshold(score_array(non_mated, "non_mated"), fmr)


def tar_at_fmr(mated: Scores, non_mated: Scores, fmr: float) -> Measured:
    """True accept rate, 1 - FNMR, at `threshold_at_fmr(non_mated, fmr)`.

    Source: ISO/IEC 19795-1.

    Args:
        mated: M floats.
        non_mated: N floats.
        fmr: the target, a fraction 0..1.

    Returns:
        The rate, 0..1; None, not measurable, where N * fmr < 1: not even one false match is
        within the target, so the scores cannot tell such a rate from a much lower one.

    Raises:
        MetricError: scores empty or not finite, or the rate is no fraction.
    """
    check_rate(fmr, "fmr")
    mated, non_mated = score_array(mated, "mated"), score_array(non_mated, "non_mated")
    if allowed_count(len(non_mated), fmr) < 1:
        return None
    return accepted_share(mated, smallest_threshold(non_mated, fmr))


def _counts(mated: Scores, non_mated: Scores) -> _Counts:
    ordered = np.concatenate((mated, non_mated))
    ordered.sort()
    starts = run_starts(ordered)[::-1]
    values = ordered[starts]
    true_matches = len(mated) - np.searchsorted(np.sort(mated), values, side="left")
    false_matches = len(ordered) - starts - true_matches
    return _Counts(
        np.concatenate((np.array([inf], dtype=values.dtype), values)),
        np.concatenate(([0], false_matches)),
        np.concatenate(([0], true_matches)),
    )
