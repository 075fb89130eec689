"""The probability that a comparison is mated, from its similarity and what the images are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steadyface.errors import CalibrationError

#: What the log odds are a weighted sum of, see `features`.
FEATURES = (
    "one",
    "similarity",
    "similarity squared",
    "product",
    "sum",
    "similarity times sum",
    "references",
    "similarity times references",
)


@dataclass(frozen=True, slots=True)
class ProbabilityModel:
    """Logistic regression, fitted so that mated and non-mated comparisons weigh the same.

    Its log odds are then the logarithm of the likelihood ratio, to which the prior's are added
    (Bayes). Source: Platt, 'Probabilistic outputs for support vector machines', 1999; Brummer and
    du Preez, 'Application-independent evaluation of speaker detection', 2006, for the prior.

    Attributes:
        weights: one of each of `FEATURES`.
    """

    weights: tuple[float, ...]

    def __call__(
        self,
        similarity: ArrayLike,
        unreliable: tuple[ArrayLike, ArrayLike],
        references: ArrayLike = 1,
        *,
        prior: float = 0.5,
    ) -> NDArray[np.float64]:
        """P(same person) of comparisons.

        Args:
            similarity: cosines, -1..1.
            unreliable: of probe and reference (of a template the mean), see `unreliability`.
            references: of the template, 1 or more.
            prior: P(same person) before looking, between 0 and 1.

        Returns:
            float64, 0..1, of the shape that the arguments broadcast to.

        Raises:
            CalibrationError: the prior is none.
        """
        checked_prior(prior)
        least = self._turn(unreliable, references)
        rows = features(np.maximum(similarity, least), unreliable, references)
        odds = rows @ np.array(self.weights) + np.log(prior) - np.log1p(-prior)
        return np.asarray(1 / (1 + np.exp(-odds)))

    def _turn(
        self, unreliable: tuple[ArrayLike, ArrayLike], references: ArrayLike
    ) -> NDArray[np.float64]:
        """The similarity below which the parabola of the odds would rise again."""
        named = dict(zip(FEATURES, self.weights, strict=True))
        if named["similarity squared"] <= 0:
            return np.zeros(())
        first, second = (np.asarray(value, dtype=np.float64) for value in unreliable)
        slope = (
            named["similarity"]
            + named["similarity times sum"] * (first + second)
            + named["similarity times references"] * (1 - 1 / np.asarray(references, np.float64))
        )
        return np.asarray(-slope / (2 * named["similarity squared"]))

    @classmethod
    def of(cls, weights: Mapping[str, float]) -> ProbabilityModel:
        """Read named weights.

        Raises:
            CalibrationError: one is missing, is of no known feature, or is no finite number.
        """
        if sorted(weights) != sorted(FEATURES):
            odd = sorted(set(weights) ^ set(FEATURES))
            raise CalibrationError(f"weights of the probability do not fit: {', '.join(odd)}")
        values = tuple(float(weights[name]) for name in FEATURES)
        if not np.isfinite(values).all():
            raise CalibrationError("weights of the probability have to be finite numbers")
        return cls(values)


def checked_prior(prior: float) -> float:
    """The prior itself.

    Raises:
        CalibrationError: it is not between 0 and 1.
    """
    if not 0 < prior < 1:
        raise CalibrationError(f"prior {prior:g} is no share: give a fraction between 0 and 1")
    return prior


def features(
    similarity: ArrayLike, unreliable: tuple[ArrayLike, ArrayLike], references: ArrayLike = 1
) -> NDArray[np.float64]:
    """The rows of a logistic regression, S x 8 for arguments that broadcast to shape S.

    A similarity below 0 says no more than 0 does: where hardly any mated comparison is, a square
    would turn upwards again.
    """
    s, first, second, count = (
        np.asarray(value, dtype=np.float64) for value in (similarity, *unreliable, references)
    )
    s, more, both = np.maximum(s, 0), 1 - 1 / count, first + second
    columns = (1, s, s**2, first * second, both, s * both, more, s * more)
    rows = np.empty((*np.broadcast(s, both, more).shape, len(columns)))
    for number, column in enumerate(columns):
        rows[..., number] = column
    return rows
