"""What an SQLite gallery asks its tables, as functions of a connection inside a transaction.

A `ValueError` from here means that the tables contradict each other: the file is damaged.
"""

from __future__ import annotations

import sqlite3

from steadyface.gallery import codec, schema
from steadyface.gallery.contract import Counts, Duplicate, IdentitySummary, Stats, StoredReference
from steadyface.gallery.rows import BATCH, assemble_templates, noted_dimension
from steadyface.types import Embedding, Templates

_HOLDERS = (
    "SELECT identity.id, identity.name FROM reference"
    " JOIN identity ON identity.id = reference.identity_id"
    f" WHERE {schema.VECTOR_START.format('vector')} = {schema.VECTOR_START.format('?1')}"
    " AND vector = ?1 ORDER BY identity.name"
)


def select_identities(
    connection: sqlite3.Connection, *, limit: int | None, offset: int
) -> list[IdentitySummary]:
    """Return a page of the identities by name; arguments as for `Gallery.identities`."""
    rows = connection.execute(
        "SELECT name, (SELECT COUNT(*) FROM reference WHERE identity_id = identity.id),"
        " created_at FROM identity ORDER BY name LIMIT ? OFFSET ?",
        (-1 if limit is None else limit, offset),
    )
    return [IdentitySummary(name, count, codec.decode_time(moment)) for name, count, moment in rows]


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
    connection: sqlite3.Connection, owner: int, offered: list[codec.EncodedReference]
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


def insert_references(
    connection: sqlite3.Connection,
    owner: int,
    references: list[codec.EncodedReference],
    *,
    model_id: str,
    moment: str,
) -> None:
    """Append references to the identity with this id."""
    connection.executemany(
        "INSERT INTO reference"
        " (identity_id, model_id, source, metadata, quality, created_at, vector)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(owner, model_id, r.source, r.metadata, r.quality, moment, r.vector) for r in references],
    )


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
        "SELECT vector, id, model_id, source, metadata, quality, created_at"
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
        )
        for vector, (_, number, model_id, source, metadata, quality, moment) in zip(
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


def _noted_dimension(connection: sqlite3.Connection) -> int:
    first = connection.execute("SELECT length(vector) FROM reference LIMIT 1").fetchone()
    # Not a whole number where the blob is cut: then it equals no noted one.
    stored = None if first is None else first[0] / codec.VECTOR_DTYPE.itemsize
    return noted_dimension(schema.read_meta(connection), stored)
