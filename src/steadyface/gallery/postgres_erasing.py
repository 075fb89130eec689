"""Taking what was removed out of the files of PostgreSQL's tables."""

from __future__ import annotations

from steadyface.errors import GalleryError
from steadyface.gallery.postgres_connection import Connection

_TABLES = "reference", "identity"
_FILE = "SELECT pg_relation_filenode('identity')"


def erase(connection: Connection, location: str) -> None:
    """Rebuild the tables if `remove` has noted that remains are in them.

    A plain VACUUM frees their space, but leaves bytes in it until something is written there.

    Args:
        connection: to the database; not in a transaction.
        location: the gallery, for messages.

    Raises:
        GalleryError: this user may not do that.
    """
    pending = connection.execute("SELECT value FROM meta WHERE key = 'erase'").fetchone()
    if pending is None:
        return
    before = connection.execute(_FILE).fetchone()
    (limit,) = connection.execute("SHOW statement_timeout").fetchall()
    connection.execute("SET statement_timeout = 0")  # takes as long as the gallery's size needs
    try:
        for table in _TABLES:
            connection.execute(f"VACUUM (FULL) {table}")
    finally:
        if not connection.closed:
            connection.execute("SELECT set_config('statement_timeout', %s, false)", limit)
    # PostgreSQL only warns a user who may not.
    if connection.execute(_FILE).fetchone() == before:
        raise GalleryError(
            f"{location}: this user may not rebuild the gallery's tables, which belong to another; "
            "let their owner open it for writing"
        )
    # Only this mark: another process may have removed somebody since.
    connection.execute("DELETE FROM meta WHERE key = 'erase' AND value = %s", pending)
