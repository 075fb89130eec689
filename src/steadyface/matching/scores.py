"""Comparison scores of probes against templates of one or more references."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import UsageError
from steadyface.matching.quality import unreliability
from steadyface.types import FloatArray, Templates

#: How an identity's several references become one score: `mean` compares with the normalised mean
#: of their embeddings, `weighted` with their mean weighted by quality (one that is not known counts
#: as 1), `max` takes the best single reference.
TemplateScore = Literal["mean", "weighted", "max"]
#: Chosen by measurement on CelebA identities, see docs/decisions.md.
DEFAULT_TEMPLATE_SCORE: TemplateScore = "mean"
#: Of float32: how far one rounding goes, relatively.
UNIT_ROUNDOFF = 2.0**-24
#: Ready vectors are multiples of 1 / GRID, so that an index may hold them as whole numbers. Numbers
#: of 2^-7 and more are in float32; smaller ones move by 2^-31, as little as rounding 2^-7 does.
GRID = 2.0**30
_LEAST_WEIGHT = 0.01


def cosine(a: FloatArray, b: FloatArray) -> float:
    """Cosine similarity of two embeddings of length 1, clipped to -1..1 against rounding."""
    return float(np.clip(np.dot(a, b), -1.0, 1.0))


def score_error(dimension: int) -> float:
    """How far a float32 score of two unit vectors may be from `ReadyTemplates.exact_score`.

    In any order of summation a float32 product of D terms errs by at most D u / (1 - D u) times
    the product of the lengths, u = 2^-24 (Higham, 'Accuracy and Stability of Numerical Algorithms',
    section 3.1). Lengths are 1 within D u, which clipping to 1 takes off: another D u. The grid
    moves a vector by far less.
    """
    return 3 * (dimension + 4) * UNIT_ROUNDOFF


def exact_products(vectors: FloatArray, probe: FloatArray) -> FloatArray:
    """N float32, the products of N x D vectors with D numbers, summed in float64, rounded once."""
    products = np.multiply(vectors, probe, dtype=np.float64, order="C")
    sums: FloatArray = products.sum(axis=1).astype(np.float32)
    return sums


@dataclass(frozen=True, slots=True, eq=False)
class ReadyTemplates:
    """Templates made ready once for comparing any number of probes with them.

    Attributes:
        names: N identities.
        references: N int64, how many references each has; 0 where none could be used.
        model_id: the model that made the vectors.
        how: how several references become one score.
        vectors: for means N x D, one unit vector an identity; for `max` every reference; on the
            grid, see `on_grid`.
        owners: identity of every row of `vectors`.
        unreliable: N float64, the mean of the references' `unreliability`.
    """

    names: tuple[str, ...]
    references: NDArray[np.int64]
    model_id: str
    how: TemplateScore
    vectors: FloatArray
    owners: NDArray[np.int64]
    unreliable: NDArray[np.float64]

    def score(self, probes: FloatArray) -> FloatArray:
        """Score probes against every identity.

        Args:
            probes: P x D float32 unit vectors.

        Returns:
            P x N float32 cosine similarities, column i for `names[i]`; -1 without a reference.
        """
        if not len(self.owners):  # Then `vectors` may have no columns.
            return np.full((len(probes), len(self.names)), -1.0, dtype=np.float32)
        return self._by_identity(probes @ self.vectors.T)

    def exact_score(self, probe: FloatArray) -> FloatArray:
        """Score one probe, each sum taken in float64 and rounded once.

        `score` leaves the order of summation to the BLAS, which differs with an identity's place
        among the others; this gives one vector the same score in any gallery.

        Args:
            probe: D float32, a unit vector.

        Returns:
            N float32, within `score_error` of what `score` gives.
        """
        if not len(self.owners):
            return np.full(len(self.names), -1.0, dtype=np.float32)
        return np.asarray(self._by_identity(exact_products(self.vectors, probe)[None, :])[0])

    def _by_identity(self, scores: FloatArray) -> FloatArray:
        scores = np.clip(scores, -1.0, 1.0)
        best = np.full((len(self.names), len(scores)), -1.0, dtype=np.float32)
        if self.how == "max":
            np.maximum.at(best, self.owners, scores.T)
        else:
            best[self.owners] = scores.T
        return best.T

    def only(self, chosen: NDArray[np.int64]) -> ReadyTemplates:
        """Some of the identities.

        Args:
            chosen: their positions in `names`, rising.
        """
        place = np.full(len(self.names), -1, dtype=np.int64)
        place[chosen] = np.arange(len(chosen))
        owners = place[self.owners]
        rows = np.flatnonzero(owners >= 0)
        return replace(
            self,
            names=tuple(self.names[i] for i in chosen),
            references=self.references[chosen],
            vectors=self.vectors[rows],
            owners=owners[rows],
            unreliable=self.unreliable[chosen],
        )


def ready(templates: Templates, how: TemplateScore = DEFAULT_TEMPLATE_SCORE) -> ReadyTemplates:
    """Make templates ready for comparing.

    Args:
        templates: the gallery's references.
        how: see `TemplateScore`.

    Raises:
        UsageError: `how` is unknown.
    """
    if how not in get_args(TemplateScore):
        raise UsageError(f"template score is {how!r}: give 'mean', 'weighted' or 'max'")
    counts = np.bincount(templates.owners, minlength=len(templates.names)).astype(np.int64)
    each = np.broadcast_to(unreliability(templates.qualities), len(templates.owners))
    sums = np.bincount(templates.owners, each, minlength=len(templates.names))
    unreliable = sums / np.maximum(counts, 1)
    owners, vectors = templates.owners, templates.vectors
    if how == "weighted":
        # Not to 0: an identity whose references are all worthless still has a direction.
        weights = np.maximum(1 - each, _LEAST_WEIGHT).astype(np.float32)
        vectors = np.asarray(vectors * weights[:, None])
    if how != "max" and len(owners):
        order = np.argsort(owners, kind="stable")
        owners, firsts = np.unique(owners[order], return_index=True)
        added = vectors[order]
        if len(firsts) < len(order):  # somebody has several
            added = np.add.reduceat(added, firsts, axis=0)
        lengths = np.linalg.norm(added, axis=1, keepdims=True)
        vectors = np.asarray(added / np.maximum(lengths, np.finfo(np.float32).tiny))
    return ReadyTemplates(
        templates.names, counts, templates.model_id, how, on_grid(vectors), owners, unreliable
    )


def on_grid(vectors: FloatArray) -> FloatArray:
    """Unit vectors with every component rounded to a multiple of 1 / GRID, between -1 and 1."""
    numbers = np.rint(vectors * np.float32(GRID))
    return np.asarray(np.clip(numbers, -GRID, GRID) * np.float32(1 / GRID))
