"""What an SQLite gallery tells its tables."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from steadyface.gallery import codec, schema
from steadyface.gallery.sqlite_queries import SqliteReading
from steadyface.gallery.tables import Affected, Change
from steadyface.gallery.values import Duplicate

_HOLDERS = (
    "SELECT identity.id, identity.name FROM reference"
    " JOIN identity ON identity.id = reference.identity_id"
    f" WHERE {schema.VECTOR_START.format('vector')} = {schema.VECTOR_START.format('?1')}"
    " AND vector = ?1 ORDER BY identity.name"
)


class SqliteTables(SqliteReading):
    """The tables of an SQLite gallery in a transaction that writes; see `tables.Tables`."""

    def note_dimension(self, dimension: int, what: str) -> None:
        """Note the length of vectors, unless one is noted; SQLite takes any."""
        del what
        self._connection.execute(
            "INSERT INTO meta (key, value) VALUES ('dimension', ?) ON CONFLICT DO NOTHING",
            (str(dimension),),
        )

    def add_identity(self, name: str, moment: datetime) -> None:
        """Make an identity of this name, unless there is one."""
        self._connection.execute(
            "INSERT INTO identity (name, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
            (name, codec.encode_time(moment)),
        )

    def rename_identity(self, owner: int, name: str) -> None:
        """Give an identity a name that no other has."""
        self._connection.execute("UPDATE identity SET name = ? WHERE id = ?", (name, owner))

    def delete_identities(self, owners: Iterable[int]) -> None:
        """Delete identities with all their references."""
        self._connection.executemany(
            "DELETE FROM identity WHERE id = ?", [(owner,) for owner in owners]
        )

    def metadata(self, owner: int) -> str:
        """Return the metadata of an identity."""
        statement = "SELECT metadata FROM identity WHERE id = ?"
        return str(self._connection.execute(statement, (owner,)).fetchone()[0])

    def set_metadata(self, owner: int, metadata: str) -> None:
        """Replace the metadata of an identity."""
        self._connection.execute("UPDATE identity SET metadata = ? WHERE id = ?", (metadata, owner))

    def count_references(self, owner: int) -> int:
        """Return how many references an identity has."""
        return self._number("SELECT COUNT(*) FROM reference WHERE identity_id = ?", owner)

    def reference_owners(self, owner: int | None = None) -> dict[int, int]:
        """Return whose each reference is, by its id; of one identity alone where it is given."""
        statement = "SELECT id, identity_id FROM reference"
        if owner is None:
            return dict(self._connection.execute(statement))
        return dict(self._connection.execute(f"{statement} WHERE identity_id = ?", (owner,)))

    def new_references(
        self, owner: int, offered: Sequence[codec.EncodedReference]
    ) -> tuple[list[codec.EncodedReference], tuple[Duplicate, ...]]:
        """Return which references an identity lacks, and which another identity has."""
        new: dict[bytes, codec.EncodedReference] = {}
        duplicates = []
        for reference in offered:
            holders = dict(self._connection.execute(_HOLDERS, (reference.vector,)).fetchall())
            if holders.pop(owner, None) is None:
                new.setdefault(reference.vector, reference)
            duplicates += [Duplicate(reference.source, name) for name in holders.values()]
        return list(new.values()), tuple(duplicates)

    def insert_references(
        self, owner: int, references: Sequence[codec.EncodedReference], moment: datetime
    ) -> None:
        """Append references to an identity."""
        model_id, now = self._model_id, codec.encode_time(moment)
        self._connection.executemany(
            "INSERT INTO reference"
            " (identity_id, model_id, source, metadata, quality, calibration, created_at, vector)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (owner, model_id, r.source, r.metadata, r.quality, r.calibration, now, r.vector)
                for r in references
            ],
        )

    def replace_references(
        self, owners: Mapping[int, int], references: Mapping[int, codec.EncodedReference]
    ) -> None:
        """Give references the embeddings of these."""
        self._connection.executemany(
            "UPDATE reference SET model_id = ?, vector = ?, quality = ?, calibration = ?"
            " WHERE id = ?",
            [
                (self._model_id, r.vector, r.quality, r.calibration, number)
                for number in owners
                if (r := references.get(number)) is not None
            ],
        )

    def delete_references(self, owners: Mapping[int, int]) -> None:
        """Delete references."""
        self._connection.executemany(
            "DELETE FROM reference WHERE id = ?", [(number,) for number in owners]
        )

    def delete_older_references(self, older_than: datetime) -> None:
        """Delete the references enrolled before a moment."""
        moment = codec.encode_time(older_than)
        self._connection.execute("DELETE FROM reference WHERE created_at < ?", (moment,))

    def become(self, model_id: str, dimension: int | None, what: str) -> None:
        """Note another model and the length of its vectors."""
        self._connection.execute("UPDATE meta SET value = ? WHERE key = 'model_id'", (model_id,))
        self._connection.execute("DELETE FROM meta WHERE key = 'dimension'")
        if dimension is not None:
            self.note_dimension(dimension, what)
        self._model_id = model_id

    def raise_revision(self) -> int:
        """Count one change more; return the new number."""
        self._connection.execute(
            "UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'revision'"
        )
        return self.revision()

    def stamp(self, revision: int, owners: Iterable[int] | None) -> None:
        """Note that identities were changed last at this revision; None for all of them."""
        if owners is None:
            self._connection.execute("UPDATE identity SET revision = ?", (revision,))
        else:
            self._connection.executemany(
                "UPDATE identity SET revision = ? WHERE id = ?",
                [(revision, owner) for owner in owners],
            )

    def note_removed(self, revision: int, owners: Iterable[int]) -> None:
        """Note at which revision identities were deleted."""
        self._connection.executemany(
            "INSERT INTO removed (revision, id) VALUES (?, ?)",
            [(revision, owner) for owner in owners],
        )

    def enter(self, change: Change, affected: Sequence[Affected]) -> None:
        """Append to the audit."""
        moment = codec.encode_time(change.moment)
        self._connection.executemany(
            "INSERT INTO audit (moment, actor, action, identity_id, reference_count)"
            " VALUES (?, ?, ?, ?, ?)",
            [
                (moment, change.actor, one.action, one.identity_id, one.references)
                for one in affected
            ],
        )

    def mark_for_erasure(self, *, only_metadata: bool = False) -> None:
        """Note that remains are to be erased; the file is rebuilt as a whole whatever they are."""
        del only_metadata
        self._connection.execute(
            "INSERT OR REPLACE INTO meta (key, value) VALUES ('erase', ?)", (uuid.uuid4().hex,)
        )
