"""The report of a fairness result: one HTML file that needs nothing beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from steadyface.evaluation.fairness import Comparison, Fairness
from steadyface.evaluation.pages import rendered
from steadyface.metrics.groups import SMALL_GROUP


def report(result: Fairness, made_by: Mapping[str, Any], fmr: float | None) -> str:
    """The HTML.

    Args:
        result: the figures.
        made_by: versions, models and options.
        fmr: that decisions of pairs stand for; None for gender.
    """
    return rendered(
        "steadyface.evaluation",
        "fairness.html.j2",
        model=made_by["model"],
        task=result.task,
        fmr="" if fmr is None else f"{fmr:g}",
        small=SMALL_GROUP,
        unlabelled=result.unlabelled,
        comparisons=[_shown(one) for one in result.comparisons],
        failures=result.failures,
        made_by=json.dumps(made_by, indent=1),
    )


def _shown(one: Comparison) -> dict[str, Any]:
    """Rates of errors in thousandths for FMR, else per cent."""
    scale, unit = (1000, "in 1,000") if one.measure == "FMR" else (100, "%")

    def words(value: float) -> str:
        return f"{scale * value:.2f} {unit}" if scale == 1000 else f"{scale * value:.1f} {unit}"

    return {
        "measure": one.measure,
        "column": one.column,
        "worst": one.worst,
        "difference": None if one.difference is None else words(one.difference),
        "ratio": None if one.ratio is None else f"{one.ratio:.2f}",
        "lines": [
            {
                "group": line.group,
                "count": line.count,
                "value": words(line.value),
                "interval": "-"
                if line.interval is None
                else f"{words(line.interval[0])} to {words(line.interval[1])}",
                "small": line.small,
            }
            for line in one.lines
        ],
    }
