"""The report of a robustness result: one HTML file that needs nothing beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from steadyface.distortions.suites import Condition
from steadyface.errors import ImageError
from steadyface.evaluation.layouts import CLEAN
from steadyface.evaluation.pages import as_uri, rendered
from steadyface.evaluation.robustness import pictures
from steadyface.evaluation.robustness.baseline import CorruptionError
from steadyface.evaluation.robustness.cells import Cell, Figure, Worst
from steadyface.evaluation.robustness.facts import dataset_line, rule_line
from steadyface.evaluation.robustness.run import Robustness, Subject
from steadyface.evaluation.shown import as_under
from steadyface.imaging.geometry import centre_square, crop_square
from steadyface.types import RGBImage

_TILE = 112
#: Conditions whose worst mistakes are shown: more would make the file large.
_SHOWN_SEVERITY = 3.0
_SHOWN_EACH = 3


def report(
    result: Robustness, subject: Subject, seed: int, corruption: CorruptionError | None
) -> str:
    """The HTML.

    Args:
        result: the figures.
        subject: where the images of the worst mistakes are.
        seed: of the distortions.
        corruption: errors as a share of a baseline's, where one was given.
    """
    severity = min(result.severities, key=lambda s: abs(s - _SHOWN_SEVERITY))
    shown = [result.clean, *(result.cell(kind, severity) for kind in result.kinds)]
    return rendered(
        "steadyface.evaluation.robustness",
        "report.html.j2",
        task=result.task,
        model=result.made_by["model"],
        clean=result.clean,
        measures=result.measures,
        rows=[_row(cell, result) for cell in result.cells],
        maps={m: as_uri(pictures.heat_map(result, m)) for m in result.measures},
        map_words={m: _words(result, m) for m in result.measures},
        curves={m: as_uri(pictures.curves(result, m)) for m in result.measures[:2]},
        histograms=as_uri(pictures.histograms(result, shown)),
        severity=severity,
        worst=list(_worst(shown, subject, seed)),
        corruption=corruption,
        failures=result.failures,
        dataset=result.dataset,
        dataset_line=dataset_line(result.dataset),
        rule_line=rule_line(result.rule),
        made_by=json.dumps(result.made_by, indent=1),
    )


def _row(cell: Cell, result: Robustness) -> dict[str, Any]:
    lost = sum(cell.detection[n] for n in ("assumed", "undetected", "undecodable"))
    return {
        "name": cell.name,
        "count": cell.count,
        "figures": [_percent(cell.figures[measure]) for measure in result.measures],
        "detection": cell.wrong["detection"],
        "recognition": cell.wrong["recognition"],
        "lost": lost,
        "rescued": cell.detection["rescued"],
    }


def _percent(figure: Figure) -> str:
    if figure.value is None:
        return "not measurable"
    text = f"{100 * figure.value:.1f}"
    if figure.interval is None:
        return text
    low, high = figure.interval
    return f"{text} ({100 * low:.1f} to {100 * high:.1f})"


def _words(result: Robustness, measure: str) -> str:
    """What a heat map shows, for those who do not see it."""
    known = [
        (cell.figures[measure].value, cell.name)
        for cell in result.cells[1:]
        if cell.figures[measure].value is not None
    ]
    if not known:
        return f"{measure}: not measurable"
    (low, lowest), (high, highest) = min(known), max(known)
    return (
        f"{measure} by kind and severity, from {100 * (low or 0):.1f} % ({lowest}) to "
        f"{100 * (high or 0):.1f} % ({highest}); the table has all numbers"
    )


def _worst(cells: list[Cell], subject: Subject, seed: int) -> Iterator[dict[str, Any]]:
    for cell in cells:
        for mistake in cell.worst[:_SHOWN_EACH]:
            tiles = list(_tiles(mistake, cell, subject, seed))
            yield {
                "condition": cell.name,
                "picture": as_uri(pictures.side_by_side(tiles)),
                "images": ", ".join(mistake.images),
                "truth": mistake.truth,
                "said": mistake.said,
            }


def _tiles(mistake: Worst, cell: Cell, subject: Subject, seed: int) -> Iterator[RGBImage | None]:
    """The images of a mistake, the last as it was shown; None for one that cannot be read."""
    condition = None if cell.kind == CLEAN else Condition(cell.kind, cell.severity)
    for number, name in enumerate(mistake.images):
        try:
            image = subject.decode(name)
        except ImageError:  # it was read when it was measured, perhaps in an earlier run
            yield None
            continue
        if number == len(mistake.images) - 1:
            image = as_under(condition, image, name, seed)
        yield crop_square(image, centre_square(*image.shape[:2]), _TILE)
