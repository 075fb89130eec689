"""Verification under distortion: a pairs file, the second image of each pair distorted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadyface.distortions.suites import Condition
from steadyface.evaluation.embedding import detection_counts, failures_of
from steadyface.evaluation.layouts import CLEAN, Pair
from steadyface.evaluation.pairs import PairsEvaluator
from steadyface.evaluation.robustness.cells import (
    Cell,
    Figure,
    Worst,
    ones_and_zeros,
    share_by_person,
)
from steadyface.evaluation.robustness.facts import dataset_facts
from steadyface.matching.calibration import DecisionRule
from steadyface.metrics import fold_accuracy, threshold_at_fmr, wilson
from steadyface.pipeline import Analyzer
from steadyface.types import FloatArray, RGBImage

TAR_FMR = 1e-3
MEASURES = ("accuracy", "TAR at FMR 1e-3", "FMR of decisions", "FNMR of decisions")
_EDGES = np.linspace(-0.4, 1, 29)
_WORST = 6
_NORMAL_95 = 1.96
#: A standard error below this is rounding.
_NO_SPREAD = 1e-9


class PairsSubject:
    """Measures a pairs file under any condition; clean images are embedded once.

    Args:
        analyzer: the pipeline.
        images: folder that the pairs' names are relative to.
        pairs: the comparisons.
        rule: how decisions are made.
        seed: of the distortions.
    """

    task = "pairs"
    measures = MEASURES
    sorts = ("mated", "non-mated")
    axis = "similarity"

    def __init__(
        self,
        analyzer: Analyzer,
        images: Path,
        pairs: Sequence[Pair],
        rule: DecisionRule,
        *,
        seed: int = 0,
    ) -> None:
        self._images, self._pairs, self.rule = images, tuple(pairs), rule
        self._analyzer = analyzer
        self._evaluator = PairsEvaluator(analyzer, pairs, images, seed=seed)

    @property
    def files(self) -> list[Path]:
        """Every image."""
        names = {name for pair in self._pairs for name in (pair.first, pair.second)}
        return [self._images / name for name in sorted(names)]

    @property
    def persons(self) -> list[str]:
        """Whom the first image of each pair shows."""
        return [str(person) for person in self._people()]

    @property
    def labels(self) -> list[list[Any]]:
        """Every pair: its images, whether they show one person, and its fold."""
        return [[pair.first, pair.second, pair.same, pair.fold] for pair in self._pairs]

    @property
    def dataset(self) -> dict[str, Any]:
        """How many pairs of each sort; none is left out."""
        same = sum(pair.same for pair in self._pairs)
        return dataset_facts({"pairs of one person": same, "pairs of two": len(self._pairs) - same})

    def decode(self, name: str) -> RGBImage:
        """The image that a cell's name stands for."""
        return self._analyzer.decode(self._images / name)

    def measure(self, condition: Condition | None) -> Cell:
        """One condition."""
        evaluation = self._evaluator.evaluate(condition)
        same, scores = evaluation.same, evaluation.scores
        first, second = evaluation.by_pair()
        matched = evaluation.matched(self.rule)
        wrong = (matched != same) | ~evaluation.answered
        lost = np.array([not (a.located and b.located) for a, b in zip(first, second, strict=True)])
        folds = np.array([pair.fold for pair in self._pairs], dtype=np.int64)
        people = self._people()
        accuracy = fold_accuracy(scores, same, folds, evaluation.answered)
        return Cell(
            kind=CLEAN if condition is None else condition.kind,
            severity=0.0 if condition is None else condition.severity,
            count=len(same),
            figures={
                "accuracy": Figure(
                    accuracy.mean, about(accuracy.mean, accuracy.standard_error, people)
                ),
                "TAR at FMR 1e-3": tar(scores, same, people),
                "FMR of decisions": share_by_person(matched[~same], people[~same]),
                "FNMR of decisions": share_by_person(~matched[same], people[same]),
            },
            wrong={
                "detection": int((wrong & lost).sum()),
                "recognition": int((wrong & ~lost).sum()),
            },
            detection=detection_counts(evaluation.second_outcomes),
            histograms={
                "mated": np.histogram(scores[same], _EDGES)[0].tolist(),
                "non-mated": np.histogram(scores[~same], _EDGES)[0].tolist(),
            },
            edges=_EDGES.tolist(),
            worst=self._worst(scores, matched, same, evaluation.answered),
            failures=failures_of(evaluation.outcomes),
            right=ones_and_zeros(~wrong),
        )

    def _people(self) -> NDArray[np.str_]:
        """Whom the first image of each pair shows: the unit that resamples draw."""
        return np.array([Path(pair.first).parent.name for pair in self._pairs])

    def _worst(
        self,
        scores: FloatArray,
        matched: NDArray[np.bool_],
        same: NDArray[np.bool_],
        answered: NDArray[np.bool_],
    ) -> tuple[Worst, ...]:
        wrong = np.flatnonzero((matched != same) & answered)
        away = np.abs(scores - self.rule.threshold)
        order = sorted(wrong, key=lambda i: -away[i])[:_WORST]
        return tuple(
            Worst(
                (self._pairs[i].first, self._pairs[i].second),
                "same person" if same[i] else "different people",
                f"similarity {scores[i]:.2f}",
                round(float(away[i]), 6),
            )
            for i in order
        )


def tar(scores: FloatArray, same: NDArray[np.bool_], people: NDArray[np.str_]) -> Figure:
    """TAR at an FMR of 1e-3, people resampled as wholes at the threshold of all non-mated pairs."""
    mated, non_mated = scores[same], scores[~same]
    if not len(mated) or len(non_mated) * TAR_FMR < 1:
        return Figure(None)
    return share_by_person(mated >= threshold_at_fmr(non_mated, TAR_FMR), people[same])


def about(mean: float, error: float, people: NDArray[np.str_]) -> tuple[float, float]:
    """The 95 % interval of an accuracy over folds.

    Folds that all have the same accuracy tell nothing of its spread; then it is Wilson's of as many
    decisions as there are people.

    Args:
        mean: of the folds.
        error: its standard error.
        people: of each pair, whom its first image shows.
    """
    if error < _NO_SPREAD:
        count = len(np.unique(people))
        low, high = wilson(round(mean * count), count)
        return low, high
    half = _NORMAL_95 * error
    return max(0.0, mean - half), min(1.0, mean + half)
