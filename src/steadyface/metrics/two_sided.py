"""The interval of a share of comparisons, each of two people, both of whom are resampled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import MetricError
from steadyface.metrics.checks import Groups, bool_array, check_count, group_array
from steadyface.metrics.intervals import Interval, wilson
from steadyface.metrics.thresholds import run_starts

_TAILS = (0.025, 0.975)


def drawn(people: int, resamples: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """How often each of some people is drawn, in as many draws with replacement.

    Args:
        people: how many there are, 1 or more.
        resamples: how many times all are drawn.
        rng: source of all randomness.

    Returns:
        `resamples` x `people`.
    """
    return rng.multinomial(people, np.full(people, 1 / people), size=resamples)


def comparison_interval(
    hits: NDArray[np.bool_],
    first: Groups,
    second: Groups,
    rng: np.random.Generator,
    *,
    resamples: int = 1000,
) -> Interval | None:
    """A 95 % interval of a share of comparisons, the people of both sides resampled.

    A comparison of persons i and j counts w_i w_j times, w how often each was drawn: two
    comparisons are alike where they share a person on either side. Where every comparison or none
    is a hit resamples say nothing, and it is Wilson's of as many rows as there are distinct pairs
    of people. Source: Bolle, Ratha and Pankanti, 'Error analysis of pattern recognition systems:
    the subsets bootstrap', 2004; Owen, 'The pigeonhole bootstrap', Annals of Applied Statistics
    1(2), 2007, for weights that are products.

    Args:
        hits: N bools, of comparisons of different people.
        first: N names, the person of the first image.
        second: N names, of the second.
        rng: source of all randomness.
        resamples: of the bootstrap.

    Returns:
        The interval; None, not measurable, where a resample has none of the comparisons.

    Raises:
        MetricError: lengths differ, or there is nothing.
    """
    a = group_array(first, "first", like=("hits", len(hits)))
    b = group_array(second, "second", like=("hits", len(hits)))
    wrong = bool_array(hits, "hits", like=("first", len(a)))
    check_count(resamples, "resamples", low=1)
    if a.dtype.kind != b.dtype.kind:
        raise MetricError("first and second are names of different types: give the same")
    known, numbers = np.unique(np.concatenate((a, b)), return_inverse=True)
    low, high = np.sort(numbers.reshape(2, -1), axis=0)
    cells, of = np.unique(low * len(known) + high, return_inverse=True)
    if wrong.all() or not wrong.any():
        return wilson(len(cells) if wrong.all() else 0, len(cells))
    one, other = np.divmod(cells, len(known))
    totals = _Sums(one, other, np.bincount(of).astype(np.float64))
    errors = np.bincount(of, weights=wrong).astype(np.float64)
    bad = np.flatnonzero(errors)
    misses = _Sums(one[bad], other[bad], errors[bad])
    values = np.empty(resamples)
    for turn, weights in enumerate(drawn(len(known), resamples, rng).astype(np.float64)):
        total = totals(weights)
        if total == 0:
            return None
        values[turn] = misses(weights) / total
    lower, upper = np.quantile(values, _TAILS)
    return Interval(float(lower), float(upper))


class _Sums:
    """Sums of w_i w_j n_ij over pairs of people for many w, without new memory for each.

    Args:
        one: K numbers of i, rising.
        other: K of j.
        counts: K of n.
    """

    def __init__(
        self, one: NDArray[np.int64], other: NDArray[np.int64], counts: NDArray[np.float64]
    ) -> None:
        self._other, self._counts = other, counts
        self._starts = run_starts(one)
        self._one = one[self._starts]
        self._room = np.empty(len(one))

    def __call__(self, weights: NDArray[np.float64]) -> float:
        np.take(weights, self._other, out=self._room, mode="clip")
        self._room *= self._counts
        return float(np.add.reduceat(self._room, self._starts) @ weights[self._one])
