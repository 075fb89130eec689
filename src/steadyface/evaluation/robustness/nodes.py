"""A JSON value that anybody may have damaged, taken apart with every type and range checked."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from math import inf
from typing import Any

from steadyface.errors import ResultError

#: JSON has whole numbers beyond it, and reads 1e999 as an infinity.
_LARGEST = sys.float_info.max


@dataclass(frozen=True, slots=True)
class Node:
    """A value inside a JSON document; every method raises `ResultError` where it is another.

    Attributes:
        value: as `json` read it.
        where: what to call it in errors, such as `cells[0].count`.
    """

    value: Any
    where: str

    def fields(self) -> dict[str, Node]:
        """An object's values by name."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        return {name: Node(one, f"{self.where}.{name}") for name, one in self.value.items()}

    def __getitem__(self, name: str) -> Node:
        found = self.fields()
        if name not in found:
            raise ResultError(f"{self.where} lacks {name!r}")
        return found[name]

    def items(self, *, least: int = 0, most: float = inf) -> list[Node]:
        """An array's values."""
        if not isinstance(self.value, list) or not least <= len(self.value) <= most:
            raise self.wrong(f"an array of {_span(least, most)}")
        return [Node(one, f"{self.where}[{place}]") for place, one in enumerate(self.value)]

    def text(self) -> str:
        """A string."""
        if not isinstance(self.value, str):
            raise self.wrong("a string")
        return self.value

    def whole(self, low: int = 0) -> int:
        """A whole number."""
        if type(self.value) is not int or self.value < low:
            raise self.wrong(f"a whole number of {_span(low, inf)}")
        return self.value

    def number(self, low: float = -inf, high: float = inf) -> float:
        """A finite number."""
        least, most = max(low, -_LARGEST), min(high, _LARGEST)
        if type(self.value) not in (int, float) or not least <= self.value <= most:
            raise self.wrong(f"a number of {_span(low, high)}")
        return float(self.value)

    def interval(self, low: float, high: float) -> tuple[float, float]:
        """Two rising numbers."""
        first, second = (one.number(low, high) for one in self.items(least=2, most=2))
        if first > second:
            raise self.wrong("an interval, low before high")
        return first, second

    def wrong(self, expected: str) -> ResultError:
        """The error that says what stands here instead of what should."""
        text = repr(self.value)
        return ResultError(
            f"{self.where} is {text if len(text) <= 40 else text[:40] + '...'}, not {expected}"
        )


def _span(low: float, high: float) -> str:
    if high == inf:
        return "any size" if low == -inf else f"{low:g} or more"
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
