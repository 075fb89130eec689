"""What every store of a gallery does, whatever it is made of.

The words follow ISO/IEC 2382-37: an identity's references are its template, the templates of all
identities are the gallery. A store keeps and returns references; comparing a probe with them is
not its work (see `steadyface.matching`, which takes `Templates`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypeAlias

from steadyface.types import Embedding, Reference, Templates

#: `read`: look only; `write`: change a gallery that exists; `create`: as `write`, and make the
#: gallery where there is none.
GalleryMode: TypeAlias = Literal["read", "write", "create"]


@dataclass(frozen=True, slots=True)
class IdentitySummary:
    """One identity of a gallery.

    Attributes:
        name: its name.
        references: how many references it has, 0 or more.
        enrolled_at: when it was first enrolled, in UTC.
    """

    name: str
    references: int
    enrolled_at: datetime


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
    """

    id: int
    embedding: Embedding
    source: str
    metadata: Mapping[str, Any]
    quality: float | None
    enrolled_at: datetime


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
    """

    counts: Counts
    model_id: str
    schema_version: int
    size: int


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An offered reference whose embedding the gallery has under another identity as well.

    Attributes:
        source: of the offered reference.
        identity: the other one.
    """

    source: str
    identity: str


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


class Gallery(Protocol):
    """A store of identities and their references, all embedded by one model.

    Every change is atomic and durable: it is there as a whole once the call returns, also after
    the process is killed, and leaves nothing behind when the call raises. One object may be used
    from several threads, which take turns; several processes may have the same gallery open.

    Names of identities are compared in Unicode's composed form (NFC), so that a folder name from
    any operating system finds the same identity. They are case-sensitive.

    Every method raises `GalleryLockedError` when another process keeps the gallery longer than
    the timeout, `GalleryCorruptError` when the storage is damaged, and `GalleryError` when it
    fails otherwise or the gallery is closed. Methods that change the gallery raise `UsageError`
    when it was opened for reading.
    """

    @property
    def model_id(self) -> str:
        """The model that made every embedding in the gallery."""
        ...

    @property
    def location(self) -> str:
        """What messages call this gallery; never holds a password."""
        ...

    def enroll(self, identity: str, references: Sequence[Reference]) -> Enrolled:
        """Store references of an identity: all of them or, on any error, none.

        An identity that is in the gallery already keeps its references and gains those of these
        that are new to it. An embedding that it has already, number for number, is the same image
        once more, which would only draw its template towards it: it is left out and counted. That
        holds too when several processes enrol it at once.

        Args:
            identity: 1 to 255 characters, not blank, no control characters.
            references: one or more; each vector 1-D, finite, of Euclidean length 1 (within 1e-3),
                as long as those in the gallery.

        Raises:
            UsageError: a bad name, no references, or metadata that JSON cannot hold.
            GalleryModelError: an embedding of another model than the gallery's.
            GalleryError: a vector that is not as stated.
        """
        ...

    def remove(self, *identities: str) -> int:
        """Delete identities with all their references for good: all of them or, on error, none.

        What was stored does not stay behind in free space. Making sure of that takes time that
        grows with the gallery, not with what is removed: remove many in one call.

        Returns:
            How many references were deleted.

        Raises:
            UnknownIdentityError: the gallery lacks one of them; the message has the closest names.
            GalleryLockedError: another process is in the way; the message says whether the
                identities are removed, with their erasure from free space still to come.
        """
        ...

    def rename(self, old: str, new: str) -> None:
        """Give an identity another name; its references and its place in the order stay.

        Raises:
            UnknownIdentityError: the gallery has no identity `old`.
            GalleryError: it has another identity `new`.
            UsageError: `new` is a bad name, see `enroll`.
        """
        ...

    def identities(self, *, limit: int | None = None, offset: int = 0) -> list[IdentitySummary]:
        """The identities by name, in the order of their code points.

        Args:
            limit: return so many at most, 0 or more; None for all.
            offset: skip so many first, 0 or more.
        """
        ...

    def references(self, identity: str) -> list[StoredReference]:
        """The references of an identity in the order in which they were enrolled.

        Raises:
            UnknownIdentityError: the gallery has no such identity.
        """
        ...

    def count(self) -> Counts:
        """How many identities and references the gallery holds."""
        ...

    def stats(self) -> Stats:
        """How much the gallery holds and takes, and what made it."""
        ...

    def templates(self) -> Templates:
        """Every reference, as one matrix that cannot be written to; the order is stable.

        The state of the gallery at one moment, whatever other processes do meanwhile.
        """
        ...

    def close(self) -> None:
        """Let go of the storage. Closing twice is no error; any other call afterwards is one."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
