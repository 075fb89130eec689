"""Decisions: same person or not, which known identity or none."""

from __future__ import annotations

import numpy as np

from steadyface.errors import GalleryModelError, UsageError
from steadyface.matching.calibration import DecisionRule
from steadyface.matching.scores import (
    DEFAULT_TEMPLATE_SCORE,
    TemplateScore,
    cosine,
    template_scores,
)
from steadyface.types import Candidate, Comparison, Embedding, FloatArray, Match, Templates


def compare(a: Embedding, b: Embedding, rule: DecisionRule) -> Comparison:
    """Decide whether two faces are one person.

    Raises:
        GalleryModelError: the embeddings come from different models.
    """
    if a.model_id != b.model_id:
        raise GalleryModelError(
            f"embeddings of {a.model_id!r} and {b.model_id!r} do not compare; "
            "embed both images with one model"
        )
    similarity = cosine(a.vector, b.vector)
    return Comparison(
        1 if similarity >= rule.threshold else 0,
        similarity,
        rule.threshold,
        rule.fmr,
        rule.calibration,
    )


def match(
    probe: Embedding,
    templates: Templates,
    rule: DecisionRule,
    *,
    top: int = 5,
    how: TemplateScore = DEFAULT_TEMPLATE_SCORE,
) -> Match:
    """Decide which known identity a probe is, or none.

    Args:
        probe: the probe's embedding.
        templates: the gallery's references.
        rule: the threshold and what it stands for.
        top: how many candidates to return.
        how: how several references of one identity are scored.

    Raises:
        GalleryModelError: probe and gallery come from different models.
        UsageError: `top` is below 1.
    """
    if probe.model_id != templates.model_id:
        raise GalleryModelError(
            f"the probe was embedded by {probe.model_id!r} and the gallery by "
            f"{templates.model_id!r}; use one model for both"
        )
    if not templates.names:
        if top < 1:
            raise UsageError(f"top is {top}: give 1 or more")
        return Match(0, None, None, rule.threshold, rule.fmr, rule.calibration)
    scores = template_scores(probe.vector[None, :], templates, how)[0]
    return decide(scores, templates.names, rule, top=top)


def decide(
    scores: FloatArray, names: tuple[str, ...], rule: DecisionRule, *, top: int = 5
) -> Match:
    """The decision from a probe's scores against every identity (N float32, N >= 1)."""
    if top < 1:
        raise UsageError(f"top is {top}: give 1 or more")
    order = np.argsort(-scores, kind="stable")[:top]
    candidates = tuple(Candidate(names[i], float(scores[i])) for i in order)
    best = candidates[0]
    known = best.similarity >= rule.threshold
    return Match(
        1 if known else 0,
        best.identity if known else None,
        best.similarity,
        rule.threshold,
        rule.fmr,
        rule.calibration,
        candidates,
    )
