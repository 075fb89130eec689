"""Whether two systems that answered the same questions differ by more than chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import MetricError
from steadyface.metrics.checks import Groups, check_count, check_rate, group_array, label_array

#: Above this many discordant answers the exact sum takes long and the normal one is as good.
_EXACT = 100_000
#: Above this product of people and sums signs are drawn; below it all are counted.
_EXACT_SUMS = 20_000_000
_FLIPS = 9_999


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value of McNemar's test.

    Were both systems equally good, each question that one of them alone answers rightly would be a
    toss of a coin. Source: McNemar, 'Note on the sampling error of the difference between
    correlated proportions or percentages', Psychometrika 12, 1947; exact by the binomial.

    Args:
        only_first: questions that the first system alone answered rightly.
        only_second: likewise the second.

    Returns:
        The p-value, 0..1; 1 where there are none.

    Raises:
        MetricError: a count is negative, or there are more than 100,000.
    """
    check_count(only_first, "only_first", low=0)
    check_count(only_second, "only_second", low=0)
    total, fewer = only_first + only_second, min(only_first, only_second)
    if total > _EXACT:
        raise MetricError(f"{total} answers differ: give {_EXACT} or fewer")
    term, tail = 1, 0
    for count in range(fewer + 1):
        tail += term
        term = term * (total - count) // (count + 1)
    return float(min(1.0, 2 * tail / 2**total))


def sign_flips(
    gains: NDArray[np.int64], people: Groups, *, flips: int = _FLIPS, seed: int = 0
) -> float:
    """Two-sided p-value of a permutation test that keeps each person's answers together.

    Were both systems equally good, which of them is called the second would be a toss of a coin
    for every person, whose gains then all change sign: answers of one person are alike, so they
    are no tosses of their own. The statistic is the sum of gains. All signs are counted where that
    is quick, for sums are whole numbers; else `flips` are drawn, those observed counted with them.
    With one answer a person it is McNemar's exact test. Source: Fisher, 'The design of
    experiments', 1935, section 21; Winkler et al., 'Permutation inference for the general linear
    model', NeuroImage 92, 2014, for signs of whole blocks; Phipson and Smyth, 'Permutation p-values
    should never be zero', 2010, for those drawn.

    Args:
        gains: N whole numbers: of each question 1 where the second system alone answered rightly,
            -1 where the first alone did, 0 elsewhere.
        people: N names, whose question it is.
        flips: to draw.
        seed: of those drawn.

    Returns:
        The p-value, above 0 to 1; 1 where no person's gains sum to other than 0.

    Raises:
        MetricError: lengths differ, there is nothing, or a gain is no -1, 0 or 1.
    """
    given = label_array(gains, "gains", low=-1, high=1)
    check_count(flips, "flips", low=1)
    numbers = np.unique(
        group_array(people, "people", like=("gains", len(given))), return_inverse=True
    )
    sums = np.bincount(numbers[1], weights=given).astype(np.int64)
    seen, steps = abs(int(sums.sum())), np.abs(sums[sums != 0])
    if len(steps) * int(steps.sum()) <= _EXACT_SUMS:
        return _all_signs(steps, seen)
    rng, reached = np.random.default_rng(seed), 0
    for _ in range(flips):
        reached += abs(int((rng.integers(0, 2, len(steps)) * 2 - 1) @ steps)) >= seen
    return (1 + reached) / (1 + flips)


def _all_signs(steps: NDArray[np.int64], seen: int) -> float:
    """The share of all signs of some steps with which their sum is at least as far from 0."""
    most = int(steps.sum())
    share = np.zeros(2 * most + 1)
    share[most] = 1.0
    for step in steps.tolist():
        moved = np.zeros_like(share)
        moved[step:] += share[:-step] / 2
        moved[:-step] += share[step:] / 2
        share = moved
    away = np.abs(np.arange(-most, most + 1)) >= seen
    return min(1.0, float(share[away].sum()))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values that may be looked at together, in the given order.

    Source: Holm, 'A simple sequentially rejective multiple test procedure', Scandinavian Journal of
    Statistics 6(2), 1979.

    Raises:
        MetricError: one is not within 0..1.
    """
    for number, value in enumerate(p_values):
        check_rate(value, f"p_values[{number}]")
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted
