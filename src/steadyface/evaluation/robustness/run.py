"""Measures every condition that is not kept yet, and makes one result of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from steadyface.distortions.suites import Condition
from steadyface.errors import ResultError
from steadyface.evaluation.layouts import CLEAN
from steadyface.evaluation.robustness import reading
from steadyface.evaluation.robustness.cells import Cell
from steadyface.evaluation.robustness.facts import rule_facts
from steadyface.evaluation.robustness.keeping import Cells, content_key
from steadyface.matching.calibration import DecisionRule
from steadyface.types import RGBImage

#: Of the result file, see docs/results.md; a change of what a field means counts up.
SCHEMA = "steadyface/robustness/2"
TASKS = ("gender", "match", "pairs")


class Subject(Protocol):
    """What is measured under one condition after the other."""

    @property
    def task(self) -> str:
        """`gender`, `match` or `pairs`."""
        ...

    @property
    def measures(self) -> Sequence[str]:
        """Names of a cell's figures; errors of the first make the mean corruption error."""
        ...

    @property
    def sorts(self) -> Sequence[str]:
        """Names of a cell's histograms."""
        ...

    @property
    def axis(self) -> str:
        """What the histograms are of."""
        ...

    @property
    def files(self) -> Sequence[Path]:
        """Every image."""
        ...

    @property
    def persons(self) -> Sequence[str]:
        """Whom each decision is about, in the order of a cell's; the same under any condition."""
        ...

    @property
    def labels(self) -> Any:
        """All that is said of the images, names included, as a JSON value in a fixed order."""
        ...

    @property
    def dataset(self) -> Mapping[str, Any]:
        """What is measured and what is left out, see `facts.dataset_facts`."""
        ...

    @property
    def rule(self) -> DecisionRule | None:
        """How similarities are decided on; None where none are."""
        ...

    def decode(self, name: str) -> RGBImage:
        """The image that a cell's name stands for, as it is measured.

        Raises:
            ImageError: it cannot be decoded.
        """
        ...

    def measure(self, condition: Condition | None) -> Cell:
        """One condition; None leaves images as they are."""
        ...


@dataclass(frozen=True, slots=True)
class Questions:
    """What a result answers; two with the same can be set side by side.

    Attributes:
        task: see `Subject`.
        measures: likewise.
        data: digest of the images and their labels.
        conditions: names, clean first.
    """

    task: str
    measures: tuple[str, ...]
    data: str
    conditions: tuple[str, ...]

    def require(self, other: Questions) -> None:
        """Refuse another result that does not answer the same.

        Raises:
            ResultError: it is of another task, other images, labels or conditions.
        """
        if (self.task, self.measures) != (other.task, other.measures):
            raise ResultError(f"one result is of task {other.task}, the other of {self.task}")
        if self.data != other.data:
            raise ResultError(
                "the results are of different images or labels; measure both on the same"
            )
        if self.conditions != other.conditions:
            raise _different_conditions(set(self.conditions) ^ set(other.conditions))


