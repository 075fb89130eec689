"""Taking what was removed out of the files of PostgreSQL's tables."""

from __future__ import annotations

import re
import time

from psycopg.errors import Diagnostic

from steadyface.gallery.postgres_connection import Connection
from steadyface.gallery.refusals import NotTheOwnerError, locked

#: Key of the facts that says so, and which tables have remains then. Metadata are described more
#: often than people are removed, and that must not rebuild every vector.
MARKS = {"erase": ("reference", "identity"), "erase-metadata": ("identity",)}


def erase(connection: Connection, location: str, timeout: float) -> None:
    """Rebuild the tables of which a change has noted that remains are in them.

    A plain VACUUM frees their space, but leaves bytes in it until something is written there.

    Args:
        connection: to the database; not in a transaction.
        location: the gallery, for messages.
        timeout: seconds to wait for transactions that may still look at what was removed.

    Raises:
        GalleryLockedError: there is such a transaction all the while.
        NotTheOwnerError: this user may not do that.
    """
    statement = "SELECT key, value FROM meta WHERE key = ANY(%s) ORDER BY key"
    pending = connection.execute(statement, (list(MARKS),)).fetchall()
    if not pending:
        return
    (limit,) = connection.execute("SHOW statement_timeout").fetchall()
    connection.execute("SET statement_timeout = 0")  # takes as long as the gallery's size needs
    try:
        # All of the first mark, which sorts first, are at least those of the second.
        for table in MARKS[pending[0][0]]:
            _rebuild(connection, table, location, timeout)
    finally:
        if not connection.closed:
            connection.execute("SELECT set_config('statement_timeout', %s, false)", limit)
    # Only these marks: another process may have removed somebody since.
    with connection.cursor() as cursor:
        cursor.executemany("DELETE FROM meta WHERE key = %s AND value = %s", pending)


def _rebuild(connection: Connection, table: str, location: str, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while left := _vacuum(connection, table, location):
        if time.monotonic() >= deadline:
            raise locked(location, timeout)
        time.sleep(min(0.1 * left, timeout, 0.5))


def _vacuum(connection: Connection, table: str, location: str) -> int:
    """Rebuild a table; return how many deleted rows some transaction keeps in it."""
    told: list[str] = []

    def listen(notice: Diagnostic) -> None:
        told.append(notice.message_detail or "")

    connection.add_notice_handler(listen)
    try:
        connection.execute(f"VACUUM (FULL, VERBOSE) {table}")
    finally:
        connection.remove_notice_handler(listen)
    # "0 dead row versions cannot be removed yet.", in the server's language.
    kept = [int(number[0]) for number in map(re.compile(r"[0-9]+").match, told) if number]
    if not kept:  # a user who may not is only warned
        raise NotTheOwnerError(
            f"{location}: this user may not rebuild the gallery's tables, which belong to another; "
            "let their owner open it for writing"
        )
    return sum(kept)
