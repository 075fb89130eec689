"""Comparison scores of probes against templates of one or more references."""

from __future__ import annotations

from typing import Literal

import numpy as np

from steadyface.errors import UsageError
from steadyface.types import FloatArray, Templates

#: How an identity's several references become one score: `mean` compares with the normalised mean
#: of their embeddings, `max` takes the best single reference.
TemplateScore = Literal["mean", "max"]
#: Chosen by measurement on CelebA identities, see docs/decisions.md.
DEFAULT_TEMPLATE_SCORE: TemplateScore = "mean"


def cosine(a: FloatArray, b: FloatArray) -> float:
    """Cosine similarity of two embeddings of length 1, clipped to -1..1 against rounding."""
    return float(np.clip(np.dot(a, b), -1.0, 1.0))


def template_matrix(templates: Templates) -> FloatArray:
    """One unit vector an identity: the normalised mean of its references' embeddings.

    Returns:
        N x D float32, row i for `templates.names[i]`.
    """
    sums = np.zeros((len(templates.names), templates.vectors.shape[1]), dtype=np.float32)
    np.add.at(sums, templates.owners, templates.vectors)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.asarray(sums / np.maximum(lengths, np.finfo(np.float32).tiny), dtype=np.float32)


def template_scores(
    probes: FloatArray, templates: Templates, how: TemplateScore = DEFAULT_TEMPLATE_SCORE
) -> FloatArray:
    """Score probes against every identity.

    Args:
        probes: P x D float32 unit vectors.
        templates: the gallery's references.
        how: see `TemplateScore`.

    Returns:
        P x N float32 cosine similarities, column i for `templates.names[i]`.

    Raises:
        UsageError: `how` is unknown.
    """
    if how == "mean":
        return np.asarray(np.clip(probes @ template_matrix(templates).T, -1.0, 1.0))
    if how == "max":
        singles = np.clip(probes @ templates.vectors.T, -1.0, 1.0)
        best = np.full((len(templates.names), len(probes)), -1.0, dtype=np.float32)
        np.maximum.at(best, templates.owners, singles.T)
        return best.T
    raise UsageError(f"template score is {how!r}: give 'mean' or 'max'")
