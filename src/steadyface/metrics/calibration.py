"""Whether probabilities mean what they say: calibration error, Brier score, reliability curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import MetricError
from steadyface.metrics.checks import Scores, bool_array, check_count, score_array


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """How often what was foretold came true, by how probable it was called.

    Attributes:
        edges: B + 1 float64, from 0 to 1; a bin holds its upper edge, the first also 0.
        weight: B float64, each bin's share of the rows, by weight; they sum to 1.
        foretold: B float64, mean probability in the bin; NaN in an empty one.
        observed: B float64, share of the bin that was true; NaN in an empty one.
    """

    edges: NDArray[np.float64]
    weight: NDArray[np.float64]
    foretold: NDArray[np.float64]
    observed: NDArray[np.float64]

    @property
    def ece(self) -> float:
        """Expected calibration error, 0..1: the mean gap of the bins, by weight.

        Source: Naeini, Cooper and Hauskrecht, 'Obtaining well calibrated probabilities using
        Bayesian binning', AAAI 2015.
        """
        held = self.weight > 0
        gaps = np.abs(self.foretold[held] - self.observed[held])
        return float((self.weight[held] * gaps).sum())

    @property
    def mce(self) -> float:
        """Maximum calibration error, 0..1: the largest gap of a bin; source as of `ece`."""
        held = self.weight > 0
        return float(np.abs(self.foretold[held] - self.observed[held]).max())


def reliability(
    probability: Scores,
    truth: NDArray[np.bool_],
    *,
    bins: int = 10,
    weights: Scores | None = None,
) -> Reliability:
    """The reliability curve over bins of equal width.

    Source: Niculescu-Mizil and Caruana, 'Predicting good probabilities with supervised learning',
    ICML 2005.

    Args:
        probability: N floats, 0..1, of the row being true.
        truth: N bools.
        bins: how many, 1 or more.
        weights: N floats above 0, for another prior than the rows have (see `prior_weights`); None
            weighs all alike.

    Raises:
        MetricError: arrays empty, of differing lengths, not finite or out of range.
    """
    p, true, w = _checked(probability, truth, weights)
    check_count(bins, "bins", low=1)
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, p, side="left") - 1, 0, bins - 1)
    weight = np.bincount(place, w, bins)
    with np.errstate(invalid="ignore"):
        foretold = np.bincount(place, w * p, bins) / weight
        observed = np.bincount(place, w * true, bins) / weight
    return Reliability(edges, weight / w.sum(), foretold, observed)


def brier(probability: Scores, truth: NDArray[np.bool_], *, weights: Scores | None = None) -> float:
    """Brier score, 0..1, lower is better: the mean squared gap of probability and truth.

    Source: Brier, 'Verification of forecasts expressed in terms of probability', Monthly Weather
    Review 78(1), 1950, in its usual form for two classes.

    Args:
        probability: N floats, 0..1, of the row being true.
        truth: N bools.
        weights: N floats above 0; None weighs all alike.

    Raises:
        MetricError: arrays empty, of differing lengths, not finite or out of range.
    """
    p, true, w = _checked(probability, truth, weights)
    return float((w * (p - true) ** 2).sum() / w.sum())


def prior_weights(truth: NDArray[np.bool_], prior: float) -> NDArray[np.float64]:
    """Weights by which rows stand for a population in which so large a share is true.

    Source: Elkan, 'The foundations of cost-sensitive learning', IJCAI 2001.

    Args:
        truth: N bools, both values among them.
        prior: the share, between 0 and 1.

    Returns:
        N float64 of mean 1.

    Raises:
        MetricError: one value is missing, or the prior is no share.
    """
    true = bool_array(truth, "truth", like=("truth", len(truth)))
    if not 0 < prior < 1:
        raise MetricError(f"prior is {prior:g}: give a fraction between 0 and 1")
    share = float(true.mean())
    if share in (0.0, 1.0):
        raise MetricError("truth has one value only: no weights give it another prior")
    return np.where(true, prior / share, (1 - prior) / (1 - share))


def _checked(
    probability: Scores, truth: NDArray[np.bool_], weights: Scores | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    p = score_array(probability, "probability").astype(np.float64)
    if p.min() < 0 or p.max() > 1:
        raise MetricError("probability: give fractions, 0 to 1")
    true = bool_array(truth, "truth", like=("probability", len(p))).astype(np.float64)
    w: NDArray[Any] = np.ones(len(p)) if weights is None else score_array(weights, "weights")
    if len(w) != len(p):
        raise MetricError(f"weights has {len(w)} entries and probability has {len(p)}")
    if w.min() <= 0:
        raise MetricError("weights: give numbers above 0")
    return p, true, w.astype(np.float64)
