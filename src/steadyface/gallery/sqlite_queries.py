"""What an SQLite gallery asks its tables, as functions of a connection inside a transaction.

A `ValueError` from here means that the tables contradict each other: the file is damaged.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import cast

from steadyface.gallery import codec, schema
from steadyface.gallery.names import unknown_identity
from steadyface.gallery.rows import BATCH, assemble_templates, noted_dimension
from steadyface.gallery.values import (
    AuditAction,
    AuditEntry,
    Counts,
    Duplicate,
    IdentitySummary,
    Stats,
    StoredReference,
)
from steadyface.types import Embedding, Templates

_HOLDERS = (
    "SELECT identity.id, identity.name FROM reference"
    " JOIN identity ON identity.id = reference.identity_id"
    f" WHERE {schema.VECTOR_START.format('vector')} = {schema.VECTOR_START.format('?1')}"
    " AND vector = ?1 ORDER BY identity.name"
)


_SUMMARY = (
    "SELECT name, (SELECT COUNT(*) FROM reference WHERE identity_id = identity.id),"
    " created_at, id, metadata FROM identity"
)


def find_identity(connection: sqlite3.Connection, location: str, name: str) -> int:
    """Return the id of the identity of this name.

    Raises:
        UnknownIdentityError: there is none; the message names `location` and the closest names.
    """
    row = connection.execute("SELECT id FROM identity WHERE name = ?", (name,)).fetchone()
    if row is None:
        names = [other for (other,) in connection.execute("SELECT name FROM identity")]
        raise unknown_identity(location, name, names)
    return int(row[0])


def select_identities(
    connection: sqlite3.Connection, *, limit: int | None, offset: int
) -> list[IdentitySummary]:
    """Return a page of the identities by name; arguments as for `Gallery.identities`."""
    rows = connection.execute(
        f"{_SUMMARY} ORDER BY name LIMIT ? OFFSET ?", (-1 if limit is None else limit, offset)
    )
    return [_summary(*row) for row in rows]


def select_identity(connection: sqlite3.Connection, owner: int) -> IdentitySummary:
    """Return the identity with this id."""
    return _summary(*connection.execute(f"{_SUMMARY} WHERE id = ?", (owner,)).fetchone())


def select_audit(
    connection: sqlite3.Connection, *, limit: int | None, after: int
) -> list[AuditEntry]:
    """Return a page of the audit; arguments as for `Gallery.audit`."""
    rows = connection.execute(
        "SELECT id, moment, actor, action, identity_id, reference_count FROM audit"
        " WHERE id > ? ORDER BY id LIMIT ?",
        (after, -1 if limit is None else limit),
    )
    return [
        # Not checked: a later steadyface may know more actions.
        AuditEntry(
            number, codec.decode_time(moment), actor, cast(AuditAction, action), owner, references
        )
        for number, moment, actor, action, owner, references in rows
    ]


def read_revision(connection: sqlite3.Connection) -> int:
    """Return how many changes the gallery has been through."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'revision'").fetchone()
    if row is None:
        raise ValueError("it does not say how often it was changed")
    return int(row[0])


def select_prunable(
    connection: sqlite3.Connection, older_than: str
) -> tuple[dict[int, int], list[int]]:
    """Return how many references `Gallery.prune` removes by identity, and which identities."""
    references = connection.execute(
        "SELECT identity_id, COUNT(*) FROM reference WHERE created_at < ? GROUP BY identity_id",
        (older_than,),
    )
    identities = connection.execute(
        "SELECT id FROM identity WHERE created_at < ?1 AND NOT EXISTS"
        " (SELECT 1 FROM reference WHERE identity_id = identity.id AND created_at >= ?1)",
        (older_than,),
    )
    return dict(references.fetchall()), [owner for (owner,) in identities]


def count(connection: sqlite3.Connection) -> Counts:
    """Return how much the gallery holds."""
    row = connection.execute(
        "SELECT (SELECT COUNT(*) FROM identity), (SELECT COUNT(*) FROM reference)"
    ).fetchone()
    return Counts(*row)


