"""The tables of an SQLite gallery, and how a file is recognised as one and brought up to date.

`PRAGMA application_id` marks the file as a gallery of steadyface, `PRAGMA user_version` counts the
migrations that it has been through. A migration that has been released is never edited. None may
touch a column that is sealed in an encrypted gallery (see `sealing`): it does not know the key.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from steadyface.errors import GalleryCorruptError
from steadyface.gallery.sqlite_connection import transaction
from steadyface.gallery.versions import Migration, check_known

#: "SFGL" as a big-endian 32-bit integer, at offset 68 of the file.
APPLICATION_ID = 0x5346474C

#: Start of a vector by which identical ones are found: long enough that others seldom share it,
#: short enough for an index. The expression has to be the same in the index and in the query.
VECTOR_START = "substr({}, 1, 16)"


#: What keeps entries of the audit as they are, by name.
AUDIT_TRIGGERS: Mapping[str, str] = MappingProxyType(
    {
        f"audit_{change.lower()}": (
            f"CREATE TRIGGER audit_{change.lower()} BEFORE {change} ON audit WHEN {condition}"
            " BEGIN SELECT RAISE(ABORT, 'the audit can only be appended to'); END"
        )
        for change, condition in (
            ("UPDATE", "1"),
            ("DELETE", "1"),
            # INSERT OR REPLACE deletes without any trigger for DELETE.
            ("INSERT", "EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)"),
        )
    }
)


# AUTOINCREMENT: an id is never given again, so that order by id is order of enrolment.
# CHECK (typeof ...) instead of STRICT tables, which SQLite has only since 3.37.
MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        (
            """
        CREATE TABLE meta (
            key TEXT NOT NULL PRIMARY KEY,
            value TEXT NOT NULL
        ) WITHOUT ROWID
        """,
            """
        CREATE TABLE identity (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE CHECK (typeof(name) = 'text'),
            created_at TEXT NOT NULL
        )
        """,
            """
        CREATE TABLE reference (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            identity_id INTEGER NOT NULL REFERENCES identity (id) ON DELETE CASCADE,
            model_id TEXT NOT NULL,
            source TEXT NOT NULL,
            metadata TEXT NOT NULL,
            quality REAL,
            created_at TEXT NOT NULL,
            vector BLOB NOT NULL CHECK (typeof(vector) = 'blob')
        )
        """,
            "CREATE INDEX reference_identity ON reference (identity_id)",
        )
    ),
    # Not unique: a file of version 1 may hold an image twice. On an expression, not on a column
    # with a hash: nothing to fill in or to keep true, and the integrity check covers it.
    Migration(
        (f"CREATE INDEX reference_vector ON reference ({VECTOR_START.format('vector')})",),
        needed_to_read=False,
    ),
    # The audit names nobody and refers to no row: it outlives the people in it. So does `removed`,
    # which has the ids of those whom whoever keeps in step has to forget.
    Migration(
        (
            "ALTER TABLE identity ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}'",
            "ALTER TABLE identity ADD COLUMN revision INTEGER NOT NULL DEFAULT 0",
            "CREATE INDEX identity_revision ON identity (revision, id)",
            "ALTER TABLE reference ADD COLUMN calibration TEXT",
            "INSERT INTO meta (key, value) VALUES ('revision', '0')",
            """
        CREATE TABLE audit (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            moment TEXT NOT NULL,
            actor TEXT NOT NULL,
            action TEXT NOT NULL,
            identity_id INTEGER,
            reference_count INTEGER NOT NULL
        )
        """,
            """
        CREATE TABLE removed (
            revision INTEGER NOT NULL,
            id INTEGER NOT NULL,
            PRIMARY KEY (revision, id)
        ) WITHOUT ROWID
        """,
            *AUDIT_TRIGGERS.values(),
        )
    ),
)


def recognise(connection: sqlite3.Connection, location: str, known: int) -> int:
    """Return which version of the schema the file holds; 0 for a file without any content.

    Args:
        connection: to the file; not in a transaction. Nothing is written.
        location: the gallery, for messages.
        known: the newest version that this code can read.

    Raises:
        GalleryCorruptError: the file is an SQLite database of something else.
        GalleryError: a newer steadyface made it.
    """
    with transaction(connection, "DEFERRED"):  # all three from the same state of the file
        objects = _number(connection, "SELECT COUNT(*) FROM sqlite_master")
        application = _number(connection, "PRAGMA application_id")
        version = read_version(connection)
    if application == 0 and version == 0 and objects == 0:
        return 0
    if application != APPLICATION_ID or version < 1:
        raise GalleryCorruptError(
            f"{location}: an SQLite database, but not a steadyface gallery; choose another file"
        )
    check_known(version, location, known)
    return version


def migrate(
    connection: sqlite3.Connection,
    *,
    model_id: str | None,
    facts: Mapping[str, str],
    migrations: Sequence[Migration],
) -> None:
    """Bring a file that `recognise` accepted to the newest version, each step in a transaction.

    Args:
        connection: to the file; not in a transaction.
        model_id: the gallery's model, noted when the file holds nothing yet; None where it does.
        facts: what else `meta` is to say then, see `sqlite_resealing.note_sealing`.
        migrations: all steps from an empty file on.
    """
    for number, migration in enumerate(migrations, start=1):
        with transaction(connection, "IMMEDIATE"):
            # Read under the lock: another process may have been here in the meantime.
            if read_version(connection) >= number:
                continue
            for statement in migration.statements:
                connection.execute(statement)
            if number == 1:
                assert model_id is not None  # only mode `create` gets here, which names a model
                connection.executemany(
                    "INSERT INTO meta (key, value) VALUES (?, ?)",
                    [*facts.items(), ("model_id", model_id)],
                )
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {number}")


def read_meta(connection: sqlite3.Connection) -> Mapping[str, str]:
    """Return the table of facts about the gallery: `model_id`, `format`, `dimension`, ..."""
    return dict(connection.execute("SELECT key, value FROM meta"))


def read_version(connection: sqlite3.Connection) -> int:
    """Return how many migrations the file has been through."""
    return _number(connection, "PRAGMA user_version")


def _number(connection: sqlite3.Connection, statement: str) -> int:
    row = connection.execute(statement).fetchone()
    return int(row[0])
