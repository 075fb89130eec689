"""What is measured under one condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadyface.distortions.suites import Condition
from steadyface.evaluation.layouts import CLEAN
from steadyface.evaluation.summaries import wilson_summary
from steadyface.metrics import share_interval

_RESAMPLES = 300
#: Why a decision is wrong, see `Cell.wrong`.
CAUSES = ("detection", "recognition")


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval; None where the data cannot support it.

    Attributes:
        value: 0..1.
        interval: low and high.
    """

    value: float | None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Worst:
    """A decision that is wrong with great certainty.

    Attributes:
        images: names of the one or two images.
        truth: what is true.
        said: what was said.
        certainty: how sure it was, higher is worse.
    """

    images: tuple[str, ...]
    truth: str
    said: str
    certainty: float


@dataclass(frozen=True, slots=True)
class Cell:
    """Everything measured under one condition.

    Attributes:
        kind: of distortion, `clean` without one.
        severity: 0 without one.
        count: decisions.
        figures: by name, see the task's `MEASURES`.
        wrong: wrong decisions by cause: `detection`, where a face was not found or an image not
            read, of the probe or of all references of its person; `recognition`, the others.
        detection: how faces were come by.
        histograms: counts of scores by sort of decision, over `edges`.
        edges: of the histograms' bins.
        worst: the surest mistakes first.
        failures: images without an answer, with the reason.
        right: a 1 or 0 for each decision, in the data's order.
    """

    kind: str
    severity: float
    count: int
    figures: Mapping[str, Figure]
    wrong: Mapping[str, int]
    detection: Mapping[str, int]
    histograms: Mapping[str, Sequence[int]] = field(default_factory=dict)
    edges: Sequence[float] = ()
    worst: Sequence[Worst] = ()
    failures: Sequence[Mapping[str, str]] = ()
    right: str = ""

    @property
    def name(self) -> str:
        """As `noisy:3`; `clean`."""
        return CLEAN if self.kind == CLEAN else str(Condition(self.kind, self.severity))

    def as_json(self) -> dict[str, Any]:
        """A value for JSON."""
        return asdict(self)


def share(right: NDArray[np.bool_]) -> Figure:
    """A share with Wilson's interval."""
    interval = wilson_summary(right)
    if interval is None:
        return Figure(None)
    return Figure(float(right.mean()), (interval[0], interval[1]))


def share_by_person(hits: NDArray[np.bool_], persons: NDArray[Any]) -> Figure:
    """A share with its interval, people resampled as wholes; not measurable of nobody.

    Args:
        hits: N bools.
        persons: N names, the person of each.
    """
    if not len(hits):
        return Figure(None)
    interval = share_interval(hits, persons, np.random.default_rng(0), resamples=_RESAMPLES)
    return Figure(float(hits.mean()), interval)


def ones_and_zeros(right: NDArray[np.bool_]) -> str:
    """As `Cell.right`."""
    return "".join("1" if one else "0" for one in right)
