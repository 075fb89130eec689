"""The gender head: a logistic regression on the face network's pooled features.

Trained on clean faces and one distorted copy of each, with both genders and both conditions
weighing the same, so that the rarer gender is not the one that is missed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from steadyface.types import FloatArray

#: Inverse strengths of the L2 penalty that cross-validation chooses from.
STRENGTHS = (0.0003, 0.001, 0.003, 0.01, 0.03)
_FOLDS = 4


def fit(pooled: FloatArray, female: NDArray[np.bool_], strength: float) -> dict[str, FloatArray]:
    """Fit the head.

    Args:
        pooled: N x 1024 float32 features.
        female: N bool.
        strength: inverse strength of the L2 penalty.

    Returns:
        `weight` (1024,) and `bias` (1,), float32, standardisation folded in:
        P(female) = sigmoid(features @ weight + bias).
    """
    scaler = StandardScaler()
    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=2000)
    make_pipeline(scaler, model).fit(pooled, female)
    weight = model.coef_[0] / scaler.scale_
    bias = model.intercept_[0] - float(weight @ scaler.mean_)
    return {
        "weight": weight.astype(np.float32),
        "bias": np.array([bias], dtype=np.float32),
    }


def predict(pooled: FloatArray, head: dict[str, FloatArray]) -> NDArray[np.bool_]:
    """Whether each row of features reads as female."""
    return np.asarray(pooled @ head["weight"] + head["bias"][0] >= 0)


def choose_strength(
    pooled: FloatArray,
    female: NDArray[np.bool_],
    people: Sequence[str],
    strengths: Sequence[float] = STRENGTHS,
) -> tuple[float, dict[float, float]]:
    """Choose the penalty by cross-validation, no person on both sides of a fold.

    Returns:
        The best strength and the mean balanced accuracy of each.
    """
    scores: dict[float, float] = {}
    for strength in strengths:
        accuracies = []
        for train, test in GroupKFold(_FOLDS).split(pooled, female, people):
            head = fit(pooled[train], female[train], strength)
            guess = predict(pooled[test], head)
            accuracies.append(balanced_accuracy_score(female[test], guess))
        scores[strength] = float(np.mean(accuracies))
    return max(scores, key=lambda s: scores[s]), scores
