"""Whether two systems that answered the same questions differ by more than chance."""

from __future__ import annotations

from collections.abc import Sequence

from steadyface.errors import MetricError
from steadyface.metrics.checks import check_count, check_rate

#: Above this many discordant answers the exact sum takes long and the normal one is as good.
_EXACT = 100_000


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
