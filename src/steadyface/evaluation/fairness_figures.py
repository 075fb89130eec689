"""What a fairness result holds, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from steadyface.matching.calibration import DecisionRule
from steadyface.metrics.groups import SMALL_GROUP, SMALL_PEOPLE

#: See docs/results.md.
SCHEMA = "steadyface/fairness/2"
#: Rows that are named where people read; the result file has all.
_NAMED = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One group's figure.

    Attributes:
        group: its name; two joined by `x` for comparisons across groups.
        count: images or comparisons.
        people: whom they show; an image of which nobody says whom counts as one more.
        value: of the measure; None where there is nothing to measure.
        interval: 95 %; None where a single person cannot give one.
        small: whether there are too few to say much; such are left out of worst and gap.
    """

    group: str
    count: int
    people: int
    value: float | None
    interval: tuple[float, float] | None
    small: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """A measure by the groups of one column.

    Attributes:
        column: of the table.
        measure: what is measured.
        lines: by group.
        worst: the group that fares worst, never `unknown`; None without two that are not small.
        difference: between best and worst; likewise.
        ratio: of the rates of errors of worst and best; None also where the best has none, or the
            measure is no rate of errors.
    """

    column: str
    measure: str
    lines: tuple[Line, ...]
    worst: str | None
    difference: float | None
    ratio: float | None

    def as_json(self) -> dict[str, Any]:
        """A value for JSON."""
        value = asdict(self)
        return {"groups" if name == "lines" else name: value[name] for name in value}


@dataclass(frozen=True, slots=True)
class Fairness:
    """All measures by all columns.

    Attributes:
        task: `gender` or `pairs`.
        rule: how pairs were decided; None for gender.
        comparisons: what was measured.
        unlabelled: images of which the table says nothing.
        unmatched_rows: images that the table names and that were not measured.
        failures: images without an answer; they count as errors.
    """

    task: str
    rule: DecisionRule | None
    comparisons: tuple[Comparison, ...]
    unlabelled: int
    unmatched_rows: Sequence[str]
    failures: Sequence[Mapping[str, str]]

    def as_json(self) -> dict[str, Any]:
        """A value for JSON."""
        rule = self.rule
        return {
            "schema": SCHEMA,
            "task": self.task,
            "rule": None
            if rule is None
            else {"fmr": rule.fmr, "threshold": rule.threshold, "calibration": rule.calibration},
            "small_group": SMALL_GROUP,
            "small_people": SMALL_PEOPLE,
            "unlabelled": self.unlabelled,
            "unmatched_rows": list(self.unmatched_rows),
            "comparisons": [one.as_json() for one in self.comparisons],
            "failures": list(self.failures),
        }


def unmatched_words(rows: Sequence[str]) -> str:
    """How many rows of a table match no image, and which, for people to read."""
    more = "" if len(rows) <= _NAMED else f" and {len(rows) - _NAMED} more, see fairness.json"
    count = "1 row matches" if len(rows) == 1 else f"{len(rows)} rows match"
    return f"{count} no image that was measured: {', '.join(rows[:_NAMED])}{more}"
