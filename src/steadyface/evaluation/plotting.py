"""Which plots each evaluation gets; the drawing itself is in `plots`.

Each function returns why some could not be drawn, in words; nothing where all were.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from steadyface.evaluation.gender import GenderEvaluation
from steadyface.evaluation.match_figures import MatchEvaluation
from steadyface.evaluation.pairs import PairsEvaluation
from steadyface.evaluation.plots import plot_confusion, plot_histogram, plot_roc
from steadyface.types import FloatArray

_RATES = ("false match rate", "true accept rate")
_SCORES = ("mated", "non-mated")


def plot_gender(
    evaluation: GenderEvaluation, summary: Mapping[str, Any], folder: Path
) -> tuple[str, ...]:
    """`confusion.png`, `roc.png` and `scores.png` of Task A."""
    _confusion(summary["overall"]["confusion"], folder)
    scores, women = evaluation.ranked_scores.astype(np.float32), evaluation.truth == 0
    names = ("men called women", "women called women")
    plot_roc(scores[women], scores[~women], folder / "roc.png", names=names)
    answered = ~np.isnan(evaluation.p_female)
    female, male = scores[answered & women], scores[answered & ~women]
    if not len(female) or not len(male):
        nobody = "woman" if not len(female) else "man"
        return (f"scores.png is not drawn: no {nobody} has a score",)
    plot_histogram(
        female,
        male,
        folder / "scores.png",
        names=("women", "men"),
        threshold=0.5,
        axis="P(female)",
    )
    return ()


def plot_match(
    evaluation: MatchEvaluation, summary: Mapping[str, Any], folder: Path
) -> tuple[str, ...]:
    """`confusion.png` of the labels, `roc.png` and `scores.png` of Task B's comparisons."""
    _confusion(summary["overall"]["label"]["confusion"], folder)
    return _comparisons(*evaluation.comparisons(), evaluation.rule.threshold, folder)


def plot_pairs(evaluation: PairsEvaluation, threshold: float, folder: Path) -> tuple[str, ...]:
    """`confusion.png` at the threshold, `roc.png` and `scores.png` of a pairs file."""
    same, answered = evaluation.same, evaluation.answered
    called = evaluation.scores >= threshold
    columns = (answered & ~called, answered & called, ~answered)
    counts = np.array([[np.sum((same == t) & said) for said in columns] for t in (False, True)])
    words = ("different", "same")
    plot_confusion(counts, words, (*words, "no answer"), folder / "confusion.png")
    return _comparisons(evaluation.scores[same], evaluation.scores[~same], threshold, folder)


def _confusion(confusion: Mapping[str, Any], folder: Path) -> None:
    counts = np.array(confusion["counts"])
    plot_confusion(counts, confusion["rows"], confusion["columns"], folder / "confusion.png")


def _comparisons(
    mated: FloatArray, non_mated: FloatArray, threshold: float, folder: Path
) -> tuple[str, ...]:
    if not len(mated) or not len(non_mated):
        sort = "mated" if not len(mated) else "non-mated"
        return (f"roc.png and scores.png are not drawn: there is no {sort} comparison",)
    plot_roc(mated, non_mated, folder / "roc.png", names=_RATES)
    plot_histogram(
        mated,
        non_mated,
        folder / "scores.png",
        names=_SCORES,
        threshold=threshold,
        axis="cosine similarity",
    )
    return ()
