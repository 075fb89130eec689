"""Conditions, a kind at a severity, and named suites of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from steadyface.distortions.applying import check_severity, short
from steadyface.distortions.registry import get, kinds
from steadyface.errors import UsageError


@dataclass(frozen=True, slots=True)
class Condition:
    """One kind of distortion at one severity; written `noisy:3`."""

    kind: str
    severity: float

    def __str__(self) -> str:
        return f"{self.kind}:{short(self.severity)}"

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read `KIND:SEVERITY`.

        Raises:
            UsageError: another form, an unknown kind, or a severity out of range.
        """
        kind, _, strength = text.partition(":")
        try:
            severity = float(strength)
        except ValueError as error:
            raise UsageError(
                f"{text!r} is no condition: give KIND:SEVERITY, such as noisy:3"
            ) from error
        get(kind)
        check_severity(kind, severity)
        return cls(kind, severity)


def suite_at(severity: float) -> tuple[Condition, ...]:
    """Every kind at one severity."""
    return tuple(Condition(kind, severity) for kind in kinds())


#: Named suites: each severity alone, and all of them.
SUITES: Mapping[str, tuple[Condition, ...]] = MappingProxyType(
    {f"severity{s}": suite_at(s) for s in range(1, 6)}
    | {"standard": tuple(c for s in range(1, 6) for c in suite_at(s))}
)
