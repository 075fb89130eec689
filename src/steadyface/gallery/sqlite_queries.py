"""What an SQLite gallery asks its tables, as functions of a connection inside a transaction.

A `ValueError` from here means that the tables contradict each other: the file is damaged.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import cast

import numpy as np

from steadyface.gallery import codec, schema
from steadyface.gallery.names import unknown_identity
from steadyface.gallery.values import (
    AuditAction,
    AuditEntry,
    Counts,
    Duplicate,
    IdentitySummary,
    Stats,
    StoredReference,
)
from steadyface.types import Embedding, FloatArray, Templates

#: Rows decoded at a time, so that the matrix is never in memory twice.
_BATCH = 4096

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
    identities = connection.execute("SELECT id, name FROM identity ORDER BY id").fetchall()
    place = {identity: row for row, (identity, _) in enumerate(identities)}
    (total,) = connection.execute("SELECT COUNT(*) FROM reference").fetchone()
    vectors: FloatArray = np.empty((total, _noted_dimension(connection)), dtype=np.float32)
    owners = np.empty(total, dtype=np.int64)
    qualities = np.empty(total, dtype=np.float32)
    cursor = connection.execute(
        "SELECT identity_id, model_id, vector, quality FROM reference ORDER BY identity_id, id"
    )
    end = 0
    while rows := cursor.fetchmany(_BATCH):
        start, end = end, end + len(rows)
        if any(owner not in place or model != model_id for owner, model, *_ in rows):
            raise ValueError("a reference belongs to no identity or to another model")
        vectors[start:end] = codec.decode_vectors([row[2] for row in rows], vectors.shape[1])
        owners[start:end] = [place[row[0]] for row in rows]
        qualities[start:end] = [np.nan if row[3] is None else row[3] for row in rows]
    if end != total:
        raise ValueError(f"{total} references are counted and {end} are found")
    for array in (vectors, owners, qualities):
        array.setflags(write=False)
    names = tuple(name for _, name in identities)
    return Templates(names, vectors, owners, model_id, qualities)


def _summary(
    name: str, references: int, moment: str, number: int, metadata: str
) -> IdentitySummary:
    return IdentitySummary(
        name, references, codec.decode_time(moment), number, codec.decode_metadata(metadata)
    )


def _noted_dimension(connection: sqlite3.Connection) -> int:
    noted = connection.execute("SELECT value FROM meta WHERE key = 'dimension'").fetchone()
    dimension = 0 if noted is None else int(noted[0])
    # A damaged number must not become the size of an allocation.
    first = connection.execute("SELECT length(vector) FROM reference LIMIT 1").fetchone()
    if first is not None and first[0] != dimension * codec.VECTOR_DTYPE.itemsize:
        raise ValueError("the vectors do not have the length noted for them")
    return dimension
