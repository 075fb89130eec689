"""Verification accuracy by cross-validation over folds, as LFW reports it."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import MetricError
from steadyface.metrics.checks import Groups, Scores, bool_array, group_array, score_array
from steadyface.metrics.thresholds import run_starts


@dataclass(frozen=True, slots=True)
class FoldAccuracy:
    """Accuracy over F folds.

    Attributes:
        mean: of the folds' accuracies, 0..1.
        standard_error: of that mean.
        per_fold: F accuracies, in ascending order of the folds' names.
        thresholds: F thresholds, each chosen on the other folds.
    """

    mean: float
    standard_error: float
    per_fold: tuple[float, ...]
    thresholds: tuple[float, ...]


def fold_accuracy(
    scores: Scores,
    same: NDArray[np.bool_],
    folds: Groups,
    answered: NDArray[np.bool_] | None = None,
) -> FoldAccuracy:
    """Accuracy on each fold at the threshold that is best on the other folds (LFW, View 2).

    The best threshold is the middle of the plateau of highest accuracy: the stretch between two
    neighbouring scores in which every threshold decides alike. Of several plateaus equally high
    the widest counts, of several equally wide the lowest. Where accepting all (rejecting all) is
    best, the threshold is the lowest score (just above the highest).

    The standard error is the folds' sample standard deviation (divisor F - 1) over sqrt(F).
    O(n log n + n F). Source: Huang et al., 'Labeled Faces in the Wild', TR 07-49, 2007; Huang and
    Learned-Miller, 'Labeled Faces in the Wild: updates and new reporting procedures', TR
    UM-CS-2014-003, 2014.

    Args:
        scores: N floats; a pair is decided 'same' when its score >= threshold.
        same: N bools, the truth.
        folds: N integers or strings, the fold of each pair.
        answered: N bools; a pair without an answer is an error whatever the threshold.
            None: every pair has one.

    Raises:
        MetricError: arrays empty, of differing lengths or not finite; fewer than two folds; or
            the other folds of some fold hold only mated or only non-mated pairs.
    """
    values = score_array(scores, "scores").astype(np.float64)
    like = ("scores", len(values))
    same = bool_array(same, "same", like=like)
    if answered is None:
        answered = np.ones(len(values), dtype=np.bool_)
    answered = bool_array(answered, "answered", like=like)
    names, members = np.unique(group_array(folds, "folds", like=like), return_inverse=True)
    if len(names) < 2:
        raise MetricError(f"folds holds only {names[0]!s}: give two or more folds")
    order = np.argsort(values, kind="stable")
    values, same, members = values[order], same[order], members[order]
    thresholds = [
        _threshold_without(members == fold, str(name), values, same)
        for fold, name in enumerate(names)
    ]
    right = ((values >= np.array(thresholds)[members]) == same) & answered[order]
    accuracies = [float(np.mean(right[members == fold])) for fold in range(len(names))]
    spread = float(np.std(accuracies, ddof=1))
    return FoldAccuracy(
        float(np.mean(accuracies)),
        spread / sqrt(len(names)),
        tuple(accuracies),
        tuple(thresholds),
    )


def _threshold_without(
    held: NDArray[np.bool_], name: str, values: NDArray[np.float64], same: NDArray[np.bool_]
) -> float:
    """The best threshold on the pairs outside the fold held out."""
    others = same[~held]
    if others.all() or not others.any():
        raise MetricError(
            f"same is {bool(others[0])} for every pair outside fold {name}: no threshold can be "
            "chosen; put mated and non-mated pairs in every fold"
        )
    return _best_threshold(values[~held], others)


def _best_threshold(ordered: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    """The threshold of highest accuracy on pairs in ascending order of score."""
    starts = run_starts(ordered)
    values = ordered[starts]
    # Cut j rejects the scores below values[j]; the last cut rejects all. Its thresholds are those
    # in (values[j - 1], values[j]].
    cuts = np.append(starts, len(ordered))
    rejected_mated = np.concatenate(([0], np.cumsum(same)))[cuts]
    right = (cuts - rejected_mated) + (int(same.sum()) - rejected_mated)
    best = np.concatenate(([False], right == right.max(), [False]))
    edges = np.flatnonzero(best[1:] != best[:-1])
    first, last = edges[::2], edges[1::2] - 1
    # An outermost plateau has no end; only its part between scores counts as its width.
    low = values[np.maximum(first - 1, 0)]
    high = values[np.minimum(last, len(values) - 1)]
    widest = int(np.argmax(high / 2 - low / 2))
    if first[widest] == len(values):
        return float(np.nextafter(high[widest], inf))
    middle = low[widest] / 2 + high[widest] / 2
    # Between neighbouring floats the middle rounds to an end; the lower one is not in the plateau.
    return float(middle if low[widest] < middle <= high[widest] else high[widest])
