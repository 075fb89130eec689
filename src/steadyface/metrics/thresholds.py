"""Exact threshold arithmetic shared by verification and identification.

A score is accepted when it is at or above the threshold. Scores often have less precision than a
Python float (float32 against float64), and NumPy would round the threshold to the scores' type
before comparing; these functions keep comparisons exact in either precision.
"""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadyface.metrics.checks import Scores


def accepted(scores: Scores, threshold: float) -> NDArray[np.bool_]:
    """Whether each score is at or above the threshold; -inf, a failure, never is.

    Args:
        scores: floats of any shape.
        threshold: not NaN; infinities allowed.
    """
    # The least value of the scores' own type that is not below the threshold splits them exactly
    # as the threshold does.
    kind, threshold = scores.dtype.type, float(threshold)
    with np.errstate(over="ignore"):
        cutoff = kind(threshold)
        if float(cutoff) < threshold or cutoff == -inf:
            cutoff = np.nextafter(cutoff, kind(inf))
    result: NDArray[np.bool_] = scores >= cutoff
    return result


def accepted_share(scores: Scores, threshold: float) -> float:
    """The share of scores at or above the threshold, 0..1."""
    return int(np.count_nonzero(accepted(scores, threshold))) / scores.size


def rejected_share(scores: Scores, threshold: float) -> float:
    """The share of scores below the threshold or -inf, 0..1."""
    return int(np.count_nonzero(~accepted(scores, threshold))) / scores.size


def allowed_count(n: int, rate: float) -> int:
    """The largest count with `count / n <= rate`, as floats compare.

    Args:
        n: 1 or more.
        rate: 0..1.
    """
    rate = float(rate)
    count = min(n, int(n * rate))
    while count / n > rate:
        count -= 1
    while count < n and (count + 1) / n <= rate:
        count += 1
    return count


def smallest_threshold(scores: Scores, rate: float) -> float:
    """The smallest threshold that accepts at most a share `rate` of the scores.

    It lies one step of the scores' own precision above the highest score that has to be rejected,
    so it never splits a group of ties. O(n): selects, does not sort.

    Args:
        scores: N floats, none NaN or +inf.
        rate: 0..1.

    Returns:
        The threshold; -inf where all scores may be accepted.
    """
    count = allowed_count(len(scores), rate)
    if count == len(scores):
        return -inf
    at = len(scores) - 1 - count
    rejected = scores.max() if count == 0 else np.partition(scores, at)[at]
    with np.errstate(over="ignore"):
        return float(np.nextafter(rejected, scores.dtype.type(inf)))


def run_starts(ordered: NDArray[Any]) -> NDArray[np.int64]:
    """Index of the first of each run of equal values, ascending.

    Args:
        ordered: N >= 1 sorted values.
    """
    starts = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=starts[1:])
    return np.flatnonzero(starts).astype(np.int64, copy=False)
