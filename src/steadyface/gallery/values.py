"""The frozen values with which a gallery answers, whatever store is behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from steadyface.types import Embedding, Reference, Templates

#: What changes a gallery, as its audit calls it.
AuditAction: TypeAlias = Literal[
    "enroll", "remove", "remove-references", "rename", "describe", "prune", "re-embed", "rotate-key"
]


@dataclass(frozen=True, slots=True)
class IdentitySummary:
    """One identity of a gallery.

    Attributes:
        name: its name.
        references: how many references it has, 0 or more.
        enrolled_at: when it was first enrolled, in UTC.
        id: its number in this gallery, which no other identity ever gets; the audit goes by it.
        metadata: anything JSON can hold, as given last, after a round trip through JSON.
    """

    name: str
    references: int
    enrolled_at: datetime
    id: int
    metadata: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True, eq=False)
class StoredReference:
    """One reference as the gallery keeps it.

    Attributes:
        id: its number in this gallery, which no other reference ever gets; later ones are higher.
        embedding: its embedding: D float32 of Euclidean length 1, and the model that made it.
        source: where the image came from, as given at enrolment.
        metadata: as given at enrolment, after a round trip through JSON.
        quality: of the reference, 0..1; None where it was not measured.
        enrolled_at: when it was enrolled, in UTC.
        calibration: id of the calibration data in force then; None where none was named.
    """

    id: int
    embedding: Embedding
    source: str
    metadata: Mapping[str, Any]
    quality: float | None
    enrolled_at: datetime
    calibration: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a gallery holds.

    Attributes:
        identities: number of identities.
        references: number of references of all identities together.
    """

    identities: int
    references: int


@dataclass(frozen=True, slots=True)
class Stats:
    """A gallery as a whole, at one moment.

    Attributes:
        counts: how much it holds.
        model_id: the model that made every embedding in it.
        schema_version: of its tables, 1 or more; an old gallery that was opened for reading keeps
            its own.
        size: bytes of storage, without what waits in a log.
        encrypted: by steadyface, so that a key is needed to read it.
    """

    counts: Counts
    model_id: str
    schema_version: int
    size: int
    encrypted: bool = False


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An offered reference whose embedding the gallery has under another identity as well.

    Attributes:
        source: of the offered reference.
        identity: the other one.
    """

    source: str
    identity: str


@dataclass(frozen=True, slots=True, eq=False)
class NewPerson:
    """What is offered for one identity, see `Gallery.enroll`.

    Attributes:
        identity: its name.
        references: one or more.
        metadata: of the identity; None leaves what it has.
    """

    identity: str
    references: Sequence[Reference]
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What became of the references that were offered for an identity.

    Attributes:
        added: how many were stored.
        held: how many were not, because the identity has the same embedding already, or because
            it came twice. `added` and `held` together are all that were offered.
        references: how many the identity has now.
        duplicates: those that are under other identities too, in the order in which they were
            offered, then by identity. They are enrolled all the same: which name is right is for
            people to say.
    """

    added: int
    held: int
    references: int
    duplicates: tuple[Duplicate, ...] = ()


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a retention period removes.

    Attributes:
        references: how many references.
        identities: how many identities, for they are left without any reference.
    """

    references: int
    identities: int


@dataclass(frozen=True, slots=True)
class Replaced:
    """What became of the references of a gallery that was re-embedded.

    Attributes:
        replaced: how many have a new embedding.
        removed: how many were removed, for there was none for them.
    """

    replaced: int
    removed: int


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change of a gallery: who did what to whom and when. Holds no name, image or vector.

    Attributes:
        id: its number, 1 or more; later entries have higher ones.
        moment: when, in UTC.
        actor: who, as given to `open_gallery`.
        action: what was done.
        identity_id: to which identity, see `IdentitySummary.id`; None for the whole gallery.
        references: how many references were stored, removed or replaced by it.
    """

    id: int
    moment: datetime
    actor: str
    action: AuditAction
    identity_id: int | None
    references: int


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """How far `Gallery.changes` has been read; what is after it is newer.

    Attributes:
        revision: of the last change that was read, see `Gallery.revision`.
        identity: whom of those it changed; they are in the order of their ids.
    """

    revision: int
    identity: int


#: Every identity is newer: ids begin at 1.
START = Mark(0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """One page of what became of a gallery's identities, in the order of their last change.

    Attributes:
        mark: where the page ends; ask with it for the next.
        ids: N int64, see `IdentitySummary.id`.
        templates: of these identities, `names` aligned with `ids`: all their references, of some
            maybe none. They take the place of what was known of them.
        removed: ids of identities that are no more, of which nothing may have been known.
        complete: that nothing newer was left at the moment of the call.
    """

    mark: Mark
    ids: NDArray[np.int64]
    templates: Templates
    removed: tuple[int, ...]
    complete: bool
