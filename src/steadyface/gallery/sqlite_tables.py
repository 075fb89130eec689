"""What an SQLite gallery tells its tables."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from steadyface.gallery import codec, schema
from steadyface.gallery.sqlite_queries import SqliteReading
from steadyface.gallery.tables import Affected, Change

_HOLDERS = (
    "SELECT identity.id, identity.name FROM reference"
    " JOIN identity ON identity.id = reference.identity_id"
    f" WHERE {schema.VECTOR_START.format('vector')} = {schema.VECTOR_START.format('?1')}"
    " AND vector = ?1"
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

    def add_identities(self, names: Sequence[str], moment: datetime) -> dict[str, int]:
        """Make identities of those of these names that have none; return the id of every one."""
        now, owners = codec.encode_time(moment), dict[str, int]()
        for name in names:
            owner = self.identity_id(name)
            if owner is None:  # not ON CONFLICT, which uses an id up also where there is one
                statement = "INSERT INTO identity (name, created_at) VALUES (?, ?)"
                owner = self._connection.execute(statement, (name, now)).lastrowid
                assert owner is not None  # just inserted
            owners[name] = owner
        return owners

    def rename_identity(self, owner: int, name: str) -> None:
        """Give an identity a name that no other has."""
        self._connection.execute("UPDATE identity SET name = ? WHERE id = ?", (name, owner))

    def delete_identities(self, owners: Iterable[int]) -> None:
        """Delete identities with all their references."""
        self._connection.executemany(
            "DELETE FROM identity WHERE id = ?", [(owner,) for owner in owners]
        )

    def metadata(self, owners: Sequence[int]) -> dict[int, str]:
        """Return the metadata of identities."""
        statement = "SELECT metadata FROM identity WHERE id = ?"
        return {
            owner: str(self._connection.execute(statement, (owner,)).fetchone()[0])
            for owner in owners
        }

    def set_metadata(self, metadata: Mapping[int, str]) -> None:
        """Replace the metadata of identities."""
        self._connection.executemany(
            "UPDATE identity SET metadata = ? WHERE id = ?",
            [(text, owner) for owner, text in metadata.items()],
        )

    def count_references(self, owners: Sequence[int]) -> dict[int, int]:
        """Return how many references each identity has."""
        statement = "SELECT COUNT(*) FROM reference WHERE identity_id = ?"
        return {owner: self._number(statement, owner) for owner in owners}

    def reference_owners(self, owner: int | None = None) -> dict[int, int]:
        """Return whose each reference is, by its id; of one identity alone where it is given."""
        statement = "SELECT id, identity_id FROM reference"
        if owner is None:
            return dict(self._connection.execute(statement))
        return dict(self._connection.execute(f"{statement} WHERE identity_id = ?", (owner,)))

    def holders(self, vectors: Sequence[bytes]) -> dict[bytes, dict[int, str]]:
        """Return who has each vector. No server is asked: one after another takes little time."""
        execute = self._connection.execute
        return {vector: dict(execute(_HOLDERS, (vector,)).fetchall()) for vector in vectors}

    def insert_references(
        self, references: Sequence[tuple[int, codec.EncodedReference]], moment: datetime
    ) -> None:
        """Append references to identities."""
        model_id, now = self._model_id, codec.encode_time(moment)
        self._connection.executemany(
            "INSERT INTO reference"
            " (identity_id, model_id, source, metadata, quality, calibration, created_at, vector)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (owner, model_id, r.source, r.metadata, r.quality, r.calibration, now, r.vector)
                for owner, r in references
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

    def raise_revision(self, changes: int = 1) -> int:
        """Count so many changes more; return the new number."""
        self._connection.execute(
            "UPDATE meta SET value = CAST(value AS INTEGER) + ? WHERE key = 'revision'", (changes,)
        )
        return self.revision()

    def stamp(self, revisions: Mapping[int, int]) -> None:
        """Note at which revision identities were changed last."""
        self._connection.executemany(
            "UPDATE identity SET revision = ? WHERE id = ?",
            [(revision, owner) for owner, revision in revisions.items()],
        )

    def stamp_all(self, revision: int) -> None:
        """Note that every identity was changed last at this revision."""
        self._connection.execute("UPDATE identity SET revision = ?", (revision,))

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
