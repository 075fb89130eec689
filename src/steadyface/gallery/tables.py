"""What the tables of a store can be asked and told, one transaction at a time.

The store says it in its own dialect; `changing` and `table_gallery` say what is done with it.
Moments are in UTC, metadata is JSON text, and a `ValueError` means that the storage is damaged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from steadyface.gallery.codec import EncodedReference
from steadyface.gallery.values import (
    AuditAction,
    AuditEntry,
    Changes,
    Counts,
    IdentitySummary,
    Mark,
    Stats,
    StoredReference,
)
from steadyface.types import Templates


@dataclass(frozen=True, slots=True)
class Change:
    """What the audit says of a change before it is known to whom it happens.

    Attributes:
        actor: who makes it.
        moment: when.
    """

    actor: str
    moment: datetime


@dataclass(frozen=True, slots=True)
class Affected:
    """One entry of a change in the audit; see `AuditEntry`."""

    action: AuditAction
    identity_id: int | None
    references: int


class Reading(Protocol):
    """The tables in a transaction that reads: one state of them throughout."""

    @property
    def location(self) -> str:
        """The gallery, for messages."""
        ...

    def identity_id(self, name: str) -> int | None:
        """The id of the identity of this name; None where there is none."""
        ...

    def identity_names(self) -> list[str]:
        """Every name, in any order."""
        ...

    def identity(self, owner: int) -> IdentitySummary:
        """The identity with this id; see `Gallery.identity`."""
        ...

    def identities(self, *, limit: int | None, offset: int) -> list[IdentitySummary]:
        """See `Gallery.identities`."""
        ...

    def references(self, owner: int) -> list[StoredReference]:
        """Those of the identity with this id; see `Gallery.references`."""
        ...

    def count(self) -> Counts:
        """See `Gallery.count`."""
        ...

    def stats(self) -> Stats:
        """See `Gallery.stats`."""
        ...

    def templates(self) -> Templates:
        """See `Gallery.templates`."""
        ...

    def changes(self, since: Mark, limit: int) -> Changes:
        """See `Gallery.changes`."""
        ...

    def revision(self) -> int:
        """See `Gallery.revision`."""
        ...

    def audit(self, *, limit: int | None, after: int) -> list[AuditEntry]:
        """See `Gallery.audit`."""
        ...

    def prunable(self, older_than: datetime) -> tuple[dict[int, int], list[int]]:
        """How many references `Gallery.prune` removes by identity, and which identities."""
        ...


class Tables(Reading, Protocol):
    """The tables in a transaction that writes, as nobody else does meanwhile."""

    def dimension(self) -> int:
        """The length of the gallery's vectors; 0 before the first enrolment."""
        ...

    def note_dimension(self, dimension: int, what: str) -> None:
        """Note the length of vectors, unless one is noted.

        Raises:
            GalleryError: the store cannot hold vectors of this length; names `what`.
        """
        ...

    def add_identities(self, names: Sequence[str], moment: datetime) -> dict[str, int]:
        """Make identities of those of these different names that have none, in order.

        Returns:
            The id of every one by its name.
        """
        ...

    def rename_identity(self, owner: int, name: str) -> None:
        """Give an identity a name that no other has."""
        ...

    def delete_identities(self, owners: Iterable[int]) -> None:
        """Delete identities with all their references."""
        ...

    def metadata(self, owners: Sequence[int]) -> dict[int, str]:
        """The metadata of these identities, by id."""
        ...

    def set_metadata(self, metadata: Mapping[int, str]) -> None:
        """Replace the metadata of identities, by id."""
        ...

    def count_references(self, owners: Sequence[int]) -> Mapping[int, int]:
        """How many references each of these identities has, by id."""
        ...

    def reference_owners(self, owner: int | None = None) -> dict[int, int]:
        """Whose each reference is, by its id; `owner` restricts them to one identity."""
        ...

    def holders(self, vectors: Sequence[bytes]) -> Mapping[bytes, Mapping[int, str]]:
        """Who has each of these different vectors: names by id; what nobody has may be absent."""
        ...

    def insert_references(
        self, references: Sequence[tuple[int, EncodedReference]], moment: datetime
    ) -> None:
        """Append references, each with the id of its identity."""
        ...

    def replace_references(
        self, owners: Mapping[int, int], references: Mapping[int, EncodedReference]
    ) -> None:
        """Give references, whose owners are given too, the embeddings of these."""
        ...

    def delete_references(self, owners: Mapping[int, int]) -> None:
        """Delete references by id and owner."""
        ...

    def delete_older_references(self, older_than: datetime) -> None:
        """Delete the references enrolled before a moment."""
        ...

    def become(self, model_id: str, dimension: int | None, what: str) -> None:
        """Note another model and the length of its vectors; None where there are none yet.

        Comes before `replace_references`, and raises as `note_dimension`.
        """
        ...

    def raise_revision(self, changes: int = 1) -> int:
        """Count so many changes more; return the new number."""
        ...

    def stamp(self, revisions: Mapping[int, int]) -> None:
        """Note at which revision identities were changed last, by id."""
        ...

    def stamp_all(self, revision: int) -> None:
        """Note that every identity was changed last at this revision."""
        ...

    def note_removed(self, revision: int, owners: Iterable[int]) -> None:
        """Note at which revision identities were deleted."""
        ...

    def enter(self, change: Change, affected: Sequence[Affected]) -> None:
        """Append to the audit."""
        ...

    def mark_for_erasure(self, *, only_metadata: bool = False) -> None:
        """Note that remains of what was removed are to be erased.

        If this process ends before it has erased, the next writer does it.
        """
        ...


class Session(Protocol):
    """Connections to the storage of one gallery, whose errors are the gallery's."""

    @property
    def location(self) -> str:
        """The gallery, for messages."""
        ...

    @property
    def model_id(self) -> str:
        """The model whose embeddings it holds."""
        ...

    def reading(self) -> AbstractContextManager[Reading]:
        """Run the block on one state of the gallery.

        Raises `GalleryModelError` when somebody has gone over to another model, as `writing` does.
        """
        ...

    def writing(
        self, *, model_id: str | None = None, becomes: str | None = None
    ) -> AbstractContextManager[Tables]:
        """Run the block as one change of the gallery: all of it or, on any exception, nothing.

        Args:
            model_id: the model whose embeddings the block stores; another thread may have gone
                over to another one since they were checked. None where it stores none.
            becomes: the model of the gallery from then on, where the block changes it.
        """
        ...

    def erase_removed(self) -> None:
        """Rebuild the storage without the remains of what was removed, if any are left."""
        ...

    def close(self) -> None:
        """Let go of the storage."""
        ...
