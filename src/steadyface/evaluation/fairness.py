"""Who bears the errors: gender and matching by groups of people, at one threshold for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from steadyface.errors import DatasetLayoutError
from steadyface.evaluation.embedding import Outcome, failures_of, qualities_of
from steadyface.evaluation.gender import evaluate_gender
from steadyface.evaluation.layouts import GENDERS, GenderImage, Pair
from steadyface.evaluation.pairs import PairsEvaluator
from steadyface.evaluation.table import Table
from steadyface.matching.calibration import DecisionRule
from steadyface.metrics import (
    Differential,
    GroupRate,
    Interval,
    bootstrap,
    differential_errors,
    group_figures,
)
from steadyface.metrics.groups import SMALL_GROUP, GroupReport
from steadyface.pipeline import Analyzer

#: See docs/results.md.
SCHEMA = "steadyface/fairness/1"


@dataclass(frozen=True, slots=True)
class Line:
    """One group's figure.

    Attributes:
        group: its name; two joined by `x` for comparisons across groups.
        count: images or comparisons.
        value: of the measure.
        interval: 95 %; None where a single person cannot give one.
        small: whether there are too few to say much; such are left out of worst and gap.
    """

    group: str
    count: int
    value: float
    interval: tuple[float, float] | None
    small: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """A measure by the groups of one column.

    Attributes:
        column: of the table.
        measure: what is measured.
        lines: by group.
        worst: the group that fares worst; None without two groups that are not small.
        difference: between best and worst.
        ratio: of the rates of errors of worst and best; None where the best has none, or the
            measure is no rate of errors.
    """

    column: str
    measure: str
    lines: tuple[Line, ...]
    worst: str | None
    difference: float | None
    ratio: float | None


@dataclass(frozen=True, slots=True)
class Fairness:
    """All measures by all columns.

    Attributes:
        task: `gender` or `pairs`.
        comparisons: what was measured.
        unlabelled: images of which the table says nothing.
        failures: images without an answer; they count as errors.
    """

    task: str
    comparisons: tuple[Comparison, ...]
    unlabelled: int
    failures: Sequence[Mapping[str, str]]

    def as_json(self) -> dict[str, Any]:
        """A value for JSON."""
        return {
            "schema": SCHEMA,
            "task": self.task,
            "small_group": SMALL_GROUP,
            "unlabelled": self.unlabelled,
            "comparisons": [
                {
                    "column": c.column,
                    "measure": c.measure,
                    "worst": c.worst,
                    "difference": c.difference,
                    "ratio": c.ratio,
                    "groups": [
                        {
                            "group": line.group,
                            "count": line.count,
                            "value": line.value,
                            "interval": line.interval,
                            "small": line.small,
                        }
                        for line in c.lines
                    ],
                }
                for c in self.comparisons
            ],
            "failures": list(self.failures),
        }


def gender_fairness(
    analyzer: Analyzer, images: Sequence[GenderImage], root: Path, table: Table
) -> Fairness:
    """Accuracy of gender and quality of faces by the groups of each column.

    Args:
        analyzer: the pipeline.
        images: labelled images.
        root: folder that the table's paths are relative to.
        table: groups, and people where it names them: those are resampled as wholes.

    Raises:
        DatasetLayoutError: the table says nothing of any of the images.
    """
    rows = [table.of(image.path, root) for image in images]
    unlabelled = _unlabelled(rows, table, root)
    evaluation = evaluate_gender(analyzer, images)
    people = [who or image.path.name for (who, _), image in zip(rows, images, strict=True)]
    comparisons = []
    for number, column in enumerate(table.columns):
        groups = [of[number] for _, of in rows]
        report = group_figures(evaluation.truth, evaluation.predicted, groups, units=people)
        comparisons += [
            _accuracy(column, report),
            _quality(column, groups, people, evaluation.outcomes),
        ]
    return Fairness("gender", tuple(comparisons), unlabelled, failures_of(evaluation.outcomes))


def pairs_fairness(
    analyzer: Analyzer, pairs: Sequence[Pair], images: Path, table: Table, rule: DecisionRule
) -> Fairness:
    """FNMR by group, FMR within and across groups, and quality, at the rule's threshold.

    Args:
        analyzer: the pipeline.
        pairs: the comparisons.
        images: folder that the pairs' names, and the table's, are relative to.
        table: groups by image.
        rule: how decisions are made; one for all groups.

    Raises:
        DatasetLayoutError: the table says nothing of any of the images.
    """
    names = sorted({name for pair in pairs for name in (pair.first, pair.second)})
    of = {name: table.of(images / name, images) for name in names}
    unlabelled = _unlabelled(list(of.values()), table, images)
    evaluation = PairsEvaluator(analyzer, pairs, images).evaluate()
    matched = evaluation.matched(rule)
    people = [of[pair.first][0] or Path(pair.first).parent.name for pair in pairs]
    seen = {outcome.source: outcome for outcome in evaluation.outcomes}
    who = [of[name][0] or Path(name).parent.name for name in names]
    comparisons = []
    for number, column in enumerate(table.columns):
        sides = (
            [of[pair.first][1][number] for pair in pairs],
            [of[pair.second][1][number] for pair in pairs],
        )
        misses, false = differential_errors(matched, evaluation.same, sides, people=people)
        groups = [of[name][1][number] for name in names]
        comparisons += [
            _errors(column, "FNMR", misses),
            _errors(column, "FMR", false),
            _quality(column, groups, who, [seen[name] for name in names]),
        ]
    return Fairness("pairs", tuple(comparisons), unlabelled, failures_of(evaluation.outcomes))


def _unlabelled(
    rows: Sequence[tuple[str | None, tuple[str, ...]]], table: Table, root: Path
) -> int:
    known = set(table.rows.values())
    missing = sum(row not in known for row in rows)
    if missing == len(rows):
        raise DatasetLayoutError(
            f"the table names none of the {len(rows)} images of {root}; its first column of images "
            "has to hold their paths below that folder, or their file names"
        )
    return missing


def _accuracy(column: str, report: GroupReport) -> Comparison:
    lines = tuple(
        Line(g.name, g.count, g.accuracy, _plain(g.interval), g.small) for g in report.groups
    )
    errors = {g.name: 1 - g.accuracy for g in report.groups}
    ratio = None
    if report.worst is not None and report.best is not None and errors[report.best] > 0:
        ratio = errors[report.worst] / errors[report.best]
    return Comparison(
        column, f"accuracy of {' or '.join(GENDERS)}", lines, report.worst, report.gap, ratio
    )


def _errors(column: str, measure: str, found: Differential) -> Comparison:
    lines = tuple(
        Line(_joined(r), r.count, r.rate, _plain(r.interval), r.small) for r in found.rates
    )
    return Comparison(column, measure, lines, found.worst, found.difference, found.ratio)


def _joined(rate: GroupRate) -> str:
    return rate.groups[0] if rate.within else " x ".join(rate.groups)


def _quality(
    column: str, groups: Sequence[str], people: Sequence[str], outcomes: Sequence[Outcome]
) -> Comparison:
    """Mean quality of the faces there are."""
    quality = qualities_of(outcomes).astype(np.float64)
    names, units, rng = np.asarray(groups), np.asarray(people), np.random.default_rng(0)
    lines = []
    for name in sorted(set(groups)):
        chosen = (names == name) & ~np.isnan(quality)
        own = quality[chosen]
        if not len(own):
            continue
        interval = bootstrap(lambda rows, own=own: float(own[rows].mean()), units[chosen], rng)  # type: ignore[misc]
        small = len(own) < SMALL_GROUP
        lines.append(Line(name, len(own), float(own.mean()), _plain(interval), small))
    large = sorted((line for line in lines if not line.small), key=lambda line: line.value)
    if not large:
        return Comparison(column, "quality", tuple(lines), None, None, None)
    gap = large[-1].value - large[0].value
    return Comparison(column, "quality", tuple(lines), large[0].group, gap, None)


def _plain(interval: Interval | None) -> tuple[float, float] | None:
    return None if interval is None else (interval.low, interval.high)
