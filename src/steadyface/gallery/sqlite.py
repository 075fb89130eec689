"""A gallery in one SQLite file: the embedded default. No server, any number of processes at once.

Keep the file on a local disk: SQLite's write-ahead log needs memory shared between the processes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from steadyface.errors import GalleryError, GalleryLockedError, UsageError
from steadyface.gallery import codec
from steadyface.gallery import sqlite_changes as changes
from steadyface.gallery import sqlite_queries as queries
from steadyface.gallery.names import UNKNOWN_ACTOR, clean_name
from steadyface.gallery.refusals import check_page, nobody_named
from steadyface.gallery.sqlite_session import Session
from steadyface.gallery.values import (
    AuditEntry,
    Counts,
    Enrolled,
    IdentitySummary,
    Pruned,
    Replaced,
    Stats,
    StoredReference,
)
from steadyface.types import Reference, Templates


class SqliteGallery:
    """The contract of `Gallery` on one SQLite file; `open_sqlite` makes it.

    Removing rebuilds the file (about 1 s for 100,000 references), since secure_delete alone leaves
    pieces of vectors behind: SQLite does not wipe what it moves from one page to another.

    Args:
        connection: to a file that holds a gallery of the newest version; becomes this object's.
        location: what messages call the gallery.
        model_id: the model whose embeddings it holds.
        writable: False where the gallery was opened for reading.
        timeout: seconds the connection waits for a lock, for messages.
        clock: gives the time of a change.
        actor: who makes changes, for the audit.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        location: str,
        model_id: str,
        writable: bool,
        timeout: float,
        clock: Callable[[], datetime] = codec.utc_now,
        actor: str = UNKNOWN_ACTOR,
    ) -> None:
        self._session = Session(
            connection, location=location, model_id=model_id, writable=writable, timeout=timeout
        )
        self._location = location
        self._clock = clock
        self._actor = actor

    @property
    def model_id(self) -> str:
        """The model that made every embedding in the gallery."""
        return self._session.model_id

    @property
    def location(self) -> str:
        """The path of the file as it was given."""
        return self._location

    def enroll(
        self,
        identity: str,
        references: Sequence[Reference],
        *,
        metadata: Mapping[str, Any] | None = None,
    ) -> Enrolled:
        """Store references of an identity; see `Gallery.enroll`."""
        name, model_id = clean_name(identity), self.model_id
        rows = codec.encode_references(
            references, model_id=model_id, location=self._location, identity=name
        )
        described = None if metadata is None else self._encode_metadata(name, metadata)
        change = self._change()
        with self._session.writing(model_id=model_id) as connection:
            done = changes.enroll(
                connection, change, name, rows, metadata=described, model_id=model_id
            )
        if described is not None:
            self._erase_if_free()
        return done

    def describe(self, identity: str, metadata: Mapping[str, Any]) -> None:
        """Replace the metadata of an identity; see `Gallery.describe`."""
        name = clean_name(identity)
        text, change = self._encode_metadata(name, metadata), self._change()
        with self._session.writing() as connection:
            changes.describe(connection, change, name, text)
        self._erase_if_free()

    def remove(self, *identities: str) -> int:
        """Delete identities for good; see `Gallery.remove`."""
        names = list(dict.fromkeys(clean_name(identity) for identity in identities))
        if not names:
            raise nobody_named(self._location)
        change = self._change()
        with self._session.writing() as connection:
            removed = changes.remove(connection, change, names)
        self._erase(f"{', '.join(map(repr, names))} is removed")
        return removed

    def remove_references(self, identity: str, ids: Collection[int]) -> int:
        """Delete references of an identity for good; see `Gallery.remove_references`."""
        name = clean_name(identity)
        if not ids:
            raise UsageError(
                f"{self._location}: no references of {name!r} to remove were named; give at least "
                "one id"
            )
        change = self._change()
        with self._session.writing() as connection:
            removed = changes.remove_references(connection, change, name, ids)
        self._erase(f"What was named of {name!r} is removed")
        return removed

    def prune(self, older_than: datetime) -> Pruned:
        """Delete for good what is past its retention period; see `Gallery.prune`."""
        moment, change = self._older_than(older_than), self._change()
        with self._session.writing() as connection:
            pruned = changes.prune(connection, change, moment)
        if pruned.references or pruned.identities:
            self._erase(f"What is older than {older_than} is removed")
        return pruned

    def prunable(self, older_than: datetime) -> Pruned:
        """What `prune` would remove; see `Gallery.prunable`."""
        moment = self._older_than(older_than)
        with self._session.reading() as connection:
            references, identities = queries.select_prunable(connection, moment)
        return Pruned(references=sum(references.values()), identities=len(identities))

    def rename(self, old: str, new: str) -> None:
        """Give an identity another name; see `Gallery.rename`."""
        before, after = clean_name(old), clean_name(new)
        change = self._change()
        with self._session.writing() as connection:
            changes.rename(connection, change, before, after)

    def replace_all(self, model_id: str, references: Mapping[int, Reference]) -> Replaced:
        """Go over to another model; see `Gallery.replace_all`."""
        if not model_id.strip():
            raise UsageError(f"model_id is {model_id!r}; give the id of the new model")
        rows = codec.encode_replacements(references, model_id=model_id, location=self._location)
        change = self._change()
        with self._session.writing(becomes=model_id) as connection:
            done = changes.replace_all(connection, change, model_id, rows)
        self._erase(f"The gallery has gone over to {model_id!r}")
        return done

    def identities(self, *, limit: int | None = None, offset: int = 0) -> list[IdentitySummary]:
        """The identities by name; see `Gallery.identities`."""
        check_page(limit=limit, offset=offset)
        with self._session.reading() as connection:
            return queries.select_identities(connection, limit=limit, offset=offset)

    def identity(self, name: str) -> IdentitySummary:
        """One identity; see `Gallery.identity`."""
        cleaned = clean_name(name)
        with self._session.reading() as connection:
            owner = queries.find_identity(connection, self._location, cleaned)
            return queries.select_identity(connection, owner)

    def references(self, identity: str) -> list[StoredReference]:
        """The references of an identity; see `Gallery.references`."""
        name = clean_name(identity)
        with self._session.reading() as connection:
            owner = queries.find_identity(connection, self._location, name)
            return queries.select_references(connection, owner)

    def count(self) -> Counts:
        """How many identities and references the gallery holds."""
        with self._session.reading() as connection:
            return queries.count(connection)

    def stats(self) -> Stats:
        """How much the gallery holds and takes, and what made it; see `Gallery.stats`."""
        with self._session.reading() as connection:
            return queries.select_stats(connection, self.model_id)

    def templates(self) -> Templates:
        """Every reference as one matrix; see `Gallery.templates`."""
        with self._session.reading() as connection:
            return queries.select_templates(connection, self.model_id)

    def revision(self) -> int:
        """A number that every change raises; see `Gallery.revision`."""
        with self._session.reading() as connection:
            return queries.read_revision(connection)

    def audit(self, *, limit: int | None = None, after: int = 0) -> list[AuditEntry]:
        """The changes of the gallery, first to last; see `Gallery.audit`."""
        check_page(limit=limit, after=after)
        with self._session.reading() as connection:
            return queries.select_audit(connection, limit=limit, after=after)

    def erase_removed(self) -> None:
        """Rebuild the file without the remains of what was removed, if any are left.

        Methods that remove, and opening for writing, do this by themselves.

        Raises:
            GalleryLockedError: another process was reading or writing all the while.
        """
        self._session.erase_removed()

    def close(self) -> None:
        """Close the file; the last writer to close it takes `-wal` and `-shm` beside it away."""
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

    def _change(self) -> changes.Change:
        return changes.Change(self._location, self._actor, codec.encode_time(self._clock()))

    def _encode_metadata(self, name: str, metadata: Mapping[str, Any]) -> str:
        return codec.encode_metadata(metadata, f"{self._location}: {name!r}")

    def _older_than(self, moment: datetime) -> str:
        return codec.encode_moment(moment, f"{self._location}: older_than")

    def _erase(self, done: str) -> None:
        try:
            self.erase_removed()
        except GalleryError as error:
            raise type(error)(
                f"{error}. {done} all the same, but pieces may still be in the file; the next "
                "opening for writing erases them"
            ) from error

    def _erase_if_free(self) -> None:
        # Nobody asked for a deletion: the mark stays for next time.
        with suppress(GalleryLockedError):
            self.erase_removed()
