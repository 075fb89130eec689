"""How far a threshold would move with other people in its calibration data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from steadyface.metrics.two_sided import drawn
from steadyface.types import FloatArray

_RESAMPLES = 100
#: Scores looked at beyond those a rate lets in: a resample may need more of them.
_WIDER = 4
_FEWEST = 1000


class Resampled:
    """People drawn with replacement, references and probes alike.

    A comparison of persons i and j counts w_i w_j times, w how often each was drawn. Source: Bolle,
    Ratha and Pankanti, 'Error analysis of pattern recognition systems: the subsets bootstrap',
    2004; Efron and Tibshirani, 'An introduction to the bootstrap', 1993, chapter 6, for the
    standard error.

    Args:
        people: 2 x N, numbers of both persons of every comparison.
        resamples: how many.
        seed: draws them.
    """

    def __init__(
        self, people: NDArray[np.int16], *, resamples: int = _RESAMPLES, seed: int = 0
    ) -> None:
        count = int(people.max(initial=0)) + 1
        rng = np.random.default_rng(seed)
        self._weights = drawn(count, resamples, rng).astype(np.float32)
        cells = people[0].astype(np.int32) * count + people[1]
        counts = np.bincount(cells, minlength=count * count).reshape(count, count)
        met = counts.astype(np.float32)
        self._totals = np.einsum("bi,bi->b", self._weights @ met, self._weights, dtype=np.float64)

    def standard_error(
        self, scores: FloatArray, people: NDArray[np.int16], rate: float, allowed: int
    ) -> float:
        """Of the threshold that lets in a share of all comparisons.

        Args:
            scores: M float32, the highest of all comparisons.
            people: 2 x M, theirs.
            rate: the share of all comparisons, not of these.
            allowed: how many that are, unweighted.
        """
        most = min(len(scores), max(_WIDER * allowed, _FEWEST))
        top = np.argpartition(scores, len(scores) - most)[len(scores) - most :]
        top = top[np.argsort(-scores[top], kind="stable")]
        ordered, first, second = scores[top], people[0, top], people[1, top]
        found = []
        for weights, total in zip(self._weights, self._totals, strict=True):
            entered = np.cumsum(weights[first] * weights[second], dtype=np.float64)
            place = int(np.searchsorted(entered, rate * total, side="right"))
            found.append(ordered[min(place, most - 1)])
        return float(np.std(np.array(found, dtype=np.float64), ddof=1))
