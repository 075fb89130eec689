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
from steadyface.gallery.values import Duplicate

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

    def add_identity(self, name: str, moment: datetime) -> None:
        """Make an identity of this name, unless there is one."""
        # Not ON CONFLICT, which takes a number of the sequence also where there is one.
        self.connection.execute(
            "INSERT INTO identity (name, created_at) SELECT %(name)s, %(moment)s"
            " WHERE NOT EXISTS (SELECT FROM identity WHERE name = %(name)s)",
            {"name": name, "moment": moment},
        )

    def rename_identity(self, owner: int, name: str) -> None:
        """Give an identity a name that no other has."""
        self.connection.execute("UPDATE identity SET name = %s WHERE id = %s", (name, owner))

    def delete_identities(self, owners: Iterable[int]) -> None:
        """Delete identities with all their references."""
        self._for_each("DELETE FROM identity WHERE id = %s", [(owner,) for owner in owners])

    def metadata(self, owner: int) -> str:
        """Return the metadata of an identity."""
        statement = "SELECT metadata::text FROM identity WHERE id = %s"
        ((metadata,),) = self.connection.execute(statement, (owner,)).fetchall()
        return str(metadata)

    def set_metadata(self, owner: int, metadata: str) -> None:
        """Replace the metadata of an identity."""
        statement = "UPDATE identity SET metadata = %s WHERE id = %s"
        self.connection.execute(statement, (metadata, owner))

    def count_references(self, owner: int) -> int:
        """Return how many references an identity has."""
        return self._count_references([owner])

    def reference_owners(self, owner: int | None = None) -> dict[int, int]:
        """Return whose each reference is, by its id; of one identity alone where it is given."""
        statement = "SELECT id, identity_id FROM reference"
        if owner is None:
            return dict(self.connection.execute(statement).fetchall())
        statement += " WHERE identity_id = %s"
        return dict(self.connection.execute(statement, (owner,)).fetchall())

    def new_references(
        self, owner: int, offered: Sequence[codec.EncodedReference]
    ) -> tuple[list[codec.EncodedReference], tuple[Duplicate, ...]]:
        """Return which references an identity lacks, and which another identity has."""
        # Names by id: an identity may have one image twice after `replace_all`, and is told once.
        holders: dict[bytes, dict[int, str]] = defaultdict(dict)
        rows = self.connection.execute(
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
        self, owner: int, references: Sequence[codec.EncodedReference], moment: datetime
    ) -> None:
        """Append references to an identity."""
        self._for_each(
            "INSERT INTO reference"
            " (identity_id, model_id, source, metadata, quality, calibration, created_at, vector)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    *(owner, self.model_id, r.source, r.metadata, r.quality, r.calibration),
                    *(moment, WireVector.of(r.vector)),
                )
                for r in references
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

    def raise_revision(self) -> int:
        """Count one change more; return the new number."""
        self.connection.execute(
            "UPDATE meta SET value = (value::bigint + 1)::text WHERE key = 'revision'"
        )
        return self.revision()

    def stamp(self, revision: int, owners: Iterable[int] | None) -> None:
        """Note that identities were changed last at this revision; None for all of them."""
        if owners is None:
            self.connection.execute("UPDATE identity SET revision = %s", (revision,))
        else:
            self._for_each(
                "UPDATE identity SET revision = %s WHERE id = %s",
                [(revision, owner) for owner in owners],
            )

    def note_removed(self, revision: int, owners: Iterable[int]) -> None:
        """Note at which revision identities were deleted."""
        self._for_each(
            "INSERT INTO removed (revision, id) VALUES (%s, %s)",
            [(revision, owner) for owner in owners],
        )

    def enter(self, change: Change, affected: Sequence[Affected]) -> None:
        """Append to the audit."""
        self._for_each(
            "INSERT INTO audit (moment, actor, action, identity_id, reference_count)"
            " VALUES (%s, %s, %s, %s, %s)",
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

    def _for_each(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        if rows:
            with self.connection.cursor() as cursor:
                cursor.executemany(statement, rows)
