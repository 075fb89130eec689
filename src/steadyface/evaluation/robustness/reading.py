"""Reads cells and result files back, whoever may have changed them; nothing is taken on trust."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

from steadyface.distortions import KINDS
from steadyface.errors import ResultError
from steadyface.evaluation.embedding import DETECTIONS
from steadyface.evaluation.layouts import CLEAN
from steadyface.evaluation.robustness.cells import CAUSES, Cell, Figure, Worst
from steadyface.evaluation.robustness.nodes import Node

_FAILURE = ("source", "what", "reason")


def document(file: Path, schema: str) -> Node:
    """The JSON document of a result file, of which nothing is known but its schema.

    Raises:
        ResultError: it cannot be read, is no strict JSON, or of another schema.
    """
    try:
        value = json.loads(file.read_text(encoding="utf-8"), parse_constant=_refuse)
    except OSError as error:
        raise ResultError(f"{file}: cannot be read ({error.strerror})") from error
    except ResultError as error:
        raise ResultError(f"{file}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{file}: not a JSON document; give a robustness.json") from error
    found = value.get("schema") if isinstance(value, dict) else None
    if found != schema:
        raise ResultError(
            f"{file}: schema {found!r} is not {schema!r}, which this version reads; measure it "
            "again with this version"
        )
    return Node(value, "result")


def names_of(node: Node) -> tuple[str, ...]:
    """Names, at least one, each once.

    Raises:
        ResultError: they are not.
    """
    names = tuple(one.text() for one in node.items(least=1))
    if len(set(names)) < len(names):
        raise node.wrong("an array without repetitions")
    return names


def read_cells(node: Node, measures: Sequence[str], sorts: Sequence[str]) -> tuple[Cell, ...]:
    """All cells of a result, clean first.

    Raises:
        ResultError: one is damaged or stands twice, or the clean one is not the first.
    """
    cells = tuple(read_cell(one, measures, sorts) for one in node.items(least=1))
    names = [cell.name for cell in cells]
    if names[0] != CLEAN:
        raise ResultError(f"{node.where}[0] is of {names[0]}, not of {CLEAN}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ResultError(f"{node.where} has {', '.join(twice)} more than once")
    return cells


def read_cell(node: Node, measures: Sequence[str], sorts: Sequence[str]) -> Cell:
    """A cell as `Cell.as_json` wrote it.

    Raises:
        ResultError: something is missing, of another type or out of range.
    """
    kind, severity = _condition(node)
    count = node["count"].whole(1)
    edges = _edges(node["edges"])
    figures = {name: _figure(one) for name, one in node["figures"].fields().items()}
    histograms = {
        name: [one.whole() for one in several.items(least=len(edges) - 1, most=len(edges) - 1)]
        for name, several in node["histograms"].fields().items()
    }
    for name, found in (("figures", figures), ("histograms", histograms)):
        _require(node[name], found, measures if name == "figures" else sorts)
    return Cell(
        kind,
        severity,
        count,
        figures,
        _counts(node["wrong"], CAUSES),
        _counts(node["detection"], DETECTIONS),
        histograms,
        edges,
        tuple(_worst(one) for one in node["worst"].items()),
        [{name: one[name].text() for name in _FAILURE} for one in node["failures"].items()],
        _right(node["right"], count),
    )


def read_rule(node: Node) -> dict[str, Any] | None:
    """The rule as `facts.rule_facts` tells it.

    Raises:
        ResultError: it is damaged.
    """
    if node.value is None:
        return None
    calibration = node["calibration"]
    return {
        "fmr": _optional(node["fmr"], 0, 1),
        "threshold": node["threshold"].number(-1, 1),
        "interval": None if node["interval"].value is None else [*node["interval"].interval(-1, 1)],
        "calibration": None if calibration.value is None else calibration.text(),
    }


def read_dataset(node: Node) -> dict[str, Any]:
    """What was measured as the subject tells it.

    Raises:
        ResultError: it is damaged.
    """
    strangers = node["strangers"]
    return {
        "counts": {name: one.whole() for name, one in node["counts"].fields().items()},
        **{
            name: None if node[name].value is None else node[name].whole()
            for name in ("enrolled", "references")
        },
        "strangers": None if strangers.value is None else _named(strangers),
        "left_out": [
            {"what": one["what"].text(), **_named(one)} for one in node["left_out"].items()
        ],
    }


def read_people(node: Node, cells: Node) -> tuple[int, ...]:
    """A number for each decision, whom it is about; none where that is not known.

    Raises:
        ResultError: they are not as many as a cell has decisions.
    """
    people = tuple(one.whole() for one in node.items())
    if any(one["count"].whole() != len(people) for one in cells.items() if people):
        raise node.wrong("a number for each decision of a cell")
    return people


def _named(node: Node) -> dict[str, Any]:
    names = [one.text() for one in node["names"].items()]
    return {"count": node["count"].whole(len(names)), "names": names}


def _condition(node: Node) -> tuple[str, float]:
    kind = node["kind"].text()
    if kind == CLEAN:
        return kind, node["severity"].number(0, 0)
    if kind not in KINDS:
        raise node["kind"].wrong(f"one of {', '.join([CLEAN, *KINDS])}")
    return kind, node["severity"].number(1, 5)


def _edges(node: Node) -> list[float]:
    edges = [one.number() for one in node.items(least=2)]
    if any(low >= high for low, high in pairwise(edges)):
        raise node.wrong("an array of rising numbers")
    return edges


def _figure(node: Node) -> Figure:
    interval = node["interval"]
    return Figure(
        _optional(node["value"], 0, 1),
        None if interval.value is None else interval.interval(0, 1),
    )


def _optional(node: Node, low: float, high: float) -> float | None:
    return None if node.value is None else node.number(low, high)


def _counts(node: Node, names: Sequence[str]) -> dict[str, int]:
    return {name: node[name].whole() for name in names}


def _worst(node: Node) -> Worst:
    return Worst(
        tuple(one.text() for one in node["images"].items(least=1, most=2)),
        node["truth"].text(),
        node["said"].text(),
        node["certainty"].number(0),
    )


def _right(node: Node, count: int) -> str:
    right = node.text()
    if len(right) != count or set(right) - {"0", "1"}:
        raise node.wrong(f"a 1 or 0 for each of {count} decisions")
    return right


def _require(node: Node, found: Mapping[str, Any], names: Sequence[str]) -> None:
    missing = [name for name in names if name not in found]
    if missing:
        raise ResultError(f"{node.where} lacks {', '.join(map(repr, missing))}")


def _refuse(constant: str) -> NoReturn:
    raise ResultError(f"{constant} stands in it, which is no JSON")
