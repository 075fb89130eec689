"""References that look like another identity's: one person under two names, or a wrong label."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from steadyface.errors import GalleryModelError
from steadyface.matching.calibration import (
    DecisionRule,
    fmr_for_fpir,
    has_calibration,
    load_calibration,
)
from steadyface.matching.quality import unreliability
from steadyface.matching.scores import ReadyTemplates, ready
from steadyface.types import Reference, Templates


@dataclass(frozen=True, slots=True)
class Lookalike:
    """A reference that matches the template of another identity.

    Attributes:
        source: the reference's image.
        identity: the other one.
        similarity: of the two, cosine, -1..1.
        threshold: the similarity from which it counts.
    """

    source: str
    identity: str
    similarity: float
    threshold: float


class LookalikeFinder:
    """Compares references with the templates of all identities but their own.

    Args:
        templates: everybody, those who are looked for among them or not.
        rule: the decision rule in use; see `screening_rule` for the one that decides.
    """

    def __init__(self, templates: Templates, rule: DecisionRule) -> None:
        self._templates: ReadyTemplates = ready(templates)
        self._columns = {name: column for column, name in enumerate(templates.names)}
        self._rule = screening_rule(rule, templates.model_id, len(templates.names) - 1)

    def find(self, identity: str, references: Sequence[Reference]) -> list[Lookalike | None]:
        """The identity that each reference looks like most, where it looks like another at all.

        Args:
            identity: whose references they are, as the gallery writes the name.
            references: what to compare.
        """
        known = self._templates
        if not references or not known.names:
            return [None] * len(references)
        scores = known.score(np.stack([reference.embedding.vector for reference in references]))
        probes = [np.nan if r.quality is None else r.quality for r in references]
        thresholds = self._rule.thresholds(
            known.references, unreliable=(unreliability(probes)[:, None], known.unreliable)
        )
        above = np.where(known.references > 0, scores - thresholds, -np.inf)
        if identity in self._columns:
            above[:, self._columns[identity]] = -np.inf
        return [
            Lookalike(
                reference.source,
                known.names[best],
                float(scores[row, best]),
                float(thresholds[row, best]),
            )
            if above[row, best] >= 0
            else None
            for row, (reference, best) in enumerate(
                zip(references, above.argmax(axis=1), strict=True)
            )
        ]


def screening_rule(rule: DecisionRule, model_id: str, identities: int) -> DecisionRule:
    """The rule at which an image looks like anybody of so many as rarely as the FMR says.

    Every reference is compared with everybody; at the FMR of one comparison, nearly each would look
    like someone in a large gallery. Below the lowest rate that the calibration supports, that rate
    decides. A rule that is not of the packaged calibration is taken as it is.

    Args:
        rule: the decision rule in use.
        model_id: the model of the embeddings.
        identities: how many others there are.
    """
    if rule.fmr is None or identities < 2 or not has_calibration(model_id):
        return rule
    calibration = load_calibration(model_id)
    if calibration.id != rule.calibration:
        return rule
    lowest, _ = calibration.rates
    return calibration.rule(max(lowest, fmr_for_fpir(rule.fmr, identities)), prior=rule.prior)


def with_offered(templates: Templates, offered: Iterable[tuple[str, Reference]]) -> Templates:
    """The templates as they would be with more references; what they hold already stays out.

    Args:
        templates: what there is.
        offered: names of identities, as the gallery writes them, each with a reference.

    Raises:
        GalleryModelError: a reference was embedded by another model.
    """
    columns = {name: column for column, name in enumerate(templates.names)}
    held = set(zip(templates.owners.tolist(), map(bytes, templates.vectors), strict=True))
    rows, owners, qualities = [], [], []
    for name, reference in offered:
        check_model(templates, reference)
        owner = columns.setdefault(name, len(columns))
        key = owner, embedding_key(reference)
        if key not in held:
            held.add(key)
            rows.append(reference.embedding.vector)
            owners.append(owner)
            qualities.append(np.nan if reference.quality is None else reference.quality)
    if not rows:
        return templates
    return _joined(templates, tuple(columns), np.stack(rows), np.array(owners), qualities)


def embedding_key(reference: Reference) -> bytes:
    """What two references share if, and only if, their embeddings are equal number for number."""
    return np.asarray(reference.embedding.vector, dtype=np.float32).tobytes()


def check_model(templates: Templates, reference: Reference) -> None:
    """Raise `GalleryModelError` where a reference was embedded by another model."""
    if reference.embedding.model_id != templates.model_id:
        raise GalleryModelError(
            f"{reference.source}: embedded by {reference.embedding.model_id!r}, and the gallery by "
            f"{templates.model_id!r}; use one model for both"
        )


def _joined(
    templates: Templates,
    names: tuple[str, ...],
    vectors: np.ndarray[tuple[int, int], np.dtype[np.float32]],
    owners: np.ndarray[tuple[int], np.dtype[np.int64]],
    qualities: Sequence[float],
) -> Templates:
    every = np.concatenate([templates.owners, owners])
    # An empty gallery's matrix has no columns.
    stacked = np.vstack([templates.vectors, vectors]) if len(templates.owners) else vectors
    order = np.argsort(every, kind="stable")
    return Templates(
        names,
        stacked[order].astype(np.float32, copy=False),
        every[order],
        templates.model_id,
        np.concatenate([templates.every_quality, np.asarray(qualities, dtype=np.float32)])[order],
    )
