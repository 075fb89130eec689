"""One connection to a gallery file: whose turn it is, transactions, erasing what was removed."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from steadyface.gallery.keys import key_changed
from steadyface.gallery.refusals import (
    closed,
    damaged,
    locked,
    model_unknown,
    other_model,
    read_only,
)
from steadyface.gallery.sealing import NOTE, Sealing
from steadyface.gallery.sqlite_connection import transaction
from steadyface.gallery.sqlite_errors import gallery_errors
from steadyface.gallery.sqlite_queries import SqliteReading
from steadyface.gallery.sqlite_tables import SqliteTables


class SqliteSession:
    """A connection that threads share, taking turns, and whose errors are the gallery's.

    Args:
        connection: to a file that holds a gallery of the newest version; becomes this object's.
        location: what messages call the gallery.
        model_id: the model whose embeddings it holds.
        writable: False where the gallery was opened for reading.
        timeout: seconds the connection waits for a lock, for messages.
        sealing: how its values are written; another process may change that.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        location: str,
        model_id: str,
        writable: bool,
        timeout: float,
        sealing: Sealing,
    ) -> None:
        self._connection: sqlite3.Connection | None = connection
        self._writable = writable
        self._timeout = timeout
        self._lock = threading.Lock()
        self.location = location
        self.model_id = model_id
        self.sealing = sealing

    @contextmanager
    def reading(self) -> Iterator[SqliteReading]:
        """Run the block on one state of the file."""
        with self._using() as connection, transaction(connection, "DEFERRED"):
            self._check_facts(connection, self.model_id)
            yield SqliteReading(connection, self.location, self.model_id, self.sealing)

    @contextmanager
    def writing(
        self, *, model_id: str | None = None, becomes: str | None = None
    ) -> Iterator[SqliteTables]:
        """Run the block as one change of the file; see `tables.Session.writing`."""
        if not self._writable:
            raise read_only(self.location)
        with self._using() as connection:
            with transaction(connection, "IMMEDIATE"):
                self._check_facts(connection, self.model_id if model_id is None else model_id)
                yield SqliteTables(connection, self.location, self.model_id, self.sealing)
            if becomes is not None:
                self.model_id = becomes

    @contextmanager
    def resealing(self, sealing: Sealing) -> Iterator[tuple[sqlite3.Connection, SqliteTables]]:
        """Run the block, which writes every value anew, as one change; see `sqlite_resealing`."""
        if not self._writable:
            raise read_only(self.location)
        with self._using() as connection:
            with transaction(connection, "IMMEDIATE"):
                self._check_facts(connection, self.model_id)
                yield connection, SqliteTables(connection, self.location, self.model_id, sealing)
            self.sealing = sealing

    def erase_removed(self) -> None:
        """Rebuild the file without the remains of what was removed, if any are left.

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
                raise locked(self.location, self._timeout)
            # Only this mark: another process may have removed somebody since.
            connection.execute("DELETE FROM meta WHERE key = 'erase' AND value = ?", pending)

    def close(self) -> None:
        """Close the file; the last writer to close it takes `-wal` and `-shm` beside it away."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock, gallery_errors(self.location, self._timeout):
            if self._connection is None:
                raise closed(self.location)
            try:
                yield self._connection
            except ValueError as error:  # from decoding what is stored
                raise damaged(self.location, str(error)) from error

    def _check_facts(self, connection: sqlite3.Connection, model_id: str) -> None:
        noted = dict(
            connection.execute(
                "SELECT key, value FROM meta WHERE key IN ('model_id', ?)", (NOTE,)
            ).fetchall()
        )
        if noted.get(NOTE) != self.sealing.note:
            raise key_changed(self.location)
        if "model_id" not in noted:
            raise model_unknown(self.location)
        if noted["model_id"] != model_id:
            raise other_model(self.location, model_id, noted["model_id"])