@dataclass(frozen=True, slots=True)
class Robustness:
    """Figures by condition.

    Attributes:
        task: see `Subject`.
        measures: likewise.
        sorts: likewise.
        axis: likewise.
        cells: clean first, then by kind and severity.
        made_by: versions, models and options.
        data: digest of the images and their labels.
        rule: how similarities were decided on, see `facts.rule_facts`.
        dataset: see `Subject`.
        people: a number for each decision of a cell, equal where they are about one person; empty
            where that is not known.
    """

    task: str
    measures: tuple[str, ...]
    sorts: tuple[str, ...]
    axis: str
    cells: tuple[Cell, ...]
    made_by: Mapping[str, Any]
    data: str
    rule: Mapping[str, Any] | None = None
    dataset: Mapping[str, Any] = field(default_factory=dict)
    people: tuple[int, ...] = ()

    @property
    def questions(self) -> Questions:
        """What it answers."""
        names = tuple(cell.name for cell in self.cells)
        return Questions(self.task, self.measures, self.data, names)

    @property
    def failures(self) -> list[dict[str, str]]:
        """Images without an answer under any condition; the same failure is told once."""
        every = {tuple(f.items()): dict(f) for cell in self.cells for f in cell.failures}
        return list(every.values())

    @property
    def clean(self) -> Cell:
        """The cell without distortion."""
        return self.cells[0]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of distortion, in the order measured."""
        return tuple(dict.fromkeys(cell.kind for cell in self.cells[1:]))

    @property
    def severities(self) -> tuple[float, ...]:
        """Severities, rising."""
        return tuple(sorted({cell.severity for cell in self.cells[1:]}))

    def cell(self, kind: str, severity: float) -> Cell:
        """The cell of a condition."""
        return next(c for c in self.cells if (c.kind, c.severity) == (kind, severity))

    def as_json(self) -> dict[str, Any]:
        """A value for JSON."""
        return {
            "schema": SCHEMA,
            "task": self.task,
            "measures": list(self.measures),
            "sorts": list(self.sorts),
            "axis": self.axis,
            "made_by": dict(self.made_by),
            "data": self.data,
            "dataset": dict(self.dataset),
            "rule": None if self.rule is None else dict(self.rule),
            "people": list(self.people),
            "cells": [cell.as_json() for cell in self.cells],
            "failures": self.failures,
        }


def evaluate_robustness(
    subject: Subject,
    conditions: Sequence[Condition],
    made_by: Mapping[str, Any],
    folder: Path,
    say: Callable[[str], None],
    data: str | None = None,
) -> Robustness:
    """Measure the clean images and every condition, each kept as soon as it is done.

    Args:
        subject: what is measured.
        conditions: kinds at severities.
        made_by: versions, models with the hashes of their graphs, and options; what was measured
            by anything else, by another rule, or on other images or labels, is measured anew.
        folder: where cells are kept.
        say: told of each condition.
        data: `data_of` the subject, where that is known already.
    """
    rule = rule_facts(subject.rule)
    key = json.dumps([subject.task, made_by, rule], sort_keys=True)
    data = data_of(subject) if data is None else data
    cells = Cells(folder, [key, data], subject.measures, subject.sorts)
    measured = []
    for condition in (None, *conditions):
        name = CLEAN if condition is None else str(condition)
        cell = cells.get(name)
        if cell is None:
            cell = subject.measure(condition)
            cells.put(name, cell)
        measured.append(cell)
        figures = ", ".join(
            f"{measure} {'-' if figure.value is None else f'{100 * figure.value:.1f}'}"
            for measure, figure in cell.figures.items()
        )
        say(f"{name:<12} {figures} %")
    return Robustness(
        subject.task,
        tuple(subject.measures),
        tuple(subject.sorts),
        subject.axis,
        tuple(measured),
        made_by,
        data,
        rule,
        subject.dataset,
        tuple(np.unique(subject.persons, return_inverse=True)[1].tolist()),
    )


def data_of(subject: Subject) -> str:
    """A digest of the images and of what is said of them."""
    return content_key(subject.files, subject.labels)


def read_robustness(file: Path) -> Robustness:
    """Read a result file.

    Raises:
        ResultError: it cannot be read, is of another schema, or damaged.
    """
    root = reading.document(file, SCHEMA)
    try:
        task = root["task"].text()
        if task not in TASKS:
            raise root["task"].wrong(f"one of {', '.join(TASKS)}")
        measures, sorts = reading.names_of(root["measures"]), reading.names_of(root["sorts"])
        root["made_by"]["model"].text()
        root["made_by"]["options"].fields()
        return Robustness(
            task,
            measures,
            sorts,
            root["axis"].text(),
            reading.read_cells(root["cells"], measures, sorts),
            root["made_by"].value,
            root["data"].text(),
            reading.read_rule(root["rule"]),
            reading.read_dataset(root["dataset"]),
            reading.read_people(root["people"], root["cells"]),
        )
    except ResultError as error:
        raise ResultError(f"{file}: {error}; measure it again") from error


def require_same(result: Robustness, other: Robustness) -> None:
    """Refuse to set results side by side that do not answer the same questions.

    Raises:
        ResultError: they are of different tasks, images, labels or conditions.
    """
    result.questions.require(other.questions)
    mine, theirs = ({(cell.name, cell.count) for cell in r.cells} for r in (result, other))
    if mine != theirs:
        raise _different_conditions({name for name, _ in mine ^ theirs})


def _different_conditions(odd: set[str]) -> ResultError:
    what = ", ".join(sorted(odd)) if odd else "in another order"
    return ResultError(
        f"the results are of different conditions ({what}); measure both under the same"
    )
