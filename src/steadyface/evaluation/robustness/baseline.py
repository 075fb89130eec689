"""Errors of a result as a share of those of another model, the baseline, on the same data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steadyface.distortions.suites import Condition
from steadyface.errors import ResultError
from steadyface.evaluation.layouts import CLEAN
from steadyface.evaluation.robustness.run import Questions, Robustness, Subject, require_same

#: Options that change what is asked, not what answers.
_ASKED = ("seed", "references", "face")


@dataclass(frozen=True, slots=True)
class CorruptionError:
    """Errors as a share of a baseline's.

    Attributes:
        by_kind: kind -> errors over all severities, divided by the baseline's; None where that has
            none, or one of the two cannot be measured.
        mean: of the kinds that can be measured; None where none can.
        without_errors: kinds under which the baseline has none, so that there is no share of them.
        baseline: its `model`, `data`, and `options`.
    """

    by_kind: Mapping[str, float | None]
    mean: float | None
    without_errors: tuple[str, ...]
    baseline: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """A value for JSON."""
        return {
            "by_kind": dict(self.by_kind),
            "mean": self.mean,
            "without_errors": list(self.without_errors),
            "baseline": dict(self.baseline),
        }


def require_fits(
    baseline: Robustness,
    subject: Subject,
    data: str,
    conditions: Sequence[Condition],
    options: Mapping[str, Any],
) -> None:
    """Refuse, before the long work, a baseline that does not answer the same questions.

    Args:
        baseline: a result that was read.
        subject: what is to be measured.
        data: its digest.
        conditions: under which it is to be measured.
        options: by which it is to be measured.

    Raises:
        ResultError: it is of another task, other images, labels, conditions or options.
    """
    names = (CLEAN, *map(str, conditions))
    theirs = baseline.questions
    if subject.task == theirs.task:
        # Before the digest of the data, which of people depends on who is enrolled.
        _require_options(baseline.made_by.get("options", {}), options)
    Questions(subject.task, tuple(subject.measures), data, names).require(theirs)


def _require_options(theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> None:
    for name in _ASKED:
        if theirs.get(name) != mine.get(name):
            raise ResultError(
                f"the baseline was measured with {name} {theirs.get(name)}, not "
                f"{mine.get(name)}; measure both with the same"
            )


def corruption_error(result: Robustness, baseline: Robustness) -> CorruptionError:
    """The mean corruption error of the first measure.

    Source: Hendrycks and Dietterich, 'Benchmarking neural network robustness to common corruptions
    and perturbations', ICLR 2019.

    Raises:
        ResultError: the two are of different tasks, data, conditions or numbers of decisions.
    """
    require_same(result, baseline)
    shares: dict[str, float | None] = {}
    flawless = []
    for kind in result.kinds:
        mine, theirs = (_errors(r, kind) for r in (result, baseline))
        shares[kind] = None if mine is None or not theirs else mine / theirs
        if theirs == 0:
            flawless.append(kind)
    known = [share for share in shares.values() if share is not None]
    made = baseline.made_by
    return CorruptionError(
        shares,
        float(np.mean(known)) if known else None,
        tuple(flawless),
        {
            "model": made.get("model"),
            "data": baseline.data,
            "options": dict(made.get("options", {})),
        },
    )


def _errors(result: Robustness, kind: str) -> float | None:
    values = [cell.figures[result.measures[0]].value for cell in result.cells if cell.kind == kind]
    known = [1 - value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
