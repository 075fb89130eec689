"""Two results side by side: did the new model help, where, and is it noise?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import ResultError
from steadyface.evaluation.robustness.cells import Cell
from steadyface.evaluation.robustness.run import Robustness, require_same
from steadyface.metrics import bootstrap, holm, mcnemar, sign_flips

SCHEMA = "steadyface/comparison/2"
MCNEMAR = "McNemar's exact test"
SIGN_FLIPS = "sign flips by person"
_RESAMPLES = 1000
#: Options that change what is asked; models, the detector and how faces are chosen answer it.
_QUESTIONS = ("seed", "references")
#: Below this a difference is called one, after all conditions are allowed for.
LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Row:
    """One condition.

    Attributes:
        condition: `clean`, `noisy:3`.
        count: decisions.
        people: whom they are about.
        first: share of right decisions of the first result.
        second: of the second.
        difference: second less first.
        interval: of the difference, 95 %, people resampled; None with fewer than two people.
        only_first: decisions that the first alone has right.
        only_second: likewise.
        test: `SIGN_FLIPS` where somebody has several decisions, else `MCNEMAR`.
        p: of this test.
        p_together: the same after Holm, for all conditions are looked at.
    """

    condition: str
    count: int
    people: int
    first: float
    second: float
    difference: float
    interval: tuple[float, float] | None
    only_first: int
    only_second: int
    test: str
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

    Decisions about one person are alike, so people are what is tossed and resampled. Where results
    do not say whom decisions are about, everyone counts as having one.

    Raises:
        ResultError: they are of different tasks, images, conditions, seeds, numbers of references
            or people, or lack their decisions.
    """
    require_same(first, second)
    _require_same_questions(first, second)
    people = _people(first, second)
    pairs = [(a.name, _right(a), _right(b)) for a, b in zip(first.cells, second.cells, strict=True)]
    found = [_tested(a, b, np.arange(len(a)) if people is None else people) for _, a, b in pairs]
    together = holm([one.p for one in found])
    return [
        Row(
            name,
            len(a),
            one.people,
            float(a.mean()),
            float(b.mean()),
            float(b.mean() - a.mean()),
            one.interval,
            *one.only,
            one.test,
            one.p,
            p_together,
        )
        for (name, a, b), one, p_together in zip(pairs, found, together, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Tested:
    """What is found of one condition by itself."""

    people: int
    only: tuple[int, int]
    interval: tuple[float, float] | None
    test: str
    p: float


def _tested(a: NDArray[np.bool_], b: NDArray[np.bool_], people: NDArray[np.int64]) -> _Tested:
    gains, count = b.astype(np.int64) - a, len(np.unique(people))
    only = int((gains < 0).sum()), int((gains > 0).sum())
    interval = _interval(gains, people)
    if count == len(people):
        return _Tested(count, only, interval, MCNEMAR, mcnemar(*only))
    return _Tested(count, only, interval, SIGN_FLIPS, sign_flips(gains, people))


def _require_same_questions(first: Robustness, second: Robustness) -> None:
    mine, theirs = (result.made_by.get("options", {}) for result in (first, second))
    odd = [name for name in _QUESTIONS if mine.get(name) != theirs.get(name)]
    if odd:
        said = ", ".join(f"{name} {mine.get(name)} and {theirs.get(name)}" for name in odd)
        raise ResultError(
            f"the results answer different questions ({said}); measure both with the same"
        )


def _people(first: Robustness, second: Robustness) -> NDArray[np.int64] | None:
    """A number for each decision; results made before they were kept go by the other's."""
    mine, theirs = first.people or second.people, second.people or first.people
    if mine != theirs:
        raise ResultError("the results say different things of whom decisions are about")
    if not mine:
        return None
    count = first.clean.count
    if len(mine) != count:
        raise ResultError(f"a result has {count} decisions and tells the people of {len(mine)}")
    return np.array(mine, dtype=np.int64)


def _right(cell: Cell) -> NDArray[np.bool_]:
    if len(cell.right) != cell.count or set(cell.right) - {"0", "1"}:
        raise ResultError(f"{cell.name}: the result lacks its decisions; measure it again")
    return np.array([one == "1" for one in cell.right], dtype=np.bool_)


def _interval(gains: NDArray[np.int64], people: NDArray[np.int64]) -> tuple[float, float] | None:
    found = bootstrap(
        lambda rows: float(gains[rows].mean()),
        people,
        np.random.default_rng(0),
        resamples=_RESAMPLES,
    )
    return None if found is None else (found.low, found.high)
