"""The report of a training: one HTML file that needs nothing beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import classification_report

from steadyface.evaluation.layouts import GENDERS
from steadyface.evaluation.pages import as_uri, rendered
from steadyface.evaluation.summaries import NO_ANSWER
from steadyface.metrics import GroupFigures, GroupReport
from steadyface.metrics.groups import SMALL_GROUP, SMALL_PEOPLE
from steadyface.training.gender import pictures
from steadyface.training.gender.fit import State
from steadyface.training.gender.measure import SEVERITY, Measured
from steadyface.training.gender.recipe import GenderRecipe

_MISTAKES = 24


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """Everything that a report tells.

    Attributes:
        model: the classifier's id.
        recipe: how it was trained.
        stages: the backbone's stages that were trained.
        counts: images by part.
        split: how the parts were made.
        measured_on: `val` or `test`.
        findings: table of what is wrong with the images.
        state: the fitting's history.
        measured: the images as given first, then distorted.
        columns: of groups.
        made_by: versions and options.
    """

    model: str
    recipe: GenderRecipe
    stages: tuple[str, ...]
    counts: Mapping[str, int]
    split: str
    measured_on: str
    findings: str
    state: State
    measured: Sequence[Measured]
    columns: Sequence[str]
    made_by: Mapping[str, Any]


def report(told: Told) -> str:
    """The HTML."""
    given = told.measured[0].evaluation.summary()
    matrix = given["overall"]["confusion"]
    return rendered(
        "steadyface.training.gender",
        "report.html.j2",
        model=told.model,
        recipe=told.recipe,
        stages=told.stages,
        counts=told.counts,
        split=told.split,
        measured_on=told.measured_on,
        findings={"Images": told.findings},
        severity=SEVERITY,
        conditions=list(_conditions(told)),
        classification=classification_text(told.measured[0]),
        confusion_words=_words(matrix),
        pictures=_pictures(told, matrix),
        best=told.state.best_epoch,
        epochs=len(told.state.history),
        groups=_groups(told),
        small=SMALL_GROUP,
        small_people=SMALL_PEOPLE,
        made_by=json.dumps(told.made_by, indent=1),
    )


def classification_text(measured: Measured) -> str:
    """scikit-learn's report; images without an answer are of a class of their own."""
    answers = np.where(measured.evaluation.predicted == NO_ANSWER, 2, measured.evaluation.predicted)
    text: str = classification_report(
        measured.evaluation.truth,
        answers,
        labels=[0, 1],
        target_names=list(GENDERS),
        digits=4,
        zero_division=0,
    )
    return text


def _conditions(told: Told) -> Sequence[dict[str, Any]]:
    rows = []
    for measured in told.measured:
        summary = measured.evaluation.summary()
        several = {measured.condition: summary["overall"]}
        if measured is told.measured[0] and len(summary["by_kind"]) > 1:
            several |= {f"as given: {kind}": part for kind, part in summary["by_kind"].items()}
        rows += [_condition(name, part) for name, part in several.items()]
    return rows


def _condition(name: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    low, high = figures["accuracy_interval"]
    return {
        "name": name,
        "images": figures["images"],
        "accuracy": _percent(figures["accuracy"]),
        "interval": f"{_percent(low)} to {_percent(high)}",
        "female": _percent(figures["classes"]["female"]["recall"]),
        "male": _percent(figures["classes"]["male"]["recall"]),
        "unanswered": figures["without_score"],
    }


def _groups(told: Told) -> dict[str, list[dict[str, Any]]]:
    tables: dict[str, list[dict[str, Any]]] = {}
    for measured in told.measured:
        for column, figures in measured.groups(told.columns).items():
            tables.setdefault(column, []).append(_row(measured.condition, figures))
    names = {column: several[0]["names"] for column, several in tables.items()}
    for column, several in tables.items():
        for row in several:
            row["cells"] = [row["by_name"].get(name, "-") for name in names[column]]
    return tables


def _row(condition: str, figures: GroupReport) -> dict[str, Any]:
    return {
        "condition": condition,
        "names": [group.name for group in figures.groups],
        "by_name": {group.name: _cell(group) for group in figures.groups},
        "worst": figures.worst or "-",
        "gap": "-" if figures.gap is None else f"{100 * figures.gap:.1f}",
    }


def _cell(group: GroupFigures) -> str:
    text = _percent(group.accuracy)
    if group.interval is not None:
        text += f" ({_percent(group.interval.low)} to {_percent(group.interval.high)})"
    text += f", {group.count}"
    return f"[{text}]" if group.small else text


def _pictures(told: Told, matrix: Mapping[str, Any]) -> dict[str, str | None]:
    given = told.measured[0]
    female = given.evaluation.truth == 0
    drawn = {
        "curves": pictures.curves(told.state.history, told.state.best_epoch),
        "confusion": pictures.confusion(
            np.array(matrix["counts"]), matrix["rows"], matrix["columns"]
        ),
        "roc": pictures.roc(female, given.evaluation.ranked_scores)
        if female.any() and not female.all()
        else None,
        "mistakes": pictures.mistakes(given.mistakes(_MISTAKES)),
    }
    return {name: None if png is None else as_uri(png) for name, png in drawn.items()}


def _words(matrix: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{row}: " + ", ".join(f"{n} {c}" for n, c in zip(counts, matrix["columns"], strict=True))
        for row, counts in zip(matrix["rows"], matrix["counts"], strict=True)
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"
