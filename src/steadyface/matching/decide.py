"""Decisions: same person or not, which known identity or none."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steadyface.errors import GalleryModelError, UsageError
from steadyface.matching.calibration import DecisionRule, expected_fpir
from steadyface.matching.quality import unreliability
from steadyface.matching.scores import UNIT_ROUNDOFF, ReadyTemplates, cosine, score_error
from steadyface.types import Candidate, Comparison, Embedding, FloatArray, Match

#: How many margins share a maximum in `leaders`.
_GROUP = 128


class Names(Protocol):
    """Identities by position, as in a tuple."""

    def __len__(self) -> int: ...

    def __getitem__(self, position: int, /) -> str: ...


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
    check_search(probe, templates.model_id, top)
    if not templates.names:
        return match_with_nobody(rule, located=located)
    unreliable = unreliability(quality)
    scores = templates.score(probe.vector[None, :])[0]
    thresholds = rule.thresholds(
        templates.references, located=located, unreliable=(unreliable, templates.unreliable)
    )
    slack = margin_slack(rule, len(probe.vector))
    few = templates.only(leaders(scores - thresholds, top, slack))
    return decide(
        few.exact_score(probe.vector),
        few.names,
        few.references,
        rule,
        top=top,
        located=located,
        unreliable=(unreliable, few.unreliable),
        identities=len(templates.names),
    )


def check_search(probe: Embedding, model_id: str, top: int) -> None:
    """Check what a search was asked for.

    Raises:
        GalleryModelError: probe and gallery come from different models.
        UsageError: `top` is below 1.
    """
    if probe.model_id != model_id:
        raise GalleryModelError(
            f"the probe was embedded by {probe.model_id!r} and the gallery by "
            f"{model_id!r}; use one model for both"
        )
    if top < 1:
        raise UsageError(f"top is {top}: give 1 or more")


def match_with_nobody(rule: DecisionRule, *, located: bool = True) -> Match:
    """The decision against an empty gallery."""
    threshold = rule.threshold_for(1, located=located)
    return Match(0, None, None, threshold, rule.fmr, rule.calibration)


def margin_slack(rule: DecisionRule, dimension: int) -> float:
    """How far below the `top`-th best a float32 margin can be and still belong among the best.

    Twice the error of one margin, score - threshold: that of the score, and some roundings of the
    threshold and of the difference.
    """
    known = (rule.threshold, *rule.by_references, *rule.assumed)
    largest = 2 + max(abs(threshold) for threshold in known) + abs(rule.pull)
    return 2 * (score_error(dimension) + 8 * UNIT_ROUNDOFF * largest)


def leaders(margins: NDArray[np.floating[Any]], top: int, slack: float) -> NDArray[np.int64]:
    """Every position that may be among the `top` highest.

    Args:
        margins: N, in any order.
        top: 1 or more.
        slack: how far below the `top`-th highest a position still counts.

    Returns:
        `top` positions or more (all, where there are fewer), rising.
    """
    groups = len(margins) // _GROUP
    if groups <= 2 * top:
        if len(margins) <= top:
            return np.arange(len(margins), dtype=np.int64)
        return np.flatnonzero(_not_below(margins, _cut(margins, top, slack)))
    # The top-th highest of the groups' maxima is not above that of all, and much sooner found.
    whole, rest = margins[: groups * _GROUP], margins[groups * _GROUP :]
    table = whole.reshape(_GROUP, groups)
    heads = table.max(axis=0)
    cut = _cut(heads, top, slack)
    near = np.flatnonzero(_not_below(heads, cut))
    rows, columns = np.divmod(np.flatnonzero(_not_below(table[:, near], cut)), len(near))
    tail = np.flatnonzero(_not_below(rest, cut)) + len(whole)
    found = np.concatenate([rows * groups + near[columns], tail])
    best = margins[found]
    return found[_not_below(best, _cut(best, top, slack))]


def _cut(margins: NDArray[np.floating[Any]], top: int, slack: float) -> float:
    return float(np.partition(margins, -top)[-top]) - slack


def _not_below(margins: NDArray[np.floating[Any]], cut: float) -> NDArray[np.bool_]:
    # Not `>=`: a probe that is not a number is to lose nobody.
    return ~(margins < cut)


def decide(
    scores: FloatArray,
    names: Names,
    references: NDArray[np.int64],
    rule: DecisionRule,
    *,
    top: int = 5,
    located: bool = True,
    unreliable: tuple[ArrayLike, ArrayLike] = (0.0, 0.0),
    identities: int | None = None,
) -> Match:
    """The decision from a probe's scores against every identity.

    Templates of more references score higher, also against strangers, and have higher thresholds.
    So candidates are ranked by how far they are above their own threshold.

    Args:
        scores: N float32 cosines, N >= 1.
        names: N identities; only those of the candidates are asked for.
        references: N counts of references.
        rule: the thresholds and what they stand for.
        top: how many candidates to return.
        located: False where the probe's crop was assumed, not found.
        unreliable: of the probe, and N of the templates, see `matching.quality.unreliability`.
        identities: how many were searched, where N are only the best of them; None for N.
    """
    if top < 1:
        raise UsageError(f"top is {top}: give 1 or more")
    thresholds = rule.thresholds(references, located=located, unreliable=unreliable)
    order = np.argsort(thresholds - scores, kind="stable")[:top]
    # Of the few that are told, for a gallery may hold very many.
    probe, templates = unreliable[0], np.asarray(unreliable[1])
    if templates.ndim:
        templates = templates[order]
    counts = np.maximum(references[order], 1)  # As for thresholds: none counts as one.
    chances = rule.probabilities(
        scores[order], counts, located=located, unreliable=(probe, templates)
    )
    told = range(len(order)) if chances is None else chances.tolist()
    candidates = tuple(
        Candidate(names[i], similarity, threshold, None if chances is None else chance)
        for i, similarity, threshold, chance in zip(
            order.tolist(), scores[order].tolist(), thresholds[order].tolist(), told, strict=True
        )
    )
    best = candidates[0]
    known = best.similarity >= best.threshold and references[order[0]] > 0
    searched = len(names) if identities is None else identities
    return Match(
        1 if known else 0,
        best.identity if known else None,
        best.similarity,
        best.threshold,
        rule.fmr,
        rule.calibration,
        candidates,
        None if rule.fmr is None else expected_fpir(rule.fmr, searched),
        best.probability,
    )
