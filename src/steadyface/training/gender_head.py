"""The gender head: a logistic regression on the face network's pooled features.

Every source weighs the same for both genders, so that the gender which is rarer in a source is
not the one that is missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from steadyface.types import FloatArray

#: Inverse strengths of the L2 penalty that cross-validation chooses from.
STRENGTHS = (0.0003, 0.001, 0.003, 0.01, 0.03)
_FOLDS = 4
_ITERATIONS = 1000


def balanced_weights(female: NDArray[np.bool_], origin: NDArray[np.str_]) -> NDArray[np.float64]:
    """Weights under which every gender of every source has the same total; their mean is 1.

    Args:
        female: N bool.
        origin: N names of sources.
    """
    _, cell = np.unique(np.char.add(origin, female.astype(str)), return_inverse=True)
    weights = 1.0 / np.bincount(cell)[cell]
    return np.asarray(weights / weights.mean())


def fit(
    pooled: FloatArray, female: NDArray[np.bool_], weights: NDArray[np.float64], strength: float
) -> dict[str, FloatArray]:
    """Fit the head.

    Args:
        pooled: N x 1024 float32 features.
        female: N bool.
        weights: N sample weights.
        strength: inverse strength of the L2 penalty.

    Returns:
        `weight` (1024,) and `bias` (1,), float32, standardisation folded in:
        P(female) = sigmoid(features @ weight + bias).
    """
    scaler = StandardScaler().fit(pooled)
    model = LogisticRegression(C=strength, max_iter=_ITERATIONS)
    model.fit(scaler.transform(pooled), female, sample_weight=weights)
    weight: NDArray[Any] = model.coef_[0] / scaler.scale_
    bias = float(model.intercept_[0]) - float(weight @ scaler.mean_)
    return {"weight": weight.astype(np.float32), "bias": np.array([bias], dtype=np.float32)}


def predict(pooled: FloatArray, head: dict[str, FloatArray]) -> NDArray[np.bool_]:
    """Whether each row of features reads as female."""
    return np.asarray(pooled @ head["weight"] + head["bias"][0] >= 0)


def choose_strength(
    pooled: FloatArray,
    female: NDArray[np.bool_],
    weights: NDArray[np.float64],
    people: NDArray[np.str_],
    strengths: Sequence[float] = STRENGTHS,
) -> tuple[float, dict[float, float]]:
    """Choose the penalty by cross-validation, no person on both sides of a fold.

    Returns:
        The best strength, and the mean balanced accuracy of each (weighted like the training).
    """
    scores: dict[float, float] = {}
    for strength in strengths:
        accuracies = []
        for train, test in GroupKFold(_FOLDS).split(pooled, female, people):
            head = fit(pooled[train], female[train], weights[train], strength)
            guess = predict(pooled[test], head)
            accuracies.append(
                balanced_accuracy_score(female[test], guess, sample_weight=weights[test])
            )
        scores[strength] = float(np.mean(accuracies))
    return max(scores, key=lambda s: scores[s]), scores
