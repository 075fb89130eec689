"""Measures every condition that is not kept yet, and makes one result of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from steadyface.distortions.suites import Condition
from steadyface.errors import ResultError
from steadyface.evaluation.layouts import CLEAN
from steadyface.evaluation.robustness.cells import Cell, Cells, content_key, read_cell

#: Of the result file, see docs/results.md; a change of what a field means counts up.
SCHEMA = "steadyface/robustness/1"


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

    def path(self, name: str) -> Path:
        """The image that a cell's name stands for."""
        ...

    def measure(self, condition: Condition | None) -> Cell:
        """One condition; None leaves images as they are."""
        ...


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
        data: digest of the images.
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
    people: tuple[int, ...] = ()

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
            "people": list(self.people),
            "cells": [cell.as_json() for cell in self.cells],
            "failures": [f for cell in self.cells for f in cell.failures],
        }


def evaluate_robustness(
    subject: Subject,
    conditions: Sequence[Condition],
    made_by: Mapping[str, Any],
    folder: Path,
    say: Callable[[str], None],
) -> Robustness:
    """Measure the clean images and every condition, each kept as soon as it is done.

    Args:
        subject: what is measured.
        conditions: kinds at severities.
        made_by: versions, models with the hashes of their graphs, and options; what was measured
            by anything else, or on other images, is measured anew.
        folder: where cells are kept.
        say: told of each condition.
    """
    key = json.dumps([subject.task, made_by], sort_keys=True)
    data = content_key(subject.files)
    cells = Cells(folder, [key, data])
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
        tuple(np.unique(subject.persons, return_inverse=True)[1].tolist()),
    )


def read_robustness(file: Path) -> Robustness:
    """Read a result file.

    Raises:
        ResultError: it cannot be read, or is of another schema.
    """
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ResultError(f"{file}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise ResultError(f"{file}: not a JSON document; give a robustness.json") from error
    schema = value.get("schema") if isinstance(value, dict) else None
    if schema != SCHEMA:
        raise ResultError(
            f"{file}: schema {schema!r} is not {SCHEMA!r}, which this version reads; measure it "
            "again with this version"
        )
    try:
        return Robustness(
            value["task"],
            tuple(value["measures"]),
            tuple(value["sorts"]),
            value["axis"],
            tuple(read_cell(cell) for cell in value["cells"]),
            value["made_by"],
            value["data"],
            tuple(value.get("people", ())),
        )
    except (KeyError, ResultError) as error:
        raise ResultError(f"{file}: {error}") from error


def require_same(result: Robustness, other: Robustness) -> None:
    """Refuse to set results side by side that do not answer the same questions.

    Raises:
        ResultError: they are of different tasks, images or conditions.
    """
    if (result.task, result.measures) != (other.task, other.measures):
        raise ResultError(f"one result is of task {other.task}, the other of {result.task}")
    if result.data != other.data:
        raise ResultError("the results are of different images; measure both on the same")
    mine, theirs = ([(cell.name, cell.count) for cell in r.cells] for r in (result, other))
    if mine != theirs:
        odd = sorted({str(name) for name, _ in set(mine) ^ set(theirs)})
        raise ResultError(
            f"the results are of different conditions ({', '.join(odd)}); measure both under the "
            "same"
        )


@dataclass(frozen=True, slots=True)
class CorruptionError:
    """Errors as a share of a baseline's.

    Attributes:
        by_kind: kind -> errors over all severities, divided by the baseline's; None where that has
            none.
        mean: of the kinds that can be measured; None where none can.
    """

    by_kind: Mapping[str, float | None]
    mean: float | None


def corruption_error(result: Robustness, baseline: Robustness) -> CorruptionError:
    """The mean corruption error of the first measure.

    Source: Hendrycks and Dietterich, 'Benchmarking neural network robustness to common corruptions
    and perturbations', ICLR 2019.

    Raises:
        ResultError: the two are of different tasks, conditions or numbers of decisions.
    """
    require_same(result, baseline)
    shares: dict[str, float | None] = {}
    for kind in result.kinds:
        mine, theirs = (_errors(r, kind) for r in (result, baseline))
        shares[kind] = None if mine is None or not theirs else mine / theirs
    known = [share for share in shares.values() if share is not None]
    return CorruptionError(shares, float(np.mean(known)) if known else None)


def _errors(result: Robustness, kind: str) -> float | None:
    values = [cell.figures[result.measures[0]].value for cell in result.cells if cell.kind == kind]
    known = [1 - value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
