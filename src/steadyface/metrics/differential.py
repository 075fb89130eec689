"""False matches and false non-matches by group, at one threshold for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import MetricError
from steadyface.metrics.checks import Measured, bool_array
from steadyface.metrics.groups import SMALL_GROUP
from steadyface.metrics.intervals import Interval, share_interval, wilson


@dataclass(frozen=True, slots=True)
class GroupRate:
    """An error rate of comparisons between two groups, or within one.

    Attributes:
        groups: of the two images, in alphabetical order; the same twice within a group.
        count: comparisons.
        errors: of them.
        rate: errors by comparisons, 0..1.
        interval: 95 %; None where a single person cannot give one.
        small: whether there are too few to say much: fewer than 30 comparisons, or for false
            matches so few that the rate of all would give less than one.
    """

    groups: tuple[str, str]
    count: int
    errors: int
    rate: float
    interval: Interval | None
    small: bool

    @property
    def within(self) -> bool:
        """Whether both images are of one group."""
        return self.groups[0] == self.groups[1]


@dataclass(frozen=True, slots=True)
class Differential:
    """How an error rate differs between groups.

    Attributes:
        rates: by group; of false matches also across groups.
        worst: the group of the highest rate within it, small ones left out; None with none.
        best: of the lowest.
        difference: of their rates; None with none.
        ratio: of their rates; None with none, or where the lowest is 0.
    """

    rates: tuple[GroupRate, ...]
    worst: str | None
    best: str | None
    difference: Measured
    ratio: Measured


def differential_errors(
    matched: NDArray[np.bool_],
    same: NDArray[np.bool_],
    groups: tuple[Sequence[str], Sequence[str]],
    *,
    people: Sequence[str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[Differential, Differential]:
    """FNMR by group, and FMR within and across groups.

    Source: ISO/IEC 19795-10:2024 for the terms; Grother, Ngan and Hanaoka, 'Face recognition vendor
    test part 3: demographic effects', NIST IR 8280, 2019, for false matches within and across
    groups at one threshold.

    Args:
        matched: N bools, the decision on each comparison.
        same: N bools, whether it is mated.
        groups: N names of the first images' groups, and N of the second images'.
        people: N names of whom the first image shows, resampled as wholes for the intervals of
            FNMR; None resamples comparisons. Those of FMR are Wilson's.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        Of FNMR, over mated comparisons by the first image's group; and of FMR.

    Raises:
        MetricError: lengths differ, or there is nothing.
    """
    mated = bool_array(same, "same", like=("matched", len(matched)))
    wrong = bool_array(matched, "matched", like=("same", len(same))) != mated
    first, second = (np.asarray(side, dtype=np.str_) for side in groups)
    units = np.arange(len(wrong)) if people is None else np.asarray(people)
    for name, values in (("groups[0]", first), ("groups[1]", second), ("people", units)):
        if len(values) != len(wrong):
            raise MetricError(f"{name} has {len(values)} entries and matched has {len(wrong)}")
    low, high = np.where(first <= second, (first, second), (second, first))
    rng = np.random.default_rng(seed)

    misses = []
    for name in np.unique(first[mated]).tolist():
        chosen = mated & (first == name)
        few = int(chosen.sum()) < SMALL_GROUP
        interval = share_interval(wrong[chosen], units[chosen], rng, resamples=resamples)
        misses.append(_rate((name, name), wrong[chosen], interval, small=few))
    all_false = float(wrong[~mated].mean()) if (~mated).any() else 0.0
    false = []
    for a, b in sorted(set(zip(low[~mated].tolist(), high[~mated].tolist(), strict=True))):
        own = wrong[~mated & (low == a) & (high == b)]
        few = len(own) < SMALL_GROUP or len(own) * all_false < 1
        false.append(_rate((a, b), own, wilson(int(own.sum()), len(own)), small=few))
    return _differential(misses), _differential(false)


def _rate(
    groups: tuple[str, str], wrong: NDArray[np.bool_], interval: Interval | None, *, small: bool
) -> GroupRate:
    return GroupRate(groups, len(wrong), int(wrong.sum()), float(wrong.mean()), interval, small)


def _differential(rates: list[GroupRate]) -> Differential:
    within = sorted((r for r in rates if r.within and not r.small), key=lambda r: r.rate)
    if not within:
        return Differential(tuple(rates), None, None, None, None)
    best, worst = within[0], within[-1]
    return Differential(
        tuple(rates),
        worst.groups[0],
        best.groups[0],
        worst.rate - best.rate,
        worst.rate / best.rate if best.rate > 0 else None,
    )
