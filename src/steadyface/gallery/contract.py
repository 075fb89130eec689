"""What every store of a gallery does, whatever it is made of.

The words follow ISO/IEC 2382-37: an identity's references are its template, the templates of all
identities are the gallery. A store keeps and returns references; comparing a probe with them is
not its work (see `steadyface.matching`, which takes `Templates`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypeAlias

from steadyface.gallery.values import (
    START,
    AuditEntry,
    Changes,
    Counts,
    Enrolled,
    IdentitySummary,
    Mark,
    NewPerson,
    Pruned,
    Replaced,
    Stats,
    StoredReference,
)
from steadyface.types import Reference, Templates

#: `read`: look only; `write`: change a gallery that exists; `create`: as `write`, and make the
#: gallery where there is none.
GalleryMode: TypeAlias = Literal["read", "write", "create"]


class Gallery(Protocol):
    """A store of identities and their references, all embedded by one model.

    Every change is atomic and durable: it is there as a whole once the call returns, also after
    the process is killed, and leaves nothing behind when the call raises. One object may be used
    from several threads, which take turns; several processes may have the same gallery open.

    Names of identities are compared in Unicode's composed form (NFC), so that a folder name from
    any operating system finds the same identity. They are case-sensitive.

    Every method raises `GalleryLockedError` when another process keeps the gallery longer than
    the timeout, `GalleryCorruptError` when the storage is damaged, `GalleryModelError` when
    another process has gone over to another model since it was opened here, `GalleryKeyError` when
    one has changed the key of an encrypted gallery since, and `GalleryError` when it fails
    otherwise or the gallery is closed. Methods that change the gallery raise `UsageError` when it
    was opened for reading.

    Every change raises the revision and is entered in the audit, together with the change itself;
    a call that changes nothing (all of it is held already, the name is the same) does neither.
    What is removed or replaced does not stay behind in free space. Making sure of that takes time
    that grows with the gallery, not with what is removed: remove many in one call. Where another
    process is in the way of it, methods that remove raise `GalleryLockedError`; the message says
    that the change is made, with the erasure from free space still to come.
    """

    @property
    def model_id(self) -> str:
        """The model that made every embedding in the gallery."""
        ...

    @property
    def location(self) -> str:
        """What messages call this gallery; never holds a password."""
        ...

    def enroll(
        self,
        identity: str,
        references: Sequence[Reference],
        *,
        metadata: Mapping[str, Any] | None = None,
    ) -> Enrolled:
        """Store references of an identity: all of them or, on any error, none.

        An identity that is in the gallery already keeps its references and gains those of these
        that are new to it. An embedding that it has already, number for number, is the same image
        once more, which would only draw its template towards it: it is left out and counted. That
        holds too when several processes enrol it at once.

        Args:
            identity: 1 to 255 characters, not blank, no control characters.
            references: one or more; each vector 1-D, finite, of Euclidean length 1 (within 1e-3),
                as long as those in the gallery.
            metadata: of the identity, anything JSON can hold: replaces what it has, as `describe`
                does; None leaves that as it is, and is {} for a new one.

        Raises:
            UsageError: a bad name, no references, or metadata that JSON cannot hold.
            GalleryModelError: an embedding of another model than the gallery's.
            GalleryError: a vector that is not as stated.
        """
        ...

    def enroll_many(self, people: Iterable[NewPerson], *, batch: int = 1000) -> list[Enrolled]:
        """Store references of many identities, so many of them by one change each time.

        The gallery and the answers are then as if `enroll` had been called for one after another,
        save that a batch has one time of enrolment, and is stored as a whole or not at all. What
        was stored before an error stays. An identity may come more than once.

        Args:
            people: whom to enrol; asked for no more than a batch ahead.
            batch: how many identities to store at once, 1 or more. More take less time each;
                others who change the gallery wait for as long as one batch takes.

        Returns:
            What `enroll` would, for each in order.

        Raises:
            The errors of `enroll`, which name the identity; of its batch nobody is stored. The
            message has how many were stored before.
            UsageError: `batch` is below 1.
        """
        ...

    def describe(self, identity: str, metadata: Mapping[str, Any]) -> None:
        """Replace the metadata of an identity, and nothing else of it.

        What it replaces is erased from free space by the next opening for writing at the latest:
        another process in the way is no error here.

        Raises:
            UnknownIdentityError: the gallery has no such identity.
            UsageError: JSON cannot hold the metadata.
        """
        ...

    def remove(self, *identities: str) -> int:
        """Delete identities with all their references for good: all of them or, on error, none.

        Returns:
            How many references were deleted.

        Raises:
            UnknownIdentityError: the gallery lacks one of them; the message has the closest names.
        """
        ...

    def remove_references(self, identity: str, ids: Collection[int]) -> int:
        """Delete references of an identity for good: all of them or, on error, none.

        The identity stays, also where it has no reference left.

        Args:
            identity: its name.
            ids: one or more of its references, see `StoredReference.id`.

        Returns:
            How many references were deleted.

        Raises:
            UnknownIdentityError: the gallery has no such identity.
            GalleryError: the identity has no reference with one of the ids; the message has them.
            UsageError: there are no ids.
        """
        ...

    def prune(self, older_than: datetime) -> Pruned:
        """Delete for good what is past its retention period: all of it or, on error, nothing.

        That is every reference enrolled before the moment, and every identity first enrolled before
        it that has no reference then, whether it lost the last one by this or earlier.

        Args:
            older_than: the moment, with its time zone.

        Raises:
            UsageError: the moment has no time zone.
        """
        ...

    def prunable(self, older_than: datetime) -> Pruned:
        """What `prune` would remove at present. Errors as there."""
        ...

    def replace_all(
        self,
        model_id: str,
        references: Mapping[int, Reference],
        *,
        revision: int | None = None,
    ) -> Replaced:
        """Go over to another model: exchange every embedding of the gallery, or, on error, none.

        References keep their ids, sources, metadata and times of enrolment; embedding, quality and
        calibration become those given. References that are not given are deleted for good, and
        their identities stay. Afterwards the gallery is one of the new model, here too.

        Args:
            model_id: the new model.
            references: by the id of the reference whose place they take; vectors as for `enroll`,
                all of one length. Their sources and metadata are not looked at.
            revision: of the gallery when the ids were read, see `revision`: what others have
                enrolled since is among what is not given, and would be lost. None does not look.

        Raises:
            GalleryLockedError: the gallery's revision is another.
            GalleryError: the gallery has no reference with one of the ids (the message has them),
                or a vector is not as stated.
            GalleryModelError: an embedding of another model than `model_id`.
            UsageError: the model's id is blank.
        """
        ...

    def rename(self, old: str, new: str) -> None:
        """Give an identity another name; its references and its place in the order stay.

        The old name is erased from free space as what `describe` replaces is.

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

    def identity(self, name: str) -> IdentitySummary:
        """One identity.

        Raises:
            UnknownIdentityError: the gallery has no such identity; the message has the closest
                names.
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

    def changes(self, since: Mark = START, *, limit: int = 4096) -> Changes:
        """Who was changed or removed after a mark, for an index that is kept in step.

        Asked from `START` on, each time with the mark of the page before, the pages end with the
        state of the gallery (`Changes.complete`), also where others go on changing it meanwhile:
        who is changed again comes again. A page is one state of the gallery, and a call that finds
        nothing newer takes next to no time. Metadata are left out: `describe` makes nobody newer,
        and `replace_all` everybody.

        Args:
            since: the mark of the page before.
            limit: tell of so many identities at most, 1 or more.
        """
        ...

    def revision(self) -> int:
        """A number, 0 or more, that every committed change raises, whichever process makes it.

        The same number means the same content: what was read at it need not be read again.
        """
        ...

    def audit(self, *, limit: int | None = None, after: int = 0) -> list[AuditEntry]:
        """The changes of the gallery, first to last; entries are never changed or deleted.

        A change of several identities has one entry each. `replace_all` has one for the gallery,
        and one (`remove-references`) for each identity that lost references by it.

        Args:
            limit: return so many at most, 0 or more; None for all.
            after: leave out the entries up to and with this id, 0 or more.
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
