"""Who bears the errors: gender and matching by groups of people, at one threshold for all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from steadyface.evaluation.embedding import Outcome, failures_of, qualities_of
from steadyface.evaluation.fairness_figures import SCHEMA, Comparison, Fairness, Line
from steadyface.evaluation.gender import evaluate_gender
from steadyface.evaluation.layouts import GENDERS, GenderImage, Pair
from steadyface.evaluation.pairs import PairsEvaluator
from steadyface.evaluation.persons import person_below, person_labelled
from steadyface.evaluation.table import UNKNOWN_GROUP, Entry, Table
from steadyface.matching.calibration import DecisionRule
from steadyface.metrics import (
    Differential,
    GroupRate,
    Interval,
    bootstrap,
    differential_errors,
    group_figures,
)
from steadyface.metrics.groups import GroupReport, is_small
from steadyface.pipeline import Analyzer

__all__ = ["SCHEMA", "Comparison", "Fairness", "Line", "gender_fairness", "pairs_fairness"]

#: Never worst or best: it is of people of all groups.
_UNRANKED = (UNKNOWN_GROUP,)


def gender_fairness(
    analyzer: Analyzer, images: Sequence[GenderImage], root: Path, table: Table
) -> Fairness:
    """Accuracy of gender and quality of faces by the groups of each column.

    Args:
        analyzer: the pipeline.
        images: labelled images.
        root: folder that the table's paths are relative to.
        table: groups, and people where it names them: those are resampled as wholes. Of others a
            folder below female/ or male/ is a person, else each image.

    Raises:
        DatasetLayoutError: the table says nothing of any of the images, or one row fits several.
    """
    entries = table.of_all([image.path for image in images], root)
    evaluation = evaluate_gender(analyzer, images)
    people = [
        _person(entry, person_labelled(image, root))
        for entry, image in zip(entries, images, strict=True)
    ]
    comparisons = []
    for number, column in enumerate(table.columns):
        groups = [entry.groups[number] for entry in entries]
        report = group_figures(
            evaluation.truth, evaluation.predicted, groups, units=people, unranked=_UNRANKED
        )
        comparisons += [
            _accuracy(column, report),
            _quality(column, groups, people, evaluation.outcomes),
        ]
    return Fairness(
        "gender",
        None,
        tuple(comparisons),
        _unlabelled(entries),
        table.unmatched(entries),
        failures_of(evaluation.outcomes),
    )


def pairs_fairness(
    analyzer: Analyzer, pairs: Sequence[Pair], images: Path, table: Table, rule: DecisionRule
) -> Fairness:
    """FNMR by group, FMR within and across groups, and quality, at the rule's threshold.

    Args:
        analyzer: the pipeline.
        pairs: the comparisons.
        images: folder that the pairs' names, and the table's, are relative to.
        table: groups by image, and people where it names them; of others the folder is the person.
        rule: how decisions are made; one for all groups.

    Raises:
        DatasetLayoutError: the table says nothing of any of the images, or one row fits several.
    """
    names = sorted({name for pair in pairs for name in (pair.first, pair.second)})
    entries = table.of_all([images / name for name in names], images)
    of = dict(zip(names, entries, strict=True))
    who = {name: _person(of[name], person_below(images / name, images)) for name in names}
    evaluation = PairsEvaluator(analyzer, pairs, images).evaluate()
    matched = evaluation.matched(rule)
    people = [who[pair.first] for pair in pairs], [who[pair.second] for pair in pairs]
    seen = {outcome.source: outcome for outcome in evaluation.outcomes}
    comparisons = []
    for number, column in enumerate(table.columns):
        group = {name: entry.groups[number] for name, entry in of.items()}
        sides = [group[pair.first] for pair in pairs], [group[pair.second] for pair in pairs]
        misses, false = differential_errors(
            matched, evaluation.same, sides, people=people, unranked=_UNRANKED
        )
        comparisons += [
            _errors(column, "FNMR", misses),
            _errors(column, "FMR", false),
            _quality(
                column, list(group.values()), list(who.values()), [seen[name] for name in names]
            ),
        ]
    return Fairness(
        "pairs",
        rule,
        tuple(comparisons),
        _unlabelled(entries),
        table.unmatched(entries),
        failures_of(evaluation.outcomes),
    )


def _person(entry: Entry, otherwise: str) -> str:
    """The table's name; a place in the folder is no such name, though it may be spelt like one."""
    return f"={entry.identity}" if entry.identity is not None else otherwise


def _unlabelled(entries: Sequence[Entry]) -> int:
    return sum(entry.row is None for entry in entries)


def _accuracy(column: str, report: GroupReport) -> Comparison:
    lines = tuple(
        Line(g.name, g.count, g.people or 0, g.accuracy, _plain(g.interval), g.small)
        for g in report.groups
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
        Line(_joined(r), r.count, r.people or 0, r.rate, _plain(r.interval), r.small)
        for r in found.rates
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
    lines, ranked = [], []
    for name in sorted(set(groups)):
        chosen = (names == name) & ~np.isnan(quality)
        own, who = quality[chosen], units[chosen]
        if not len(own):
            lines.append(Line(name, 0, 0, None, None, small=True))
            continue
        interval = bootstrap(lambda rows, own=own: float(own[rows].mean()), who, rng)  # type: ignore[misc]
        count, value, some = len(own), float(own.mean()), len(np.unique(who))
        lines.append(Line(name, count, some, value, _plain(interval), is_small(count, some)))
        if not is_small(count, some) and name not in _UNRANKED:
            ranked.append((value, name))
    if len(ranked) < 2:
        return Comparison(column, "quality", tuple(lines), None, None, None)
    (low, worst), (high, _) = min(ranked), max(ranked)
    return Comparison(column, "quality", tuple(lines), worst, high - low, None)


def _plain(interval: Interval | None) -> tuple[float, float] | None:
    return None if interval is None else (interval.low, interval.high)
