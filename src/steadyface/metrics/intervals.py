"""Confidence intervals: Wilson's for a share, the percentile bootstrap for anything else."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import MetricError
from steadyface.metrics.checks import Groups, Measured, check_count, group_array


class Interval(NamedTuple):
    """A confidence interval, both ends included."""

    low: float
    high: float


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a share, without continuity correction.

    Assumes independent rows; with several rows of one person use `bootstrap` by person. Source:
    Wilson, 'Probable inference, the law of succession, and statistical inference', 1927.

    Args:
        successes: 0 to `n`.
        n: rows, 1 or more.
        confidence: two-sided, between 0 and 1.

    Returns:
        The interval, within 0..1; it holds `successes / n`.

    Raises:
        MetricError: an argument is out of range.
    """
    check_count(n, "n", low=1)
    check_count(successes, "successes", low=0, high=n)
    _check_confidence(confidence)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / n
    centre = share + z * z / (2 * n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # At the ends the formula gives 0 and 1 but for rounding.
    low = 0.0 if successes == 0 else (centre - half) / scale
    high = 1.0 if successes == n else (centre + half) / scale
    return Interval(low, high)


def bootstrap(
    statistic: Callable[[NDArray[np.int64]], Measured],
    groups: Groups,
    rng: np.random.Generator,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Interval | None:
    """Percentile bootstrap interval, resampling whole units (identities), not rows.

    Rows of one person are alike, so resampling rows would give intervals that are too narrow. Each
    resample draws as many units as there are, with replacement, and takes all rows of each.
    Source: Efron and Tibshirani, 'An introduction to the bootstrap', 1993, chapter 13; Bolle,
    Ratha and Pankanti, 'Error analysis of pattern recognition systems: the subsets bootstrap',
    2004, for the units.

    Args:
        statistic: called with the int64 indices of a resample's rows (of varying number, a row as
            often as its unit was drawn, units in the order drawn); returns the figure, or None.
        groups: N integers or strings, the unit of each row; `numpy.arange(N)` makes each row one.
        rng: source of all randomness.
        resamples: how many; 1000 or more for a 95 % interval.
        confidence: two-sided, between 0 and 1.

    Returns:
        The interval; None, not measurable, with a single unit or where `statistic` was None on a
        resample.

    Raises:
        MetricError: an argument is out of range, or `statistic` gave NaN or an infinity.
    """
    check_count(resamples, "resamples", low=1)
    _check_confidence(confidence)
    _, members, sizes = np.unique(
        group_array(groups, "groups"), return_inverse=True, return_counts=True
    )
    if len(sizes) < 2:
        return None
    by_unit = np.argsort(members, kind="stable")
    starts = np.cumsum(sizes) - sizes
    values = np.empty(resamples, dtype=np.float64)
    for turn in range(resamples):
        drawn = rng.integers(len(sizes), size=len(sizes))
        value = _finite(statistic(by_unit[_ranges(starts[drawn], sizes[drawn])]))
        if value is None:
            return None
        values[turn] = value
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(float(low), float(high))


def share_interval(
    hits: NDArray[np.bool_], groups: Groups, rng: np.random.Generator, *, resamples: int = 1000
) -> Interval | None:
    """A 95 % interval of a share, whole units (people) resampled.

    Where every row or none is a hit each resample gives the same share, and the bootstrap an
    interval of no width; then it is Wilson's of as many rows as there are units. Source: as of
    `bootstrap` and `wilson`.

    Args:
        hits: N bools.
        groups: N names, the unit of each row.
        rng: source of all randomness.
        resamples: of the bootstrap.

    Returns:
        The interval; None, not measurable, with a single unit.

    Raises:
        MetricError: an argument is out of range, or lengths differ.
    """
    units = group_array(groups, "groups", like=("hits", len(hits)))
    count = len(np.unique(units))
    if count < 2:
        return None
    if hits.all() or not hits.any():
        return wilson(count if hits.all() else 0, count)
    return bootstrap(lambda rows: float(hits[rows].mean()), units, rng, resamples=resamples)


def _finite(value: Measured) -> Measured:
    if value is not None and not isfinite(value):
        raise MetricError(
            f"statistic gave {value} on a resample: return None where it is not measurable"
        )
    return value


def _ranges(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """All of `starts[i] .. starts[i] + lengths[i] - 1`, one range after the other."""
    ends = np.cumsum(lengths)
    result: NDArray[np.int64] = np.arange(ends[-1]) + np.repeat(starts - (ends - lengths), lengths)
    return result


def _check_confidence(confidence: float) -> None:
    if not 0.0 < confidence < 1.0:
        raise MetricError(f"confidence is {confidence:g}: give a fraction between 0 and 1")