def select_stats(connection: sqlite3.Connection, model_id: str) -> Stats:
    """Return what `Gallery.stats` says of a gallery made with `model_id`."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (page_size,) = connection.execute("PRAGMA page_size").fetchone()
    version = schema.read_version(connection)
    return Stats(count(connection), model_id, version, size=pages * page_size)


def count_references(connection: sqlite3.Connection, owner: int) -> int:
    """Return how many references the identity with this id has."""
    statement = "SELECT COUNT(*) FROM reference WHERE identity_id = ?"
    row = connection.execute(statement, (owner,)).fetchone()
    return int(row[0])


def new_references(
    connection: sqlite3.Connection, owner: int, offered: Sequence[codec.EncodedReference]
) -> tuple[list[codec.EncodedReference], tuple[Duplicate, ...]]:
    """Return which references the identity with this id lacks, and which another identity has."""
    new: dict[bytes, codec.EncodedReference] = {}
    duplicates = []
    for reference in offered:
        holders = dict(connection.execute(_HOLDERS, (reference.vector,)).fetchall())
        if holders.pop(owner, None) is None:
            new.setdefault(reference.vector, reference)
        duplicates += [Duplicate(reference.source, name) for name in holders.values()]
    return list(new.values()), tuple(duplicates)


def settle_dimension(connection: sqlite3.Connection, dimension: int, what: str) -> None:
    """Note the length of vectors at the first enrolment; hold later ones to it.

    Raises:
        GalleryError: the gallery's vectors have another length; names `what`.
    """
    connection.execute(
        "INSERT INTO meta (key, value) VALUES ('dimension', ?) ON CONFLICT DO NOTHING",
        (str(dimension),),
    )
    codec.check_dimension(dimension, _noted_dimension(connection), what)


def select_references(connection: sqlite3.Connection, owner: int) -> list[StoredReference]:
    """Return the references of the identity with this id, first enrolled first."""
    rows = connection.execute(
        "SELECT vector, id, model_id, source, metadata, quality, created_at, calibration"
        " FROM reference WHERE identity_id = ? ORDER BY id",
        (owner,),
    ).fetchall()
    vectors = codec.decode_vectors([row[0] for row in rows], _noted_dimension(connection))
    return [
        StoredReference(
            id=number,
            embedding=Embedding(vector, model_id),
            source=source,
            metadata=codec.decode_metadata(metadata),
            quality=quality,
            enrolled_at=codec.decode_time(moment),
            calibration=calibration,
        )
        for vector, (_, number, model_id, source, metadata, quality, moment, calibration) in zip(
            vectors, rows, strict=True
        )
    ]


def select_templates(connection: sqlite3.Connection, model_id: str) -> Templates:
    """Return every reference of a gallery made with `model_id`; the arrays are read-only."""
    (total,) = connection.execute("SELECT COUNT(*) FROM reference").fetchone()
    cursor = connection.execute(
        "SELECT identity_id, model_id, vector, quality FROM reference ORDER BY identity_id, id"
    )
    return assemble_templates(
        connection.execute("SELECT id, name FROM identity ORDER BY id").fetchall(),
        iter(lambda: cursor.fetchmany(BATCH), []),
        total=total,
        dimension=_noted_dimension(connection),
        model_id=model_id,
    )


def _summary(
    name: str, references: int, moment: str, number: int, metadata: str
) -> IdentitySummary:
    return IdentitySummary(
        name, references, codec.decode_time(moment), number, codec.decode_metadata(metadata)
    )


def _noted_dimension(connection: sqlite3.Connection) -> int:
    first = connection.execute("SELECT length(vector) FROM reference LIMIT 1").fetchone()
    # Not a whole number where the blob is cut: then it equals no noted one.
    stored = None if first is None else first[0] / codec.VECTOR_DTYPE.itemsize
    return noted_dimension(schema.read_meta(connection), stored)
