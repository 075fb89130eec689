"""Accuracy and error rates of a classifier by group: the worst group, and the gap to the best."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import MetricError
from steadyface.metrics.intervals import Interval, share_interval

#: Groups of fewer samples say little; they are reported and left out of worst and gap.
SMALL_GROUP = 30
#: So do groups of fewer people, however many samples each gives.
SMALL_PEOPLE = 10


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """One group.

    Attributes:
        name: its name.
        count: samples.
        people: units among them; None where units are not known.
        accuracy: share of right answers, 0..1.
        interval: 95 % bootstrap interval of it; None where a single unit cannot give one.
        error_rates: for each class, the share of its samples that were answered wrongly; None
            where the group has none.
        small: whether it has fewer than `SMALL_GROUP` samples, or `SMALL_PEOPLE` units.
    """

    name: str
    count: int
    people: int | None
    accuracy: float
    interval: Interval | None
    error_rates: tuple[float | None, ...]
    small: bool


@dataclass(frozen=True, slots=True)
class GroupReport:
    """All groups of one partition.

    Attributes:
        groups: by name.
        worst: the group of least accuracy among those that are ranked and not small; None where
            there are no two.
        best: likewise, of greatest.
        gap: difference of their accuracies, 0..1; None where there are no two.
    """

    groups: tuple[GroupFigures, ...]
    worst: str | None
    best: str | None
    gap: float | None


def group_figures(
    truth: NDArray[np.int64],
    predicted: NDArray[np.int64],
    groups: Sequence[str],
    *,
    classes: int = 2,
    units: Sequence[str] | None = None,
    unranked: Collection[str] = (),
    resamples: int = 1000,
    seed: int = 0,
) -> GroupReport:
    """Accuracy and error rates by group.

    Source: Buolamwini and Gebru, 'Gender shades: intersectional accuracy disparities in commercial
    gender classification', 2018.

    Args:
        truth: N ints, the right class.
        predicted: N ints; what is no class, such as -1 for no answer, is wrong.
        groups: N names.
        classes: how many classes there are.
        units: N names of what is resampled together, such as the person; None resamples samples.
        unranked: names that are never worst or best, such as that of people of no known group.
        resamples: of the bootstrap, see `bootstrap`.
        seed: of the bootstrap.

    Raises:
        MetricError: there is no sample, or lengths differ.
    """
    if not len(truth) == len(predicted) == len(groups) or len(truth) == 0:
        raise MetricError(
            f"{len(truth)} labels, {len(predicted)} answers and {len(groups)} groups: give one of "
            "each a sample, and a sample or more"
        )
    if units is not None and len(units) != len(truth):
        raise MetricError(f"{len(units)} units for {len(truth)} samples: give one each")
    names, who = np.asarray(groups), None if units is None else np.asarray(units)
    right = np.asarray(truth == predicted, dtype=np.float64)
    rng = np.random.default_rng(seed)
    several = [
        _one(str(name), names == name, truth, right, who, classes, resamples, rng)
        for name in sorted(set(groups))
    ]
    ranked = sorted(
        (g for g in several if not g.small and g.name not in unranked), key=lambda g: g.accuracy
    )
    if len(ranked) < 2:
        return GroupReport(tuple(several), None, None, None)
    gap = ranked[-1].accuracy - ranked[0].accuracy
    return GroupReport(tuple(several), ranked[0].name, ranked[-1].name, gap)


def is_small(count: int, people: int | None) -> bool:
    """Whether so many samples of so many people, None where that is not known, say little."""
    return count < SMALL_GROUP or (people is not None and people < SMALL_PEOPLE)


def _one(
    name: str,
    chosen: NDArray[np.bool_],
    truth: NDArray[np.int64],
    right: NDArray[np.float64],
    who: NDArray[Any] | None,
    classes: int,
    resamples: int,
    rng: np.random.Generator,
) -> GroupFigures:
    of_class = [right[chosen & (truth == c)] for c in range(classes)]
    own = right[chosen]
    units = np.arange(len(own)) if who is None else who[chosen]
    people = None if who is None else len(np.unique(units))
    return GroupFigures(
        name,
        len(own),
        people,
        float(own.mean()),
        share_interval(own == 1, units, rng, resamples=resamples),
        tuple(float(1 - part.mean()) if len(part) else None for part in of_class),
        is_small(len(own), people),
    )
