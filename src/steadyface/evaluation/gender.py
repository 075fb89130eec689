"""Task A on a folder of `female/` and `male/`: how often the gender is right, and where not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadyface.evaluation.embedding import Outcome, detection_counts, failures_of, run_all
from steadyface.evaluation.layouts import GENDERS, GenderImage
from steadyface.evaluation.summaries import NO_ANSWER, classification_summary, wilson_summary
from steadyface.metrics import roc_auc
from steadyface.pipeline import Analyzer

SCHEMA = "steadyface/evaluate-gender/1"


@dataclass(frozen=True, slots=True, eq=False)
class GenderEvaluation:
    """Every image with its outcome; the figures follow from them.

    Attributes:
        images: the labelled images.
        outcomes: what the pipeline made of each, in the same order.
    """

    images: tuple[GenderImage, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def truth(self) -> NDArray[np.int64]:
        """N ints: index into `GENDERS`."""
        return np.array([GENDERS.index(image.gender) for image in self.images], dtype=np.int64)

    @property
    def predicted(self) -> NDArray[np.int64]:
        """N ints: index into `GENDERS`, `NO_ANSWER` where there is none or it is 'uncertain'."""
        return np.array([_answer(outcome) for outcome in self.outcomes], dtype=np.int64)

    @property
    def p_female(self) -> NDArray[np.float64]:
        """N floats 0..1; NaN where there is no answer."""
        return np.array([_p_female(outcome) for outcome in self.outcomes])

    @property
    def ranked_scores(self) -> NDArray[np.float64]:
        """N floats that rise with P(female), for curves over all thresholds.

        Where there is no score the image is wrong at every threshold: a woman stands below all
        probabilities, at -1, a man above them, at 2.
        """
        wrong = np.where(self.truth == 0, -1.0, 2.0)
        return np.where(np.isnan(self.p_female), wrong, self.p_female)

    def summary(self) -> dict[str, Any]:
        """All figures: overall, by kind, and the failures."""
        kinds = sorted({image.kind for image in self.images})
        everything = np.ones(len(self.images), dtype=np.bool_)
        return {
            "schema": SCHEMA,
            "overall": self._figures(everything),
            "by_kind": {
                kind: self._figures(np.array([image.kind == kind for image in self.images]))
                for kind in kinds
            },
            "failures": failures_of(self.outcomes),
        }

    def rows(self) -> list[dict[str, Any]]:
        """One row an image, for CSV."""
        return [
            {
                "image": str(image.path),
                "kind": image.kind,
                "gender": image.gender,
                "predicted": outcome.face.gender.label
                if outcome.face is not None and outcome.face.gender is not None
                else "",
                "p_female": "" if np.isnan(p) else round(float(p), 6),
                "detection": outcome.detection,
                "error": "" if outcome.error is None else str(outcome.error),
            }
            for image, outcome, p in zip(self.images, self.outcomes, self.p_female, strict=True)
        ]

    def _figures(self, chosen: NDArray[np.bool_]) -> dict[str, Any]:
        truth, predicted = self.truth[chosen], self.predicted[chosen]
        scores, female = self.ranked_scores[chosen], truth == 0
        return {
            "images": int(chosen.sum()),
            **classification_summary(truth, predicted, GENDERS),
            "accuracy_interval": wilson_summary(truth == predicted),
            "roc_auc": _auc(scores[female], scores[~female]),
            "without_score": int(np.isnan(self.p_female[chosen]).sum()),
            "detection": detection_counts(
                [o for o, use in zip(self.outcomes, chosen, strict=True) if use]
            ),
        }


def evaluate_gender(analyzer: Analyzer, images: Sequence[GenderImage]) -> GenderEvaluation:
    """Classify every image by the face that the analyzer chooses.

    Images that cannot be decoded, or hold no face where one is required, count as errors.
    """
    outcomes = run_all(
        analyzer,
        images,
        load=lambda i: analyzer.decode(i.path),
        name=lambda i: str(i.path),
        label="gender",
    )
    return GenderEvaluation(tuple(images), tuple(outcomes))


def _answer(outcome: Outcome) -> int:
    if outcome.face is None or outcome.face.gender is None:
        return NO_ANSWER
    label = outcome.face.gender.label
    return GENDERS.index(label) if label in GENDERS else NO_ANSWER


def _p_female(outcome: Outcome) -> float:
    if outcome.face is None or outcome.face.gender is None:
        return float("nan")
    return outcome.face.gender.p_female


def _auc(female: NDArray[np.float64], male: NDArray[np.float64]) -> float | None:
    """None, not measurable, where a class has no image."""
    return roc_auc(female, male) if len(female) and len(male) else None
