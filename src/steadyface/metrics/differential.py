"""False matches and false non-matches by group, at one threshold for all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import MetricError
from steadyface.metrics.checks import Measured, bool_array
from steadyface.metrics.groups import is_small
from steadyface.metrics.intervals import Interval, share_interval, wilson
from steadyface.metrics.two_sided import comparison_interval

_Names: TypeAlias = NDArray[np.str_]
_Numbers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class GroupRate:
    """An error rate of comparisons between two groups, or within one.

    Attributes:
        groups: of the two images, in alphabetical order; the same twice within a group.
        count: comparisons.
        people: who they are of, both sides of false matches; None where that is not known.
        errors: of the comparisons.
        rate: errors by comparisons, 0..1.
        interval: 95 %; None where a single person cannot give one.
        small: whether there are too few to say much, see `is_small`: of comparisons, or of people
            of either group; for false matches also where the rate of all would give less than one.
    """

    groups: tuple[str, str]
    count: int
    people: int | None
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
        worst: the group of the highest rate within it, small and unranked ones left out; None
            where there are no two.
        best: of the lowest; likewise.
        difference: of their rates; likewise.
        ratio: of their rates; likewise, and None where the lowest is 0.
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
    people: tuple[Sequence[str], Sequence[str]] | None = None,
    unranked: Collection[str] = (),
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
        people: N names of whom the first images show, and N of whom the second do. Intervals of
            FNMR resample those of the first, intervals of FMR those of both sides, see
            `comparison_interval`. None resamples comparisons, and those of FMR are Wilson's.
        unranked: groups that are never worst or best, such as that of people of no known group.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        Of FNMR, over mated comparisons by the first image's group; and of FMR.

    Raises:
        MetricError: lengths differ, or there is nothing.
    """
    mated = bool_array(same, "same", like=("matched", len(matched)))
    wrong = bool_array(matched, "matched", like=("same", len(same))) != mated
    sides = _sides(groups, "groups", len(wrong))
    who = None if people is None else _numbered(_sides(people, "people", len(wrong)))
    rng = np.random.default_rng(seed)
    misses = _misses(wrong, mated, sides[0], None if who is None else who[0], rng, resamples)
    false = _false(wrong, ~mated, sides, who, rng, resamples)
    return _differential(misses, unranked), _differential(false, unranked)


def _sides(
    names: tuple[Sequence[str], Sequence[str]], what: str, count: int
) -> tuple[_Names, _Names]:
    first, second = (np.asarray(side, dtype=np.str_) for side in names)
    for number, side in enumerate((first, second)):
        if len(side) != count:
            raise MetricError(f"{what}[{number}] has {len(side)} entries and matched has {count}")
    return first, second


def _numbered(sides: tuple[_Names, _Names]) -> tuple[_Numbers, _Numbers]:
    """Names as numbers: those of hundreds of thousands of comparisons are soon sorted."""
    numbers = np.unique(np.concatenate(sides), return_inverse=True)[1]
    return numbers[: len(sides[0])], numbers[len(sides[0]) :]


def _misses(
    wrong: NDArray[np.bool_],
    mated: NDArray[np.bool_],
    group: _Names,
    who: _Numbers | None,
    rng: np.random.Generator,
    resamples: int,
) -> list[GroupRate]:
    rates = []
    for name in np.unique(group[mated]).tolist():
        chosen = np.flatnonzero(mated & (group == name))
        units = chosen if who is None else who[chosen]
        people = None if who is None else len(np.unique(units))
        interval = share_interval(wrong[chosen], units, rng, resamples=resamples)
        small = is_small(len(chosen), people)
        rates.append(_rate((name, name), wrong[chosen], people, interval, small=small))
    return rates


def _false(
    wrong: NDArray[np.bool_],
    non_mated: NDArray[np.bool_],
    groups: tuple[_Names, _Names],
    who: tuple[_Numbers, _Numbers] | None,
    rng: np.random.Generator,
    resamples: int,
) -> list[GroupRate]:
    first, second = groups
    low, high = np.where(first <= second, (first, second), (second, first))
    of_all = float(wrong[non_mated].mean()) if non_mated.any() else 0.0
    rates = []
    for a, b in sorted(set(zip(low[non_mated].tolist(), high[non_mated].tolist(), strict=True))):
        chosen = np.flatnonzero(non_mated & (low == a) & (high == b))
        own = wrong[chosen]
        if who is None:
            people, fewest = None, None
            interval: Interval | None = wilson(int(own.sum()), len(own))
        else:
            one, other = who[0][chosen], who[1][chosen]
            both, sides = np.concatenate((one, other)), np.r_[first[chosen], second[chosen]]
            people = len(np.unique(both))
            fewest = min(len(np.unique(both[sides == name])) for name in (a, b))
            interval = comparison_interval(own, one, other, rng, resamples=resamples)
        small = is_small(len(own), fewest) or len(own) * of_all < 1
        rates.append(_rate((a, b), own, people, interval, small=small))
    return rates


def _rate(
    groups: tuple[str, str],
    wrong: NDArray[np.bool_],
    people: int | None,
    interval: Interval | None,
    *,
    small: bool,
) -> GroupRate:
    errors = int(wrong.sum())
    return GroupRate(groups, len(wrong), people, errors, float(wrong.mean()), interval, small)


def _differential(rates: list[GroupRate], unranked: Collection[str]) -> Differential:
    ranked = [r for r in rates if r.within and not r.small and r.groups[0] not in unranked]
    if len(ranked) < 2:
        return Differential(tuple(rates), None, None, None, None)
    best, *_, worst = sorted(ranked, key=lambda r: r.rate)
    return Differential(
        tuple(rates),
        worst.groups[0],
        best.groups[0],
        worst.rate - best.rate,
        worst.rate / best.rate if best.rate > 0 else None,
    )
