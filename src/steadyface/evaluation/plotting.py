"""Which plots each evaluation gets; the drawing itself is in `plots`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from steadyface.evaluation.gender import GenderEvaluation
from steadyface.evaluation.match import MatchEvaluation
from steadyface.evaluation.pairs import PairsEvaluation
from steadyface.evaluation.plots import plot_confusion, plot_histogram, plot_roc
from steadyface.types import FloatArray

_RATES = ("false match rate", "true accept rate")
_SCORES = ("mated", "non-mated")


def plot_gender(evaluation: GenderEvaluation, summary: Mapping[str, Any], folder: Path) -> None:
    """`confusion.png`, `roc.png` and `scores.png` of Task A."""
    _confusion(summary["overall"]["confusion"], folder)
    p_female = evaluation.p_female.astype(np.float32)
    answered = ~np.isnan(p_female)
    female = p_female[answered & (evaluation.truth == 0)]
    male = p_female[answered & (evaluation.truth == 1)]
    if len(female) and len(male):
        names = ("men called women", "women called women")
        plot_roc(female, male, folder / "roc.png", names=names)
        plot_histogram(
            female,
            male,
            folder / "scores.png",
            names=("women", "men"),
            threshold=0.5,
            axis="P(female)",
        )


def plot_match(evaluation: MatchEvaluation, summary: Mapping[str, Any], folder: Path) -> None:
    """`confusion.png` of the labels, `roc.png` and `scores.png` of Task B's comparisons."""
    _confusion(summary["overall"]["label"]["confusion"], folder)
    _comparisons(*evaluation.comparisons(), evaluation.rule.threshold, folder)


def plot_pairs(evaluation: PairsEvaluation, threshold: float, folder: Path) -> None:
    """`confusion.png` at the threshold, `roc.png` and `scores.png` of a pairs file."""
    same, called = evaluation.same, evaluation.scores >= threshold
    counts = np.array(
        [[np.sum((same == t) & (called == p)) for p in (False, True)] for t in (False, True)]
    )
    words = ("different", "same")
    plot_confusion(counts, words, words, folder / "confusion.png")
    _comparisons(evaluation.scores[same], evaluation.scores[~same], threshold, folder)


def _confusion(confusion: Mapping[str, Any], folder: Path) -> None:
    counts = np.array(confusion["counts"])
    plot_confusion(counts, confusion["rows"], confusion["columns"], folder / "confusion.png")


def _comparisons(mated: FloatArray, non_mated: FloatArray, threshold: float, folder: Path) -> None:
    if not len(mated) or not len(non_mated):
        return
    plot_roc(mated, non_mated, folder / "roc.png", names=_RATES)
    plot_histogram(
        mated,
        non_mated,
        folder / "scores.png",
        names=_SCORES,
        threshold=threshold,
        axis="cosine similarity",
    )
