"""Comparison scores of probes against templates of one or more references."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import UsageError
from steadyface.matching.quality import unreliability
from steadyface.types import FloatArray, Templates

#: How an identity's several references become one score: `mean` compares with the normalised mean
#: of their embeddings, `max` takes the best single reference.
TemplateScore = Literal["mean", "max"]
#: Chosen by measurement on CelebA identities, see docs/decisions.md.
DEFAULT_TEMPLATE_SCORE: TemplateScore = "mean"


def cosine(a: FloatArray, b: FloatArray) -> float:
    """Cosine similarity of two embeddings of length 1, clipped to -1..1 against rounding."""
    return float(np.clip(np.dot(a, b), -1.0, 1.0))


@dataclass(frozen=True, slots=True, eq=False)
class ReadyTemplates:
    """Templates made ready once for comparing any number of probes with them.

    Attributes:
        names: N identities.
        references: N int64, how many references each has; 0 where none could be used.
        model_id: the model that made the vectors.
        how: how several references become one score.
        vectors: for `mean` N x D, one unit vector an identity; for `max` every reference.
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
        scores = np.clip(probes @ self.vectors.T, -1.0, 1.0)
        best = np.full((len(self.names), len(probes)), -1.0, dtype=np.float32)
        if self.how == "mean":
            best[self.owners] = scores.T
        else:
            np.maximum.at(best, self.owners, scores.T)
        return best.T


def ready(templates: Templates, how: TemplateScore = DEFAULT_TEMPLATE_SCORE) -> ReadyTemplates:
    """Make templates ready for comparing.

    Args:
        templates: the gallery's references.
        how: see `TemplateScore`.

    Raises:
        UsageError: `how` is unknown.
    """
    if how not in ("mean", "max"):
        raise UsageError(f"template score is {how!r}: give 'mean' or 'max'")
    counts = np.bincount(templates.owners, minlength=len(templates.names)).astype(np.int64)
    each = np.broadcast_to(unreliability(templates.qualities), len(templates.owners))
    sums = np.bincount(templates.owners, each, minlength=len(templates.names))
    unreliable = sums / np.maximum(counts, 1)
    owners, vectors = templates.owners, templates.vectors
    if how == "mean" and len(owners):
        order = np.argsort(owners, kind="stable")
        owners, firsts = np.unique(owners[order], return_index=True)
        added = np.add.reduceat(vectors[order], firsts, axis=0)
        lengths = np.linalg.norm(added, axis=1, keepdims=True)
        vectors = np.asarray(added / np.maximum(lengths, np.finfo(np.float32).tiny))
    return ReadyTemplates(
        templates.names, counts, templates.model_id, how, vectors, owners, unreliable
    )
