"""A gallery in one SQLite file: the embedded default. No server, any number of processes at once.

Keep the file on a local disk: SQLite's write-ahead log needs memory shared between the processes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime

from steadyface.gallery import codec
from steadyface.gallery.names import UNKNOWN_ACTOR
from steadyface.gallery.sqlite_session import SqliteSession
from steadyface.gallery.table_gallery import TableGallery


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
    ) -> None:
        session = SqliteSession(
            connection, location=location, model_id=model_id, writable=writable, timeout=timeout
        )
        super().__init__(session, clock=clock, actor=actor)
