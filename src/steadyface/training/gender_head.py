"""The gender head: one small hidden layer on the face network's pooled features.

Several networks are trained from different starts and their logits averaged, which is one wider
layer. Every source weighs the same for both genders, so that the gender which is rarer in a source
is not the one that is missed.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from steadyface.types import FloatArray

#: Strengths of the L2 penalty that cross-validation chooses from.
STRENGTHS = (0.3, 1.0, 3.0)
_FOLDS = 3
_MEMBERS = 6
_HIDDEN = 32
_BATCH = 512
_EPOCHS = 4
_FEWEST_STEPS = 300


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
    """Fit the head; the same inputs give the same head.

    Args:
        pooled: N x D float32 features.
        female: N bool.
        weights: N sample weights.
        strength: of the L2 penalty.

    Returns:
        `hidden_weight` (D, H), `hidden_bias` (H,), `weight` (H,) and `bias` (1,), float32, with
        standardisation folded in: see `logits`.
    """
    scaler = StandardScaler().fit(pooled)
    scaled = scaler.transform(pooled).astype(np.float32)
    members = [_member(scaled, female, weights, strength, seed) for seed in range(_MEMBERS)]
    hidden = np.hstack([member.coefs_[0] for member in members]) / scaler.scale_[:, None]
    shift = np.concatenate([member.intercepts_[0] for member in members]) - scaler.mean_ @ hidden
    out = np.concatenate([member.coefs_[1][:, 0] for member in members]) / _MEMBERS
    bias = np.mean([member.intercepts_[1][0] for member in members])
    return {
        "hidden_weight": hidden.astype(np.float32),
        "hidden_bias": shift.astype(np.float32),
        "weight": out.astype(np.float32),
        "bias": np.array([bias], dtype=np.float32),
    }


def _member(
    scaled: FloatArray,
    female: NDArray[np.bool_],
    weights: NDArray[np.float64],
    strength: float,
    seed: int,
) -> MLPClassifier:
    batch = min(_BATCH, len(scaled))
    model = MLPClassifier(
        (_HIDDEN,),
        alpha=strength,
        batch_size=batch,
        max_iter=max(_EPOCHS, -(-_FEWEST_STEPS * batch // len(scaled))),
        random_state=seed,
    )
    with warnings.catch_warnings():
        # Stopping after few epochs is what keeps it from learning the faces by heart.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(scaled, female, sample_weight=weights)


def logits(pooled: FloatArray, head: Mapping[str, FloatArray]) -> NDArray[np.float32]:
    """Log odds of `female` for each row of features: P(female) = sigmoid(logit).

    relu(features @ hidden_weight + hidden_bias) @ weight + bias.
    """
    hidden = np.maximum(pooled @ head["hidden_weight"] + head["hidden_bias"], 0)
    return np.asarray(hidden @ head["weight"] + head["bias"][0], dtype=np.float32)


def predict(pooled: FloatArray, head: Mapping[str, FloatArray]) -> NDArray[np.bool_]:
    """Whether each row of features reads as female."""
    return np.asarray(logits(pooled, head) >= 0)


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
