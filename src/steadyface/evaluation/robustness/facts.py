"""What a result says of the data it was measured on and of how it decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steadyface.matching.calibration import DecisionRule

#: Why an image is left out.
DISTORTED = "images named as distorted"
#: Of these many the names are told, of all the count.
_NAMES = 20
#: Likewise in a line of text.
_NAMES_TOLD = 3


def named(names: Sequence[str]) -> dict[str, Any]:
    """How many there are, and the names of the first."""
    return {"count": len(names), "names": list(names[:_NAMES])}


def left_out(reasons: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """What was not measured, by reason; reasons of which there is nothing are not told."""
    return [{"what": what, **named(names)} for what, names in reasons.items() if names]


def dataset_facts(
    counts: Mapping[str, int],
    skipped: Sequence[Mapping[str, Any]] = (),
    *,
    enrolled: int | None = None,
    references: int | None = None,
    strangers: Sequence[str] | None = None,
) -> dict[str, Any]:
    """What was measured, as a JSON value.

    Args:
        counts: decisions by sort.
        skipped: as of `left_out`.
        enrolled: people.
        references: their images, all together.
        strangers: names of those who are not enrolled, for they have too few images.
    """
    return {
        "counts": dict(counts),
        "enrolled": enrolled,
        "references": references,
        "strangers": None if strangers is None else named(strangers),
        "left_out": list(skipped),
    }


def dataset_line(facts: Mapping[str, Any]) -> str:
    """The same in one line."""
    parts = [f"{count} {what}" for what, count in facts["counts"].items()]
    if facts["enrolled"] is not None:
        parts += [f"{facts['enrolled']} people enrolled with {facts['references']} references"]
    if facts["strangers"] is not None:
        parts += [f"{facts['strangers']['count']} strangers{_told(facts['strangers'])}"]
    out = "; ".join(f"{one['count']} {one['what']}{_told(one)}" for one in facts["left_out"])
    return f"{', '.join(parts)}; left out: {out or 'nothing'}"


def rule_facts(rule: DecisionRule | None) -> dict[str, Any] | None:
    """How similarities were decided on, as a JSON value; None where none were."""
    if rule is None:
        return None
    return {
        "fmr": rule.fmr,
        "threshold": rule.threshold,
        "interval": None if rule.interval is None else list(rule.interval),
        "calibration": rule.calibration,
    }


def rule_line(rule: Mapping[str, Any] | None) -> str:
    """The same in one line."""
    if rule is None:
        return "decided for the likelier gender"
    span = "interval not measured"
    if rule["interval"] is not None:
        span = "95 % interval {:.3f} to {:.3f}".format(*rule["interval"])
    if rule["fmr"] is None:
        return f"decided at similarity {rule['threshold']:.3f}, set by hand"
    return (
        f"decided at similarity {rule['threshold']:.3f} ({span}), which stands for an FMR of "
        f"{rule['fmr']:g} on calibration {rule['calibration']}"
    )


def _told(some: Mapping[str, Any]) -> str:
    names = some["names"][:_NAMES_TOLD]
    more = ", ..." if some["count"] > len(names) else ""
    return f" ({', '.join(names)}{more})" if names else ""
