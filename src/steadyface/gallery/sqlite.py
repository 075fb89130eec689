"""A gallery in one SQLite file: the embedded default. No server, any number of processes at once.

Keep the file on a local disk: SQLite's write-ahead log needs memory shared between the processes.
"""

from __future__ import annotations

import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from types import TracebackType
from typing import Literal, Self

from steadyface.errors import GalleryError
from steadyface.gallery import codec
from steadyface.gallery import sqlite_queries as queries
from steadyface.gallery.contract import Counts, Enrolled, IdentitySummary, Stats, StoredReference
from steadyface.gallery.names import clean_name, unknown_identity
from steadyface.gallery.refusals import (
    check_page,
    closed,
    damaged,
    locked,
    name_taken,
    nobody_named,
    read_only,
)
from steadyface.gallery.sqlite_connection import transaction
from steadyface.gallery.sqlite_errors import gallery_errors
from steadyface.types import Reference, Templates


class SqliteGallery:
    """The contract of `Gallery` on one SQLite file; `open_sqlite` makes it.

    Args:
        connection: to a file that holds a gallery of the newest version; becomes this object's.
        location: what messages call the gallery.
        model_id: the model whose embeddings it holds.
        writable: False where the gallery was opened for reading.
        timeout: seconds the connection waits for a lock, for messages.
        clock: gives the time of enrolment.
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
    ) -> None:
        self._connection: sqlite3.Connection | None = connection
        self._location = location
        self._model_id = model_id
        self._writable = writable
        self._timeout = timeout
        self._clock = clock
        self._lock = threading.Lock()

    @property
    def model_id(self) -> str:
        """The model that made every embedding in the gallery."""
        return self._model_id

    @property
    def location(self) -> str:
        """The path of the file as it was given."""
        return self._location

    def enroll(self, identity: str, references: Sequence[Reference]) -> Enrolled:
        """Store references of an identity; see `Gallery.enroll`."""
        name = clean_name(identity)
        rows = codec.encode_references(
            references, model_id=self._model_id, location=self._location, identity=name
        )
        now = codec.encode_time(self._clock())
        with self._writing() as connection:
            what = f"{self._location}: a reference of {name!r}"
            queries.settle_dimension(connection, rows[0].dimension, what)
            connection.execute(
                "INSERT INTO identity (name, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
                (name, now),
            )
            owner = self._identity_id(connection, name)
            new, duplicates = queries.new_references(connection, owner, rows)
            queries.insert_references(connection, owner, new, model_id=self._model_id, moment=now)
            return Enrolled(
                added=len(new),
                held=len(rows) - len(new),
                references=queries.count_references(connection, owner),
                duplicates=duplicates,
            )

    def remove(self, *identities: str) -> int:
        """Delete identities for good; see `Gallery.remove`.

        Rebuilds the file (about 1 s for 100,000 references), since secure_delete alone leaves
        pieces of vectors behind: SQLite does not wipe what it moves from one page to another.
        """
        names = list(dict.fromkeys(clean_name(identity) for identity in identities))
        if not names:
            raise nobody_named(self._location)
        removed = 0
        with self._writing() as connection:
            for name in names:
                owner = self._identity_id(connection, name)
                removed += queries.count_references(connection, owner)
                connection.execute("DELETE FROM identity WHERE id = ?", (owner,))
            # If this process ends before it has erased, the next writer does it.
            connection.execute(
                "INSERT OR REPLACE INTO meta (key, value) VALUES ('erase', ?)", (uuid.uuid4().hex,)
            )
        try:
            self.erase_removed()
        except GalleryError as error:
            raise type(error)(
                f"{error}. {', '.join(map(repr, names))} is removed all the same, but pieces may "
                "still be in the file; the next opening for writing erases them"
            ) from error
        return removed

    def rename(self, old: str, new: str) -> None:
        """Give an identity another name; see `Gallery.rename`."""
        before, after = clean_name(old), clean_name(new)
        with self._writing() as connection:
            owner = self._identity_id(connection, before)
            taken = connection.execute(
                "SELECT 1 FROM identity WHERE name = ? AND id <> ?", (after, owner)
            ).fetchone()
            if taken:
                raise name_taken(self._location, before, after)
            connection.execute("UPDATE identity SET name = ? WHERE id = ?", (after, owner))

    def identities(self, *, limit: int | None = None, offset: int = 0) -> list[IdentitySummary]:
        """The identities by name; see `Gallery.identities`."""
        check_page(limit, offset)
        with self._reading() as connection:
            return queries.select_identities(connection, limit=limit, offset=offset)

    def references(self, identity: str) -> list[StoredReference]:
        """The references of an identity; see `Gallery.references`."""
        name = clean_name(identity)
        with self._reading() as connection:
            return queries.select_references(connection, self._identity_id(connection, name))

    def count(self) -> Counts:
        """How many identities and references the gallery holds."""
        with self._reading() as connection:
            return queries.count(connection)

    def stats(self) -> Stats:
        """How much the gallery holds and takes, and what made it; see `Gallery.stats`."""
        with self._reading() as connection:
            return queries.select_stats(connection, self._model_id)

    def templates(self) -> Templates:
        """Every reference as one matrix; see `Gallery.templates`."""
        with self._reading() as connection:
            return queries.select_templates(connection, self._model_id)

    def erase_removed(self) -> None:
        """Rebuild the file without the remains of removed identities, if any are left.

        `remove` and opening for writing do this by themselves.

        Raises:
            GalleryLockedError: another process was reading or writing all the while.
        """
        with self._using() as connection:
            pending = connection.execute("SELECT value FROM meta WHERE key = 'erase'").fetchone()
            if pending is None:
                return
            connection.execute("VACUUM")
            # The log still has the old pages; it is emptied once nobody reads an older state.
            (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                raise locked(self._location, self._timeout)
            # Only this mark: another process may have removed somebody since.
            connection.execute("DELETE FROM meta WHERE key = 'erase' AND value = ?", pending)

    def close(self) -> None:
        """Close the file; the last writer to close it takes `-wal` and `-shm` beside it away."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock, gallery_errors(self._location, self._timeout):
            if self._connection is None:
                raise closed(self._location)
            try:
                yield self._connection
            except ValueError as error:  # from decoding what is stored
                raise damaged(self._location, str(error)) from error

    @contextmanager
    def _transaction(self, kind: Literal["DEFERRED", "IMMEDIATE"]) -> Iterator[sqlite3.Connection]:
        with self._using() as connection, transaction(connection, kind):
            yield connection

    def _reading(self) -> AbstractContextManager[sqlite3.Connection]:
        return self._transaction("DEFERRED")

    def _writing(self) -> AbstractContextManager[sqlite3.Connection]:
        if not self._writable:
            raise read_only(self._location)
        return self._transaction("IMMEDIATE")

    def _identity_id(self, connection: sqlite3.Connection, name: str) -> int:
        row = connection.execute("SELECT id FROM identity WHERE name = ?", (name,)).fetchone()
        if row is None:
            names = [other for (other,) in connection.execute("SELECT name FROM identity")]
            raise unknown_identity(self._location, name, names)
        return int(row[0])
