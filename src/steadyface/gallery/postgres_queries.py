"""What a PostgreSQL gallery asks its tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import cast

from steadyface.gallery import codec
from steadyface.gallery import postgres_schema as schema
from steadyface.gallery.postgres_connection import Connection, from_wire
from steadyface.gallery.rows import (
    BATCH,
    Batch,
    assemble_changes,
    assemble_templates,
    noted_dimension,
)
from steadyface.gallery.values import (
    AuditAction,
    AuditEntry,
    Changes,
    Counts,
    IdentitySummary,
    Mark,
    Stats,
    StoredReference,
)
from steadyface.types import Embedding, Templates

# Partitions belong to a table, and their bytes to its size.
_SIZE = """
    SELECT sum(pg_total_relation_size(relation)) FROM (
        SELECT unnest(ARRAY['audit', 'identity', 'meta', 'reference', 'removed']::regclass[])
            AS relation
        UNION SELECT inhrelid FROM pg_inherits WHERE inhparent = 'reference'::regclass
    ) AS relations
"""
_SUMMARY = (
    "SELECT name, (SELECT count(*) FROM reference WHERE identity_id = identity.id),"
    " created_at, id, metadata::text FROM identity"
)
# Each half stops at the limit by itself: sorting all that is newer would take its time.
_NEWER = """
    (
        SELECT revision, id, name FROM identity WHERE (revision, id) > (%(revision)s, %(id)s)
        ORDER BY revision, id LIMIT %(limit)s::bigint
    )
    UNION ALL
    (
        SELECT revision, id, NULL FROM removed WHERE (revision, id) > (%(revision)s, %(id)s)
        ORDER BY revision, id LIMIT %(limit)s::bigint
    )
    ORDER BY revision, id LIMIT %(limit)s::bigint
"""
_ROW = f"SELECT identity_id, model_id, {schema.VECTOR_BYTES}, quality"
# By the page's ids, not by its range of revisions: how many there are is known to the planner then,
# which would read every vector otherwise.
_NEWER_REFERENCES = f"""
    {_ROW} FROM unnest(%b::bigint[]) WITH ORDINALITY AS page (owner, place)
    JOIN reference ON identity_id = owner ORDER BY place, id
