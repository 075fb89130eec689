"""What a PostgreSQL gallery tells its tables."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from steadyface.errors import GalleryError
from steadyface.gallery import codec
from steadyface.gallery import postgres_schema as schema
from steadyface.gallery import postgres_search as search
from steadyface.gallery.postgres_connection import (
    WireVector,
    from_wire,
    without_statement_timeout,
)
from steadyface.gallery.postgres_queries import PostgresReading
from steadyface.gallery.tables import Affected, Change

#: Of pgvector.
LONGEST_VECTOR = 16_000


class PostgresTables(PostgresReading):
    """The tables of a PostgreSQL gallery in a transaction that writes; see `tables.Tables`."""

    def note_dimension(self, dimension: int, what: str) -> None:
        """Note the length of vectors, unless one is noted.

        Raises:
            GalleryError: it is too long; names `what`.
        """
        if dimension > LONGEST_VECTOR:
            raise GalleryError(
                f"{what} has {dimension} numbers, and vectors of PostgreSQL have {LONGEST_VECTOR} "
                "at most; use another model or another store"
            )
        self.connection.execute(
            "INSERT INTO meta (key, value) VALUES ('dimension', %s) ON CONFLICT DO NOTHING",
            (str(dimension),),
        )

    def add_identities(self, names: Sequence[str], moment: datetime) -> dict[str, int]:
        """Make identities of those of these names that have none; return the id of every one."""
        # Not ON CONFLICT, which takes a number of the sequence also where there is one.
        self.connection.execute(
            "INSERT INTO identity (name, created_at) SELECT offered, %s"
            " FROM unnest(%b::text[]) WITH ORDINALITY AS offers (offered, place)"
            " WHERE NOT EXISTS (SELECT FROM identity WHERE name = offered) ORDER BY place",
            (moment, list(names)),
        )
        statement = (
            "SELECT offered, (SELECT id FROM identity WHERE name = offered)"
            " FROM unnest(%b::text[]) AS offered"
        )
        return dict(self.connection.execute(statement, (list(names),)).fetchall())

    def rename_identity(self, owner: int, name: str) -> None:
        """Give an identity a name that no other has."""
        self.connection.execute("UPDATE identity SET name = %s WHERE id = %s", (name, owner))

    def delete_identities(self, owners: Iterable[int]) -> None:
        """Delete identities with all their references."""
        self._for_each("DELETE FROM identity WHERE id = %s", [(owner,) for owner in owners])

    def metadata(self, owners: Sequence[int]) -> dict[int, str]:
        """Return the metadata of identities."""
        statement = "SELECT id, metadata::text FROM identity WHERE id = ANY(%s::bigint[])"
        return dict(self.connection.execute(statement, (list(owners),)).fetchall())

    def set_metadata(self, metadata: Mapping[int, str]) -> None:
        """Replace the metadata of identities."""
        self._for_each(
            "UPDATE identity SET metadata = %s WHERE id = %s",
            [(text, owner) for owner, text in metadata.items()],
        )

    def count_references(self, owners: Sequence[int]) -> dict[int, int]:
        """Return how many references each identity has."""
        statement = (
            "SELECT owner, (SELECT count(*) FROM reference WHERE identity_id = owner)"
            " FROM unnest(%b::bigint[]) AS owner"
        )
        return dict(self.connection.execute(statement, (list(owners),)).fetchall())

    def reference_owners(self, owner: int | None = None) -> dict[int, int]:
        """Return whose each reference is, by its id; of one identity alone where it is given."""
        statement = "SELECT id, identity_id FROM reference"
        if owner is None:
            return dict(self.connection.execute(statement).fetchall())
        statement += " WHERE identity_id = %s"
        return dict(self.connection.execute(statement, (owner,)).fetchall())

    def holders(self, vectors: Sequence[bytes]) -> dict[bytes, dict[int, str]]:
        """Return who has each vector; those that nobody has are absent."""
        # Names by id: an identity may have one image twice after `replace_all`, and is told once.
        holders: dict[bytes, dict[int, str]] = defaultdict(dict)
        # Vector by vector (OFFSET 0): nothing is known of how they differ, and the planner, which
        # expects many to be the same, would read the whole table for a batch.
        rows = self.connection.execute(
            "SELECT sent, holder, (SELECT name FROM identity WHERE id = holder)"
            " FROM unnest(%b::bytea[]) AS sent CROSS JOIN LATERAL (SELECT identity_id"
            f" FROM reference WHERE {schema.VECTOR_BYTES} = sent OFFSET 0) AS found (holder)",
            ([bytes(WireVector.of(vector)) for vector in vectors],),
            binary=True,
        )
        for sent, holder, name in rows:
            holders[from_wire(sent)][holder] = name
        return holders

    def insert_references(
        self, references: Sequence[tuple[int, codec.EncodedReference]], moment: datetime
    ) -> None:
        """Append references to identities."""
        model_id = self.model_id
        self._append(
            "reference"
            " (identity_id, model_id, source, metadata, quality, calibration, created_at, vector)",
            "int8 text text text float8 text timestamptz bytea",
            [
                (
                    *(owner, model_id, r.source, r.metadata, r.quality, r.calibration),
                    *(moment, bytes(WireVector.of(r.vector))),
                )
                for owner, r in references
            ],
        )

    def replace_references(
        self, owners: Mapping[int, int], references: Mapping[int, codec.EncodedReference]
    ) -> None:
        """Give references the embeddings of these."""
        # By owner too: a table in parts is indexed so alone.
        self._for_each(
            "UPDATE reference SET model_id = %s, vector = %s, quality = %s, calibration = %s"
            " WHERE identity_id = %s AND id = %s",
            [
                (self.model_id, WireVector.of(r.vector), r.quality, r.calibration, owner, number)
                for number, owner in owners.items()
                if (r := references.get(number)) is not None
            ],
        )

    def delete_references(self, owners: Mapping[int, int]) -> None:
        """Delete references."""
        self._for_each(
            "DELETE FROM reference WHERE identity_id = %s AND id = %s",
            [(owner, number) for number, owner in owners.items()],
        )

    def delete_older_references(self, older_than: datetime) -> None:
        """Delete the references enrolled before a moment."""
        without_statement_timeout(self.connection)
        self.connection.execute("DELETE FROM reference WHERE created_at < %s", (older_than,))

    def become(self, model_id: str, dimension: int | None, what: str) -> None:
        """Note another model and the length of its vectors.

        The index is for vectors of one length: it stays only where they keep it.
        """
        without_statement_timeout(self.connection)
        if dimension != self.dimension():
            search.drop(self.connection)
        self.connection.execute("UPDATE meta SET value = %s WHERE key = 'model_id'", (model_id,))
        self.connection.execute("DELETE FROM meta WHERE key = 'dimension'")
        if dimension is not None:
            self.note_dimension(dimension, what)
        self.model_id = model_id

    def raise_revision(self, changes: int = 1) -> int:
        """Count so many changes more; return the new number."""
        self.connection.execute(
            "UPDATE meta SET value = (value::bigint + %s)::text WHERE key = 'revision'", (changes,)
        )
        return self.revision()

    def stamp(self, revisions: Mapping[int, int]) -> None:
        """Note at which revision identities were changed last."""
        self.connection.execute(
            "UPDATE identity SET revision = stamp"
            " FROM unnest(%b::bigint[], %b::bigint[]) AS stamps (owner, stamp) WHERE id = owner",
            (list(revisions), list(revisions.values())),
        )

    def stamp_all(self, revision: int) -> None:
        """Note that every identity was changed last at this revision."""
        self.connection.execute("UPDATE identity SET revision = %s", (revision,))

    def note_removed(self, revision: int, owners: Iterable[int]) -> None:
        """Note at which revision identities were deleted."""
        self._for_each(
            "INSERT INTO removed (revision, id) VALUES (%s, %s)",
            [(revision, owner) for owner in owners],
        )

    def enter(self, change: Change, affected: Sequence[Affected]) -> None:
        """Append to the audit."""
        self._append(
            "audit (moment, actor, action, identity_id, reference_count)",
            "timestamptz text text int8 int8",
            [
                (change.moment, change.actor, one.action, one.identity_id, one.references)
                for one in affected
            ],
        )

    def mark_for_erasure(self, *, only_metadata: bool = False) -> None:
        """Note that remains are to be erased."""
        self.connection.execute(
            "INSERT INTO meta (key, value) VALUES (%s, %s)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            ("erase-metadata" if only_metadata else "erase", uuid.uuid4().hex),
        )

    def _append(self, table: str, types: str, rows: Sequence[Sequence[object]]) -> None:
        """Append rows in one go, to columns of these types.

        In binary a text is also a json, and bytes are passed on as they are: to a `vector`, whose
        type has another number in every database.
        """
        if not rows:
            return
        statement = f"COPY {table} FROM STDIN (FORMAT BINARY)"
        with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(types.split())
            for row in rows:
                copy.write_row(row)

    def _for_each(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        if rows:
            with self.connection.cursor() as cursor:
                cursor.executemany(statement, rows)
