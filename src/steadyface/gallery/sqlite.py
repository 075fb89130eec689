"""A gallery in one SQLite file: the embedded default. No server, any number of processes at once.

Keep the file on a local disk: SQLite's write-ahead log needs memory shared between the processes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime

from steadyface.errors import UsageError
from steadyface.gallery import codec
from steadyface.gallery.keys import check_key, sealing_class
from steadyface.gallery.names import UNKNOWN_ACTOR
from steadyface.gallery.sealing import PLAIN, Sealing
from steadyface.gallery.sqlite_resealing import reseal
from steadyface.gallery.sqlite_session import SqliteSession
from steadyface.gallery.table_gallery import TableGallery
from steadyface.gallery.tables import Affected


class SqliteGallery(TableGallery):
    """The contract of `Gallery` on one SQLite file; `open_sqlite` makes it.

    Removing rebuilds the file (about 1 s for 100,000 references), since secure_delete alone leaves
    pieces of vectors behind: SQLite does not wipe what it moves from one page to another.

    Args:
        connection: to a file that holds a gallery of the newest version; becomes this object's.
        location: the path of the file as it was given.
        model_id: the model whose embeddings it holds.
        writable: False where the gallery was opened for reading.
        timeout: seconds the connection waits for a lock, for messages.
        clock: gives the time of a change.
        actor: who makes changes, for the audit.
        sealing: how its values are written.
    """

    _remains = "the file"

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
        sealing: Sealing = PLAIN,
    ) -> None:
        session = SqliteSession(
            connection,
            location=location,
            model_id=model_id,
            writable=writable,
            timeout=timeout,
            sealing=sealing,
        )
        super().__init__(session, clock=clock, actor=actor)
        self._sqlite = session

    @property
    def encrypted(self) -> bool:
        """Whether a key is needed to read it."""
        return self._sqlite.sealing.note is not None

    def rotate(self, new_key: bytes) -> None:
        """Encrypt everything under a new key, and erase what was written before.

        One change: a process that ends in the middle leaves a gallery under the old key. A plain
        gallery becomes an encrypted one. Whoever has it open has to open it again.

        Args:
            new_key: 32 random bytes.

        Raises:
            UsageError: the key is too short or long, or is the present one.
            GalleryLockedError: another process was reading or writing all the while.
            GalleryKeyError: another process has changed the key since the gallery was opened.
            MissingExtraError: `cryptography` is not installed.
        """
        key = check_key(new_key)
        note = self._sqlite.sealing.note
        sealing = sealing_class()
        if note is not None and sealing.noted(key, note) is not None:
            raise UsageError(
                f"{self.location}: the new key is the present one; make another with "
                "`steadyface gallery new-key FILE`"
            )
        self._reseal(sealing.new(key), "The key is changed")

    def to_plain(self) -> None:
        """Write everything as a plain gallery has it, readable for whoever gets the file."""
        if self.encrypted:
            self._reseal(PLAIN, "The gallery is not encrypted any more")

    def _reseal(self, new: Sealing, done: str) -> None:
        change = self._change()
        with self._sqlite.resealing(new) as (connection, tables):
            reseal(connection, self._sqlite.sealing, new)
            total = tables.count().references
            tables.enter(change, [Affected("rotate-key", None, total)])
            tables.raise_revision()
            tables.mark_for_erasure()
        self._erase(done)
