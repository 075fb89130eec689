"""The report of a fairness result: one HTML file that needs nothing beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from steadyface.evaluation.fairness_figures import Comparison, Fairness, unmatched_words
from steadyface.evaluation.pages import rendered
from steadyface.matching.calibration import DecisionRule
from steadyface.metrics.groups import SMALL_GROUP, SMALL_PEOPLE


def report(result: Fairness, made_by: Mapping[str, Any]) -> str:
    """The HTML.

    Args:
        result: the figures.
        made_by: versions, models and options.
    """
    return rendered(
        "steadyface.evaluation",
        "fairness.html.j2",
        model=made_by["model"],
        task=result.task,
        decided=None if result.rule is None else _decided(result.rule),
        small=SMALL_GROUP,
        small_people=SMALL_PEOPLE,
        unlabelled=result.unlabelled,
        unmatched=unmatched_words(result.unmatched_rows) if result.unmatched_rows else None,
        comparisons=[_shown(one) for one in result.comparisons],
        failures=result.failures,
        made_by=json.dumps(made_by, indent=1),
    )


def _decided(rule: DecisionRule) -> str:
    if rule.fmr is None:
        return f"at a similarity of {rule.threshold:g}, a threshold set by hand,"
    return (
        f"at the stated FMR of {rule.fmr:g} (calibration {rule.calibration}, similarity "
        f"{rule.threshold:.3f} of images of the best quality)"
    )


def _shown(one: Comparison) -> dict[str, Any]:
    """Rates of errors in thousandths for FMR, else per cent."""
    scale, unit = (1000, "in 1,000") if one.measure == "FMR" else (100, "%")

    def words(value: float | None) -> str:
        if value is None:
            return "-"
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
                "people": line.people,
                "value": words(line.value),
                "interval": "-"
                if line.interval is None
                else f"{words(line.interval[0])} to {words(line.interval[1])}",
                "small": line.small,
            }
            for line in one.lines
        ],
    }
