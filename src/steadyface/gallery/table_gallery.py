"""A gallery on tables: checks what it is given, has it done in one transaction, erases."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from types import TracebackType
from typing import Any, ClassVar, Self

from steadyface.errors import GalleryError, GalleryLockedError, SteadyfaceError, UsageError
from steadyface.gallery import changing, codec, enrolling
from steadyface.gallery.names import clean_name
from steadyface.gallery.refusals import (
    NotTheOwnerError,
    check_limit,
    check_page,
    no_references_named,
    nobody_named,
)
from steadyface.gallery.tables import Change, Session
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


class TableGallery:
    """The contract of `Gallery` for every store that has tables.

    Args:
        session: connections to a gallery of the newest version; becomes this object's.
        clock: gives the time of a change.
        actor: who makes changes, for the audit.
    """

    #: What may still hold pieces of the removed, for messages.
    _remains: ClassVar[str]

    def __init__(self, session: Session, *, clock: Callable[[], datetime], actor: str) -> None:
        self._session = session
        self._location = session.location
        self._clock = clock
        self._actor = actor

    @property
    def model_id(self) -> str:
        """The model that made every embedding in the gallery."""
        return self._session.model_id

    @property
    def location(self) -> str:
        """What messages call the gallery; see `Gallery.location`."""
        return self._location

    def enroll(
        self,
        identity: str,
        references: Sequence[Reference],
        *,
        metadata: Mapping[str, Any] | None = None,
    ) -> Enrolled:
        """Store references of an identity; see `Gallery.enroll`."""
        (done,) = self._enroll([NewPerson(identity, references, metadata)])
        if metadata is not None:
            self.erase_if_free()
        return done

    def enroll_many(self, people: Iterable[NewPerson], *, batch: int = 1000) -> list[Enrolled]:
        """Store references of many identities; see `Gallery.enroll_many`."""
        check_limit(batch, "batch")
        offers, done, described = iter(people), list[Enrolled](), False
        try:
            while some := list(islice(offers, batch)):
                described = described or any(one.metadata is not None for one in some)
                try:
                    done += self._enroll(some)
                except SteadyfaceError as error:
                    if not done:
                        raise
                    raise type(error)(f"{error}; the first {len(done)} are stored") from error
        finally:
            if described:  # once, not for each batch: it takes as long as the gallery is large
                self.erase_if_free()
        return done

    def _enroll(self, people: Sequence[NewPerson]) -> list[Enrolled]:
        model_id = self.model_id
        offers = [self._offer(person, model_id) for person in people]
        change = self._change()
        with self._session.writing(model_id=model_id) as tables:
            return enrolling.enroll(tables, change, offers)

    def _offer(self, person: NewPerson, model_id: str) -> enrolling.Offer:
        name = clean_name(person.identity)
        references = codec.encode_references(
            person.references, model_id=model_id, location=self._location, identity=name
        )
        described = person.metadata
        return enrolling.Offer(
            name, references, None if described is None else self._encode_metadata(name, described)
        )

    def describe(self, identity: str, metadata: Mapping[str, Any]) -> None:
        """Replace the metadata of an identity; see `Gallery.describe`."""
        name = clean_name(identity)
        text, change = self._encode_metadata(name, metadata), self._change()
        with self._session.writing() as tables:
            changing.describe(tables, change, name, text)
        self.erase_if_free()

    def remove(self, *identities: str) -> int:
        """Delete identities for good; see `Gallery.remove`."""
        names = list(dict.fromkeys(clean_name(identity) for identity in identities))
        if not names:
            raise nobody_named(self._location)
        change = self._change()
        with self._session.writing() as tables:
            removed = changing.remove(tables, change, names)
        self._erase(f"{', '.join(map(repr, names))} is removed")
        return removed

    def remove_references(self, identity: str, ids: Collection[int]) -> int:
        """Delete references of an identity for good; see `Gallery.remove_references`."""
        name = clean_name(identity)
        if not len(ids):  # an array of them has no truth of its own
            raise no_references_named(self._location, name)
        change = self._change()
        with self._session.writing() as tables:
            removed = changing.remove_references(tables, change, name, ids)
        self._erase(f"What was named of {name!r} is removed")
        return removed

    def prune(self, older_than: datetime) -> Pruned:
        """Delete for good what is past its retention period; see `Gallery.prune`."""
        moment, change = self._older_than(older_than), self._change()
        with self._session.writing() as tables:
            pruned = changing.prune(tables, change, moment)
        if pruned.references or pruned.identities:
            self._erase(f"What is older than {older_than} is removed")
        return pruned

    def prunable(self, older_than: datetime) -> Pruned:
        """What `prune` would remove; see `Gallery.prunable`."""
        moment = self._older_than(older_than)
        with self._session.reading() as tables:
            references, identities = tables.prunable(moment)
        return Pruned(references=sum(references.values()), identities=len(identities))

    def rename(self, old: str, new: str) -> None:
        """Give an identity another name; see `Gallery.rename`."""
        before, after = clean_name(old), clean_name(new)
        change = self._change()
        with self._session.writing() as tables:
            changing.rename(tables, change, before, after)
        self.erase_if_free()

    def replace_all(
        self,
        model_id: str,
        references: Mapping[int, Reference],
        *,
        revision: int | None = None,
    ) -> Replaced:
        """Go over to another model; see `Gallery.replace_all`."""
        if not model_id.strip():
            raise UsageError(f"model_id is {model_id!r}; give the id of the new model")
        rows = codec.encode_replacements(references, model_id=model_id, location=self._location)
        change = self._change()
        with self._session.writing(becomes=model_id) as tables:
            done = changing.replace_all(tables, change, model_id, rows, revision)
        self._erase(f"The gallery has gone over to {model_id!r}")
        return done

    def identities(self, *, limit: int | None = None, offset: int = 0) -> list[IdentitySummary]:
        """The identities by name; see `Gallery.identities`."""
        check_page(limit=limit, offset=offset)
        with self._session.reading() as tables:
            return tables.identities(limit=limit, offset=offset)

    def identity(self, name: str) -> IdentitySummary:
        """One identity; see `Gallery.identity`."""
        cleaned = clean_name(name)
        with self._session.reading() as tables:
            return tables.identity(changing.find_identity(tables, cleaned))

    def references(self, identity: str) -> list[StoredReference]:
        """The references of an identity; see `Gallery.references`."""
        name = clean_name(identity)
        with self._session.reading() as tables:
            return tables.references(changing.find_identity(tables, name))

    def count(self) -> Counts:
        """How many identities and references the gallery holds."""
        with self._session.reading() as tables:
            return tables.count()

    def stats(self) -> Stats:
        """How much the gallery holds and takes, and what made it; see `Gallery.stats`."""
        with self._session.reading() as tables:
            return tables.stats()

    def templates(self) -> Templates:
        """Every reference as one matrix; see `Gallery.templates`."""
        with self._session.reading() as tables:
            return tables.templates()

    def changes(self, since: Mark = START, *, limit: int = 4096) -> Changes:
        """Who was changed after a mark, a page at a time; see `Gallery.changes`."""
        check_page(revision=since.revision, identity=since.identity)
        check_limit(limit)
        with self._session.reading() as tables:
            return tables.changes(since, limit)

    def revision(self) -> int:
        """A number that every change raises; see `Gallery.revision`."""
        with self._session.reading() as tables:
            return tables.revision()

    def audit(self, *, limit: int | None = None, after: int = 0) -> list[AuditEntry]:
        """The changes of the gallery, first to last; see `Gallery.audit`."""
        check_page(limit=limit, after=after)
        with self._session.reading() as tables:
            return tables.audit(limit=limit, after=after)

    def erase_removed(self) -> None:
        """Rebuild the storage without the remains of what was removed, if any are left.

        Methods that remove, and opening for writing, do this by themselves.

        Raises:
            GalleryLockedError: another process was reading or writing all the while.
            GalleryError: this user may not rebuild the storage.
        """
        self._session.erase_removed()

    def erase_if_free(self) -> None:
        """Do `erase_removed`, unless another process is in the way or this user may not.

        For where nobody asked for a deletion: the mark stays for next time.
        """
        with suppress(GalleryLockedError, NotTheOwnerError):
            self.erase_removed()

    def erase_remains(self) -> None:
        """Do `erase_if_free` as part of opening: where it fails, the gallery is not open."""
        try:
            self.erase_if_free()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the storage; see `Gallery.close`."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _change(self) -> Change:
        return Change(self._actor, self._clock())

    def _encode_metadata(self, name: str, metadata: Mapping[str, Any]) -> str:
        return codec.encode_metadata(metadata, f"{self._location}: {name!r}")

    def _older_than(self, moment: datetime) -> datetime:
        return codec.check_moment(moment, f"{self._location}: older_than")

    def _erase(self, done: str) -> None:
        try:
            self.erase_removed()
        except GalleryError as error:
            raise type(error)(
                f"{error}. {done} all the same, but pieces may still be in {self._remains}; the "
                "next opening for writing erases them"
            ) from error
