"""What an SQLite gallery tells its tables."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from steadyface.gallery import codec, schema
from steadyface.gallery.sealing import Entry, Place
from steadyface.gallery.sqlite_queries import SqliteReading
from steadyface.gallery.tables import Affected, Change

_HOLDERS = (
    "SELECT reference.id, vector, identity.id, name, identity.metadata FROM reference"
    " JOIN identity ON identity.id = reference.identity_id"
    f" WHERE {schema.VECTOR_START.format('vector')} = {schema.VECTOR_START.format('?1')}"
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
        owners = {name: owner for name in names if (owner := self.identity_id(name)) is not None}
        new = [name for name in dict.fromkeys(names) if name not in owners]
        now, first, seal = codec.encode_time(moment), self._next_id("identity"), self._sealing
        owners |= {name: number for number, name in enumerate(new, start=first)}
        self._connection.executemany(
            "INSERT INTO identity (id, name, created_at, metadata) VALUES (?, ?, ?, ?)",
            [
                (
                    owners[name],
                    seal.name_key(name),
                    now,
                    seal.seal_profile(owners[name], name, codec.NO_METADATA),
                )
                for name in new
            ],
        )
        return owners

    def rename_identity(self, owner: int, name: str) -> None:
        """Give an identity a name that no other has."""
        self._set_profile(owner, name, self._profile(owner)[1])

    def delete_identities(self, owners: Iterable[int]) -> None:
        """Delete identities with all their references."""
        self._connection.executemany(
            "DELETE FROM identity WHERE id = ?", [(owner,) for owner in owners]
        )

    def metadata(self, owners: Sequence[int]) -> dict[int, str]:
        """Return the metadata of identities."""
        return {owner: self._profile(owner)[1] for owner in owners}

    def set_metadata(self, metadata: Mapping[int, str]) -> None:
        """Replace the metadata of identities."""
        for owner, text in metadata.items():
            self._set_profile(owner, self._profile(owner)[0], text)

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
        return {vector: self._holders(vector) for vector in vectors}

    def insert_references(
        self, references: Sequence[tuple[int, codec.EncodedReference]], moment: datetime
    ) -> None:
        """Append references to identities."""
        model_id, now, seal = self._model_id, codec.encode_time(moment), self._sealing
        first = self._next_id("reference")
        self._connection.executemany(
            "INSERT INTO reference"
            " (id, identity_id, model_id, source, metadata, quality, calibration, created_at,"
            " vector) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    place.reference,
                    owner,
                    model_id,
                    seal.seal_text(place, "source", r.source),
                    seal.seal_text(place, "metadata", r.metadata),
                    r.quality,
                    r.calibration,
                    now,
                    seal.seal_vector(place, r.vector),
                )
                for number, (owner, r) in enumerate(references, start=first)
                for place in [Place(number, owner)]
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
                (
                    self._model_id,
                    self._sealing.seal_vector(Place(number, owner), r.vector),
                    r.quality,
                    r.calibration,
                    number,
                )
                for number, owner in owners.items()
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
        moment, first = codec.encode_time(change.moment), self._next_id("audit")
        entries = [
            Entry(number, moment, one.action, one.identity_id, one.references)
            for number, one in enumerate(affected, start=first)
        ]
        self._connection.executemany(
            "INSERT INTO audit (id, moment, action, identity_id, reference_count, actor)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [(*entry, self._sealing.seal_actor(entry, change.actor)) for entry in entries],
        )

    def mark_for_erasure(self, *, only_metadata: bool = False) -> None:
        """Note that remains are to be erased; the file is rebuilt as a whole whatever they are."""
        del only_metadata
        self._connection.execute(
            "INSERT OR REPLACE INTO meta (key, value) VALUES ('erase', ?)", (uuid.uuid4().hex,)
        )

    def _next_id(self, table: str) -> int:
        """The id that AUTOINCREMENT would give; sealed values are bound to theirs."""
        return self._number(
            "SELECT 1 + max(ifnull((SELECT seq FROM sqlite_sequence WHERE name = ?1), 0),"
            f" ifnull((SELECT max(id) FROM {table}), 0))",
            table,
        )

    def _holders(self, vector: bytes) -> dict[int, str]:
        """Which identities have this vector, by their ids."""
        return {
            owner: self._sealing.open_profile(owner, key, profile)[0]
            for number, stored, owner, key, profile in self._connection.execute(
                _HOLDERS, (self._sealing.vector_start(vector),)
            )
            if self._sealing.open_vector(Place(number, owner), stored) == vector
        }

    def _profile(self, owner: int) -> tuple[str, str]:
        statement = "SELECT name, metadata FROM identity WHERE id = ?"
        row = self._connection.execute(statement, (owner,)).fetchone()
        return self._sealing.open_profile(owner, *row)

    def _set_profile(self, owner: int, name: str, metadata: str) -> None:
        self._connection.execute(
            "UPDATE identity SET name = ?, metadata = ? WHERE id = ?",
            (
                self._sealing.name_key(name),
                self._sealing.seal_profile(owner, name, metadata),
                owner,
            ),
        )