"""


class PostgresReading:
    """The tables of a PostgreSQL gallery in a transaction that reads; see `tables.Reading`.

    Args:
        connection: to the database.
        location: the gallery, for messages.
        model_id: the model whose embeddings it holds.
    """

    def __init__(self, connection: Connection, location: str, model_id: str) -> None:
        self.connection = connection
        self.location = location
        self.model_id = model_id

    def identity_id(self, name: str) -> int | None:
        """Return the id of the identity of this name; None where there is none."""
        statement = "SELECT id FROM identity WHERE name = %s"
        row = self.connection.execute(statement, (name,)).fetchone()
        return None if row is None else int(row[0])

    def identity_names(self) -> list[str]:
        """Return every name."""
        return [name for (name,) in self.connection.execute("SELECT name FROM identity")]

    def identities(self, *, limit: int | None, offset: int) -> list[IdentitySummary]:
        """Return a page of the identities by name."""
        rows = self.connection.execute(
            f"{_SUMMARY} ORDER BY name LIMIT %s::bigint OFFSET %s::bigint", (limit, offset)
        )
        return [_summary(*row) for row in rows]

    def identity(self, owner: int) -> IdentitySummary:
        """Return the identity with this id."""
        (row,) = self.connection.execute(f"{_SUMMARY} WHERE id = %s", (owner,)).fetchall()
        return _summary(*row)

    def audit(self, *, limit: int | None, after: int) -> list[AuditEntry]:
        """Return a page of the audit."""
        rows = self.connection.execute(
            "SELECT id, moment, actor, action, identity_id, reference_count FROM audit"
            " WHERE id > %s ORDER BY id LIMIT %s::bigint",
            (after, limit),
        )
        return [
            # Not checked: a later steadyface may know more actions.
            AuditEntry(
                number, moment.astimezone(UTC), actor, cast(AuditAction, action), owner, references
            )
            for number, moment, actor, action, owner, references in rows
        ]

    def revision(self) -> int:
        """Return how many changes the gallery has been through."""
        statement = "SELECT value FROM meta WHERE key = 'revision'"
        row = self.connection.execute(statement).fetchone()
        if row is None:
            raise ValueError("it does not say how often it was changed")
        return int(row[0])

    def prunable(self, older_than: datetime) -> tuple[dict[int, int], list[int]]:
        """Return how many references `prune` removes by identity, and which identities."""
        references = self.connection.execute(
            "SELECT identity_id, count(*) FROM reference WHERE created_at < %s"
            " GROUP BY identity_id",
            (older_than,),
        ).fetchall()
        identities = self.connection.execute(
            "SELECT id FROM identity WHERE created_at < %(moment)s AND NOT EXISTS"
            " (SELECT FROM reference"
            " WHERE identity_id = identity.id AND created_at >= %(moment)s) ORDER BY id",
            {"moment": older_than},
        )
        return dict(references), [owner for (owner,) in identities]

    def count(self) -> Counts:
        """Return how much the gallery holds."""
        ((identities, references),) = self.connection.execute(
            "SELECT (SELECT count(*) FROM identity), (SELECT count(*) FROM reference)"
        ).fetchall()
        return Counts(identities, references)

    def stats(self) -> Stats:
        """Return how much the gallery holds and takes, indexes included."""
        ((size,),) = self.connection.execute(_SIZE).fetchall()
        version = schema.read_version(self.connection)
        return Stats(self.count(), self.model_id, version, int(size))

    def references(self, owner: int) -> list[StoredReference]:
        """Return the references of the identity with this id, first enrolled first."""
        rows = self.connection.execute(
            f"SELECT {schema.VECTOR_BYTES}, id, model_id, source, metadata::text, quality,"
            " created_at, calibration FROM reference WHERE identity_id = %s ORDER BY id",
            (owner,),
            binary=True,
        ).fetchall()
        vectors = codec.decode_vectors([from_wire(row[0]) for row in rows], self.dimension())
        return [
            StoredReference(
                id=number,
                embedding=Embedding(vector, model_id),
                source=source,
                metadata=codec.decode_metadata(metadata),
                quality=quality,
                enrolled_at=moment.astimezone(UTC),
                calibration=calibration,
            )
            for vector, (_, number, model_id, source, metadata, quality, moment, calibration) in (
                zip(vectors, rows, strict=True)
            )
        ]

    def templates(self) -> Templates:
        """Return every reference; the arrays are read-only."""
        return assemble_templates(
            self.connection.execute("SELECT id, name FROM identity ORDER BY id").fetchall(),
            self._batches(f"{_ROW} FROM reference ORDER BY identity_id, id"),
            total=self.count().references,
            dimension=self.dimension(),
            model_id=self.model_id,
        )

    def changes(self, since: Mark, limit: int) -> Changes:
        """Return a page of who was changed or removed after a mark."""
        items = self.connection.execute(
            _NEWER, {"revision": since.revision, "id": since.identity, "limit": limit + 1}
        ).fetchall()
        ids = [number for _, number, name in items[:limit] if name is not None]
        return assemble_changes(
            since,
            items,
            self._batches(_NEWER_REFERENCES, (ids,)) if ids else (),
            limit=limit,
            total=self._count_references(ids) if ids else 0,
            dimension=self.dimension(),
            model_id=self.model_id,
        )

    def dimension(self) -> int:
        """Return the length of the gallery's vectors; 0 before the first enrolment."""
        return read_dimension(self.connection)

    def _count_references(self, owners: list[int]) -> int:
        statement = "SELECT count(*) FROM reference WHERE identity_id = ANY(%b::bigint[])"
        ((number,),) = self.connection.execute(statement, (owners,)).fetchall()
        return int(number)

    def _batches(self, statement: str, arguments: tuple[list[int], ...] = ()) -> Iterator[Batch]:
        # A cursor of the server: the client never has all rows beside the matrix.
        with self.connection.cursor("batches", binary=True) as cursor:
            cursor.execute(statement, arguments)
            while rows := cursor.fetchmany(BATCH):
                yield [
                    (owner, model, from_wire(sent), quality) for owner, model, sent, quality in rows
                ]


def read_dimension(connection: Connection) -> int:
    """Return the length of a gallery's vectors; 0 before the first enrolment."""
    first = connection.execute("SELECT vector_dims(vector) FROM reference LIMIT 1").fetchone()
    return noted_dimension(schema.read_meta(connection), None if first is None else first[0])


def _summary(
    name: str, references: int, moment: datetime, number: int, metadata: str
) -> IdentitySummary:
    return IdentitySummary(
        name, references, moment.astimezone(UTC), number, codec.decode_metadata(metadata)
    )
