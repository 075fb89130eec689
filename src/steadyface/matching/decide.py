"""Decisions: same person or not, which known identity or none."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steadyface.errors import GalleryModelError, UsageError
from steadyface.matching.calibration import DecisionRule, expected_fpir
from steadyface.matching.quality import unreliability
from steadyface.matching.scores import ReadyTemplates, cosine
from steadyface.types import Candidate, Comparison, Embedding, FloatArray, Match


def compare(
    a: Embedding,
    b: Embedding,
    rule: DecisionRule,
    *,
    located: bool = True,
    qualities: tuple[float | None, float | None] = (None, None),
) -> Comparison:
    """Decide whether two faces are one person.

    Args:
        a: one face's embedding.
        b: the other's.
        rule: the thresholds and what they stand for.
        located: False where the crop of one of them was assumed, not found.
        qualities: of both, 0..1; None where one is not known.

    Raises:
        GalleryModelError: the embeddings come from different models.
    """
    if a.model_id != b.model_id:
        raise GalleryModelError(
            f"embeddings of {a.model_id!r} and {b.model_id!r} do not compare; "
            "embed both images with one model"
        )
    similarity = cosine(a.vector, b.vector)
    unreliable = unreliability(qualities[0]), unreliability(qualities[1])
    threshold = rule.threshold_for(1, located=located, unreliable=unreliable)
    label: Literal[0, 1] = 1 if similarity >= threshold else 0
    found = rule.probabilities(similarity, 1, located=located, unreliable=unreliable)
    probability = None if found is None else float(found)
    return Comparison(label, similarity, threshold, rule.fmr, rule.calibration, probability)


def match(
    probe: Embedding,
    templates: ReadyTemplates,
    rule: DecisionRule,
    *,
    top: int = 5,
    located: bool = True,
    quality: float | None = None,
) -> Match:
    """Decide which known identity a probe is, or none.

    Args:
        probe: the probe's embedding.
        templates: the gallery's references, made ready.
        rule: the thresholds and what they stand for.
        top: how many candidates to return.
        located: False where the probe's crop was assumed, not found.
        quality: of the probe, 0..1; None where it is not known.

    Raises:
        GalleryModelError: probe and gallery come from different models.
        UsageError: `top` is below 1.
    """
    if probe.model_id != templates.model_id:
        raise GalleryModelError(
            f"the probe was embedded by {probe.model_id!r} and the gallery by "
            f"{templates.model_id!r}; use one model for both"
        )
    if top < 1:
        raise UsageError(f"top is {top}: give 1 or more")
    if not templates.names:
        threshold = rule.threshold_for(1, located=located)
        return Match(0, None, None, threshold, rule.fmr, rule.calibration)
    scores = templates.score(probe.vector[None, :])[0]
    return decide(
        scores,
        templates.names,
        templates.references,
        rule,
        top=top,
        located=located,
        unreliable=(unreliability(quality), templates.unreliable),
    )


def decide(
    scores: FloatArray,
    names: tuple[str, ...],
    references: NDArray[np.int64],
    rule: DecisionRule,
    *,
    top: int = 5,
    located: bool = True,
    unreliable: tuple[ArrayLike, ArrayLike] = (0.0, 0.0),
) -> Match:
    """The decision from a probe's scores against every identity.

    Templates of more references score higher, also against strangers, and have higher thresholds.
    So candidates are ranked by how far they are above their own threshold.

    Args:
        scores: N float32 cosines, N >= 1.
        names: N identities.
        references: N counts of references.
        rule: the thresholds and what they stand for.
        top: how many candidates to return.
        located: False where the probe's crop was assumed, not found.
        unreliable: of the probe, and N of the templates, see `matching.quality.unreliability`.
    """
    if top < 1:
        raise UsageError(f"top is {top}: give 1 or more")
    thresholds = rule.thresholds(references, located=located, unreliable=unreliable)
    order = np.argsort(thresholds - scores, kind="stable")[:top]
    # Of the few that are told, for a gallery may hold very many.
    probe, templates = unreliable[0], np.broadcast_to(unreliable[1], scores.shape)[order]
    chances = rule.probabilities(
        scores[order], references[order], located=located, unreliable=(probe, templates)
    )
    candidates = tuple(
        Candidate(
            names[i],
            float(scores[i]),
            float(thresholds[i]),
            None if chances is None else float(chances[rank]),
        )
        for rank, i in enumerate(order)
    )
    best = candidates[0]
    known = best.similarity >= best.threshold
    return Match(
        1 if known else 0,
        best.identity if known else None,
        best.similarity,
        best.threshold,
        rule.fmr,
        rule.calibration,
        candidates,
        None if rule.fmr is None else expected_fpir(rule.fmr, len(names)),
        best.probability,
    )
