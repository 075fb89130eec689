"""Fits thresholds, their rise for poor images, and P(same person) on people set aside for it."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

import numpy as np
from sklearn.linear_model import LogisticRegression

from steadyface.matching.calibration import value_at
from steadyface.matching.probability import FEATURES, features
from steadyface.metrics.thresholds import accepted_share, allowed_count
from steadyface.training.comparisons import Comparisons
from steadyface.training.resampling import Resampled
from steadyface.types import FloatArray

#: Five rates a decade from 1e-1 to 1e-5.
RATES = tuple(float(f"{10 ** (-step / 5):.3g}") for step in range(5, 26))
#: Where the rise is measured: with fewer than these many scores above, a bin says too little.
PULL_RATES = (1e-2, 1e-3, 1e-4)
_FEWEST_ABOVE = 30
#: Of (1 - quality) (1 - quality).
_EDGES = (0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.16, 0.2, 0.25, 0.3, 0.36, 0.45, 1)
_MILLIONTH = Decimal("0.000001")
_MOST_NON_MATED = 200_000
_NORMAL_95 = 1.96


def fit_pull(non_mated: Comparisons) -> list[dict[str, float]]:
    """How far a threshold rises where both images are of quality 0, by FMR.

    At each of `PULL_RATES` a straight line through the thresholds of bins of
    (1 - quality of the one) (1 - quality of the other); through their slopes one of log10 FMR.

    Args:
        non_mated: comparisons of poor with good images and of poor with poor.

    Returns:
        Points at the ends of `RATES`; none where qualities are not known or do not differ.
    """
    product = non_mated.references * non_mated.probes
    place = np.digitize(product, _EDGES)
    slopes: dict[float, float] = {}
    for rate in PULL_RATES:
        at, thresholds = [], []
        for number in range(1, len(_EDGES)):
            scores = non_mated.scores[place == number]
            if len(scores) * rate >= _FEWEST_ABOVE:
                at.append(float(product[place == number].mean()))
                thresholds.append(float(np.quantile(scores, 1 - rate)))
        if len(at) > 2:
            slopes[rate] = float(np.polyfit(at, thresholds, 1)[0])
    if not slopes:
        return []
    degree = min(1, len(slopes) - 1)
    line = np.polynomial.Polynomial.fit(np.log10(list(slopes)), list(slopes.values()), degree)
    ends = (RATES[0], RATES[-1])
    return [{"fmr": rate, "pull": round(max(0.0, float(line(np.log10(rate)))), 4)} for rate in ends]


def pull_at(pull: list[dict[str, float]], rate: float) -> float:
    """What the matching code makes of the points at a rate."""
    points = tuple((point["fmr"], point["pull"]) for point in pull)
    return value_at(points, rate) if points else 0.0


def fit_thresholds(
    mated: Comparisons,
    non_mated: Comparisons,
    pull: list[dict[str, float]],
    rates: tuple[float, ...] = RATES,
    *,
    intervals: bool = False,
) -> list[dict[str, float]]:
    """The threshold and the true accept rate at each target FMR, rates falling and below 1.

    A threshold is that of two perfect images; the others' rise is taken off their scores first.
    Thresholds are rounded up to six decimals, so that rounding accepts no score more; rates that
    too few scores support are left out. With `intervals`, and where people are known, also `low`
    and `high`, the ends of the threshold's 95 % interval, see `training.resampling`.
    """
    count = len(non_mated)
    # The highest scores alone decide, and there are tens of millions. What another pull could bring
    # among them is kept too.
    most = allowed_count(count, rates[0])
    least = min((point["pull"] for point in pull), default=0.0)
    lowered = _lowered(non_mated, least)
    cut = max(0, count - 2 * most - 2)
    kept = non_mated.only(np.argpartition(lowered, cut)[cut:])
    del lowered
    resampled = Resampled(non_mated.people) if intervals and non_mated.people is not None else None
    points = []
    for rate in rates:
        allowed = allowed_count(count, rate)
        if allowed < 1:
            break
        at = pull_at(pull, rate)
        highest = _lowered(kept, at)
        place = len(highest) - 1 - allowed
        above = np.nextafter(np.partition(highest, place)[place], np.float32(np.inf))
        threshold = float(Decimal(float(above)).quantize(_MILLIONTH, rounding=ROUND_CEILING))
        tar = accepted_share(_lowered(mated, at), threshold)
        point = {"fmr": rate, "threshold": threshold, "tar": round(tar, 5)}
        if resampled is not None and kept.people is not None:
            half = _NORMAL_95 * resampled.standard_error(highest, kept.people, rate, allowed)
            point |= {"low": round(threshold - half, 6), "high": round(threshold + half, 6)}
        points.append(point)
    return points


def _lowered(some: Comparisons, pull: float) -> FloatArray:
    if pull == 0:
        return some.scores
    return np.asarray(some.scores - np.float32(pull) * some.references * some.probes)


def fit_probability(
    by_references: dict[int, list[tuple[Comparisons, Comparisons]]], seed: int
) -> dict[str, float]:
    """Weights of `matching.probability.ProbabilityModel`.

    Every condition and number of references weighs the same, and in each mated and non-mated
    comparisons do.

    Args:
        by_references: number of references -> mated and non-mated comparisons of each condition.
        seed: draws the non-mated comparisons, of which there are more than are needed.
    """
    rng = np.random.default_rng(seed)
    rows, truths, weights = [], [], []
    for references, conditions in by_references.items():
        for both in conditions:
            for truth, some in zip((True, False), both, strict=True):
                if len(some) > _MOST_NON_MATED:
                    some = some.only(rng.integers(len(some), size=_MOST_NON_MATED))  # noqa: PLW2901
                unreliable = some.probes, some.references
                rows.append(features(some.scores, unreliable, references))
                truths.append(np.full(len(some), truth))
                weights.append(np.full(len(some), 1 / max(len(some), 1)))
    weight = np.concatenate(weights)
    regression = LogisticRegression(C=np.inf, fit_intercept=False, max_iter=10_000, tol=1e-8)
    regression.fit(
        np.concatenate(rows), np.concatenate(truths), sample_weight=weight / weight.mean()
    )
    fitted = regression.coef_[0]
    return {name: round(float(w), 5) for name, w in zip(FEATURES, fitted, strict=True)}
