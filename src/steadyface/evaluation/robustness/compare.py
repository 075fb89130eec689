"""Two results side by side: did the new model help, where, and is it noise?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import ResultError
from steadyface.evaluation.robustness.cells import Cell
from steadyface.evaluation.robustness.run import Robustness, require_same
from steadyface.metrics import bootstrap, holm, mcnemar

SCHEMA = "steadyface/comparison/1"
_RESAMPLES = 1000
#: Below this a difference is called one, after all conditions are allowed for.
LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Row:
    """One condition.

    Attributes:
        condition: `clean`, `noisy:3`.
        count: decisions.
        first: share of right decisions of the first result.
        second: of the second.
        difference: second less first.
        interval: of the difference, 95 %; None with fewer than two decisions.
        only_first: decisions that the first alone has right.
        only_second: likewise.
        p: of McNemar's test.
        p_together: the same after Holm, for all conditions are looked at.
    """

    condition: str
    count: int
    first: float
    second: float
    difference: float
    interval: tuple[float, float] | None
    only_first: int
    only_second: int
    p: float
    p_together: float

    @property
    def verdict(self) -> str:
        """`better`, `worse`, or `no difference shown`."""
        if self.p_together >= LEVEL:
            return "no difference shown"
        return "better" if self.difference > 0 else "worse"

    def as_json(self) -> dict[str, Any]:
        """A value for JSON."""
        return asdict(self) | {"verdict": self.verdict}


def compare(first: Robustness, second: Robustness) -> list[Row]:
    """Every condition of two results on the same data.

    Raises:
        ResultError: they are of different tasks, images or conditions, or lack their decisions.
    """
    require_same(first, second)
    pairs = [(a.name, _right(a), _right(b)) for a, b in zip(first.cells, second.cells, strict=True)]
    only = [(int((a & ~b).sum()), int((b & ~a).sum())) for _, a, b in pairs]
    p_values = [mcnemar(*both) for both in only]
    together = holm(p_values)
    return [
        Row(
            name,
            len(a),
            float(a.mean()),
            float(b.mean()),
            float(b.mean() - a.mean()),
            _interval(a, b),
            *only[number],
            p_values[number],
            together[number],
        )
        for number, (name, a, b) in enumerate(pairs)
    ]


def _right(cell: Cell) -> NDArray[np.bool_]:
    if len(cell.right) != cell.count or set(cell.right) - {"0", "1"}:
        raise ResultError(f"{cell.name}: the result lacks its decisions; measure it again")
    return np.array([one == "1" for one in cell.right], dtype=np.bool_)


def _interval(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> tuple[float, float] | None:
    gains = b.astype(np.float64) - a
    found = bootstrap(
        lambda rows: float(gains[rows].mean()),
        np.arange(len(gains)),
        np.random.default_rng(0),
        resamples=_RESAMPLES,
    )
    return None if found is None else (found.low, found.high)
