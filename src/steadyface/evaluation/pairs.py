"""The official LFW protocol on a pairs file, with the second image distorted where asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadyface.distortions.suites import Condition
from steadyface.evaluation.embedding import (
    Outcome,
    detection_counts,
    embeddings_of,
    failures_of,
    qualities_of,
    run_all,
)
from steadyface.evaluation.layouts import Pair
from steadyface.evaluation.shown import as_under
from steadyface.evaluation.summaries import verification_summary
from steadyface.matching.calibration import DecisionRule
from steadyface.matching.quality import unreliability
from steadyface.metrics import fold_accuracy
from steadyface.pipeline import Analyzer
from steadyface.types import FloatArray, RGBImage

SCHEMA = "steadyface/evaluate-pairs/1"
#: Score of a comparison without an answer: never a match.
_LOST = -1.0


@dataclass(frozen=True, slots=True, eq=False)
class PairsEvaluation:
    """Every pair's score under one condition.

    Attributes:
        condition: how the second image was distorted; None left it clean.
        pairs: the P pairs.
        scores: P float32 cosines; -1 where an image could not be used, or no face was found in
            either, which `verify` refuses to compare.
        first_outcomes: what the pipeline made of each distinct first image.
        second_outcomes: likewise of each distinct second image.
    """

    condition: Condition | None
    pairs: tuple[Pair, ...]
    scores: FloatArray
    first_outcomes: tuple[Outcome, ...]
    second_outcomes: tuple[Outcome, ...]

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What the pipeline made of every image."""
        return self.first_outcomes + self.second_outcomes

    @property
    def answered(self) -> NDArray[np.bool_]:
        """P bools: the pair could be compared."""
        return np.asarray(self.scores > _LOST)

    @property
    def same(self) -> NDArray[np.bool_]:
        """P bools: the pair shows one person."""
        return np.array([pair.same for pair in self.pairs], dtype=np.bool_)

    def summary(self) -> dict[str, Any]:
        """Fold accuracy, TAR at FMR, EER, and how the faces were found."""
        folds = np.array([pair.fold for pair in self.pairs], dtype=np.int64)
        # No answer is no right answer: a lost pair of different people is an error here too. The
        # rates after it follow ISO/IEC 19795-1, where such a pair counts as not matched.
        accuracy = fold_accuracy(self.scores, self.same, folds, self.answered)
        return {
            "schema": SCHEMA,
            "condition": "clean" if self.condition is None else str(self.condition),
            "pairs": len(self.pairs),
            "without_answer": int((~self.answered).sum()),
            "accuracy": accuracy.mean,
            "accuracy_standard_error": accuracy.standard_error,
            "accuracy_by_fold": list(accuracy.per_fold),
            **verification_summary(self.scores[self.same], self.scores[~self.same]),
            "second_image_detection": detection_counts(self.second_outcomes),
            "failures": failures_of(self.outcomes),
        }

    def by_pair(self) -> tuple[list[Outcome], list[Outcome]]:
        """The outcomes of the first and of the second image of every pair."""
        first = {outcome.source: outcome for outcome in self.first_outcomes}
        second = {outcome.source: outcome for outcome in self.second_outcomes}
        return [first[p.first] for p in self.pairs], [second[p.second] for p in self.pairs]

    def matched(self, rule: DecisionRule) -> NDArray[np.bool_]:
        """P bools: `verify` would call the pair one person."""
        first, second = self.by_pair()
        located = [a.located and b.located for a, b in zip(first, second, strict=True)]
        unreliable = tuple(unreliability(qualities_of(side)) for side in (second, first))
        one = np.ones(len(self.pairs), dtype=np.int64)
        found, assumed = (
            rule.thresholds(one, located=where, unreliable=(unreliable[0], unreliable[1]))
            for where in (True, False)
        )
        return np.asarray(self.scores >= np.where(located, found, assumed))

    def rows(self) -> list[dict[str, Any]]:
        """One row a pair, for CSV."""
        first, second = self.by_pair()
        return [
            _row(pair, float(score), a, b)
            for pair, score, a, b in zip(self.pairs, self.scores, first, second, strict=True)
        ]


class PairsEvaluator:
    """Scores a pairs file under several conditions; clean images are embedded once.

    Args:
        analyzer: the pipeline under test.
        pairs: the comparisons.
        images: folder that the pairs' names are relative to.
        seed: of all distortions.
    """

    def __init__(
        self, analyzer: Analyzer, pairs: Sequence[Pair], images: Path, *, seed: int = 0
    ) -> None:
        self._analyzer = analyzer
        self._pairs = tuple(pairs)
        self._images = images
        self._seed = seed
        self._clean: dict[str, Outcome] = {}

    def evaluate(self, condition: Condition | None = None) -> PairsEvaluation:
        """Score all pairs, the second image of each distorted by `condition`."""
        firsts = {pair.first for pair in self._pairs}
        seconds = sorted({pair.second for pair in self._pairs})
        clean_names = firsts if condition is not None else firsts | set(seconds)
        self._embed_clean(sorted(clean_names - self._clean.keys()))
        if condition is None:
            second = {name: self._clean[name] for name in seconds}
        else:
            second = dict(zip(seconds, self._run(seconds, condition), strict=True))
        return PairsEvaluation(
            condition,
            self._pairs,
            self._scores(second),
            tuple(self._clean[name] for name in sorted(firsts)),
            tuple(second.values()),
        )

    def _embed_clean(self, names: Sequence[str]) -> None:
        self._clean.update(zip(names, self._run(names, None), strict=True))

    def load(self, name: str, condition: Condition | None) -> RGBImage:
        """An image of the pairs file as it is shown under a condition, H x W x 3 uint8."""
        image = self._analyzer.decode(self._images / name)
        return as_under(condition, image, name, self._seed)

    def _run(self, names: Sequence[str], condition: Condition | None) -> list[Outcome]:
        label = "clean" if condition is None else str(condition)
        return run_all(
            self._analyzer,
            names,
            load=lambda name: self.load(name, condition),
            name=str,
            label=label,
        )

    def _scores(self, second: dict[str, Outcome]) -> FloatArray:
        firsts = [self._clean[pair.first] for pair in self._pairs]
        seconds = [second[pair.second] for pair in self._pairs]
        a, b = np.split(embeddings_of([*firsts, *seconds]), 2)
        scores = np.clip(np.einsum("ij,ij->i", a, b), -1.0, 1.0)
        refused = [_refused(*both) for both in zip(firsts, seconds, strict=True)]
        scores[np.array(refused, dtype=np.bool_)] = _LOST
        return np.asarray(np.nan_to_num(scores, nan=_LOST), dtype=np.float32)


def _refused(first: Outcome, second: Outcome) -> bool:
    """Whether a face was found in neither image, so that two walls would compare well."""
    faces = first.face, second.face
    return all(face is not None and not face.located for face in faces)


def _row(pair: Pair, score: float, first: Outcome, second: Outcome) -> dict[str, Any]:
    errors = [str(o.error) for o in (first, second) if o.error is not None]
    if _refused(first, second):
        errors.append("no face was found in either image")
    return {
        "first": pair.first,
        "second": pair.second,
        "fold": pair.fold,
        "same": int(pair.same),
        "similarity": "" if errors else round(score, 6),
        "first_detection": first.detection,
        "second_detection": second.detection,
        "error": "; ".join(errors),
    }
