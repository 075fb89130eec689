"""What a PostgreSQL gallery asks its tables, as functions of a connection inside a transaction.

A `ValueError` from here means that the tables contradict each other: they are damaged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime

from steadyface.errors import GalleryError
from steadyface.gallery import codec
from steadyface.gallery import postgres_schema as schema
from steadyface.gallery.contract import Counts, Duplicate, IdentitySummary, Stats, StoredReference
from steadyface.gallery.postgres_connection import Connection, WireVector, from_wire
from steadyface.gallery.rows import BATCH, assemble_templates, noted_dimension
from steadyface.types import Embedding, Templates

#: Of pgvector.
LONGEST_VECTOR = 16_000
# Partitions belong to a table, and their bytes to its size.
_SIZE = """
    SELECT sum(pg_total_relation_size(relation)) FROM (
        SELECT unnest(ARRAY['meta', 'identity', 'reference']::regclass[]) AS relation
        UNION SELECT inhrelid FROM pg_inherits WHERE inhparent = 'reference'::regclass
    ) AS relations
"""


def identity_id(connection: Connection, name: str) -> int | None:
    """Return the id of the identity of this name; None where there is none."""
    row = connection.execute("SELECT id FROM identity WHERE name = %s", (name,)).fetchone()
    return None if row is None else int(row[0])


def identity_names(connection: Connection) -> list[str]:
    """Return every name."""
    return [name for (name,) in connection.execute("SELECT name FROM identity")]


def select_identities(
    connection: Connection, *, limit: int | None, offset: int
) -> list[IdentitySummary]:
    """Return a page of the identities by name; arguments as for `Gallery.identities`."""
    rows = connection.execute(
        "SELECT name, (SELECT count(*) FROM reference WHERE identity_id = identity.id),"
        " created_at FROM identity ORDER BY name LIMIT %s::bigint OFFSET %s::bigint",
        (limit, offset),
    )
    return [IdentitySummary(name, number, moment.astimezone(UTC)) for name, number, moment in rows]


def count(connection: Connection) -> Counts:
    """Return how much the gallery holds."""
    ((identities, references),) = connection.execute(
        "SELECT (SELECT count(*) FROM identity), (SELECT count(*) FROM reference)"
    ).fetchall()
    return Counts(identities, references)


def select_stats(connection: Connection, model_id: str) -> Stats:
    """Return what `Gallery.stats` says of a gallery made with `model_id`."""
    ((size,),) = connection.execute(_SIZE).fetchall()
    return Stats(count(connection), model_id, schema.read_version(connection), int(size))


def count_references(connection: Connection, owner: int) -> int:
    """Return how many references the identity with this id has."""
    statement = "SELECT count(*) FROM reference WHERE identity_id = %s"
    ((number,),) = connection.execute(statement, (owner,)).fetchall()
    return int(number)


def new_references(
    connection: Connection, owner: int, offered: list[codec.EncodedReference]
) -> tuple[list[codec.EncodedReference], tuple[Duplicate, ...]]:
    """Return which references the identity with this id lacks, and which another identity has."""
    # Names by id, so that an identity of an older gallery with one image twice is told once.
    holders: dict[bytes, dict[int, str]] = defaultdict(dict)
    rows = connection.execute(
        f"SELECT {schema.VECTOR_BYTES}, identity.id, name FROM reference"
        f" JOIN identity ON identity.id = identity_id WHERE {schema.VECTOR_BYTES} = ANY(%s)"
        " ORDER BY name",
        ([bytes(WireVector.of(r.vector)) for r in offered],),
    )
    for sent, holder, name in rows:
        holders[from_wire(sent)][holder] = name
    new: dict[bytes, codec.EncodedReference] = {}
    duplicates = []
    for reference in offered:
        others = holders.get(reference.vector, {})
        if owner not in others:
            new.setdefault(reference.vector, reference)
        duplicates += [
            Duplicate(reference.source, name) for key, name in others.items() if key != owner
        ]
    return list(new.values()), tuple(duplicates)


def insert_references(
    connection: Connection,
    owner: int,
    references: list[codec.EncodedReference],
    *,
    model_id: str,
    moment: datetime,
) -> None:
    """Append references to the identity with this id."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO reference"
            " (identity_id, model_id, source, metadata, quality, created_at, vector)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [
                (owner, model_id, r.source, r.metadata, r.quality, moment, WireVector.of(r.vector))
                for r in references
            ],
        )


def settle_dimension(connection: Connection, dimension: int, what: str) -> None:
    """Note the length of vectors at the first enrolment; hold later ones to it.

    Raises:
        GalleryError: the gallery's vectors have another length, or it is too long; names `what`.
    """
    if dimension > LONGEST_VECTOR:
        raise GalleryError(
            f"{what} has {dimension} numbers, and vectors of PostgreSQL have {LONGEST_VECTOR} at "
            "most; use another model or another store"
        )
    connection.execute(
        "INSERT INTO meta (key, value) VALUES ('dimension', %s) ON CONFLICT DO NOTHING",
        (str(dimension),),
    )
    codec.check_dimension(dimension, read_dimension(connection), what)


def select_references(connection: Connection, owner: int) -> list[StoredReference]:
    """Return the references of the identity with this id, first enrolled first."""
    rows = connection.execute(
        f"SELECT {schema.VECTOR_BYTES}, id, model_id, source, metadata::text, quality, created_at"
        " FROM reference WHERE identity_id = %s ORDER BY id",
        (owner,),
        binary=True,
    ).fetchall()
    vectors = codec.decode_vectors([from_wire(row[0]) for row in rows], read_dimension(connection))
    return [
        StoredReference(
            id=number,
            embedding=Embedding(vector, model_id),
            source=source,
            metadata=codec.decode_metadata(metadata),
            quality=quality,
            enrolled_at=moment.astimezone(UTC),
        )
        for vector, (_, number, model_id, source, metadata, quality, moment) in zip(
            vectors, rows, strict=True
        )
    ]


def select_templates(connection: Connection, model_id: str) -> Templates:
    """Return every reference of a gallery made with `model_id`; the arrays are read-only."""
    return assemble_templates(
        connection.execute("SELECT id, name FROM identity ORDER BY id").fetchall(),
        _reference_batches(connection),
        total=count(connection).references,
        dimension=read_dimension(connection),
        model_id=model_id,
    )


def read_dimension(connection: Connection) -> int:
    """Return the length of the gallery's vectors; 0 before the first enrolment."""
    first = connection.execute("SELECT vector_dims(vector) FROM reference LIMIT 1").fetchone()
    return noted_dimension(schema.read_meta(connection), None if first is None else first[0])


def _reference_batches(
    connection: Connection,
) -> Iterator[list[tuple[int, str, bytes, float | None]]]:
    # A cursor of the server: the client never has all rows beside the matrix.
    with connection.cursor("templates", binary=True) as cursor:
        cursor.execute(
            f"SELECT identity_id, model_id, {schema.VECTOR_BYTES}, quality FROM reference"
            " ORDER BY identity_id, id"
        )
        while rows := cursor.fetchmany(BATCH):
            yield [(owner, model, from_wire(sent), quality) for owner, model, sent, quality in rows]
