"""What an SQLite gallery asks its tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import cast

from steadyface.gallery import codec, schema
from steadyface.gallery.rows import (
    BATCH,
    Batch,
    assemble_changes,
    assemble_templates,
    noted_dimension,
)
from steadyface.gallery.sealing import Entry, Place, Sealing, Stored
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

_SUMMARY = (
    "SELECT name, (SELECT COUNT(*) FROM reference WHERE identity_id = identity.id),"
    " created_at, id, metadata FROM identity"
)
# Each part stops at the limit by itself: sorting all that is newer would take its time. Two for
# identities, since SQLite looks up (revision, id) > (?, ?) by the revision alone where the id is
# the row's, and `replace_all` gives everybody the same one.
_NEWER = """
    SELECT * FROM (
        SELECT revision, id, name, metadata FROM identity WHERE revision = ?1 AND id > ?2
        ORDER BY id LIMIT ?3
    )
    UNION ALL
    SELECT * FROM (
        SELECT revision, id, name, metadata FROM identity WHERE revision > ?1
        ORDER BY revision, id LIMIT ?3
    )
    UNION ALL
    SELECT * FROM (
        SELECT revision, id, NULL, NULL FROM removed WHERE (revision, id) > (?1, ?2)
        ORDER BY revision, id LIMIT ?3
    )
    ORDER BY 1, 2 LIMIT ?3
"""
#: Below 1,000, the most values that a statement of an old SQLite takes.
_AT_ONCE = 500
_REFERENCES = "SELECT identity_id, model_id, vector, quality, id FROM reference"


class SqliteReading:
    """The tables of an SQLite gallery in a transaction that reads; see `tables.Reading`.

    Args:
        connection: to the file.
        location: the gallery, for messages.
        model_id: the model whose embeddings it holds.
        sealing: how its values are written.
    """

    def __init__(
        self, connection: sqlite3.Connection, location: str, model_id: str, sealing: Sealing
    ) -> None:
        self._connection = connection
        self._model_id = model_id
        self._sealing = sealing
        self.location = location

    def identity_id(self, name: str) -> int | None:
        """Return the id of the identity of this name; None where there is none."""
        key = (self._sealing.name_key(name),)
        row = self._connection.execute("SELECT id FROM identity WHERE name = ?", key).fetchone()
        return None if row is None else int(row[0])

    def identity_names(self) -> list[str]:
        """Return every name."""
        return [name for _, name in self._names()]

    def identities(self, *, limit: int | None, offset: int) -> list[IdentitySummary]:
        """Return a page of the identities by name."""
        if self._sealing.note is None:
            rows = self._connection.execute(
                f"{_SUMMARY} ORDER BY name LIMIT ? OFFSET ?",
                (-1 if limit is None else limit, offset),
            )
            return [self._summary(*row) for row in rows]
        # What stands for a name sorts by nothing: all names are opened.
        if limit is None:
            found = [self._summary(*row) for row in self._connection.execute(_SUMMARY)]
            return sorted(found, key=lambda one: one.name)[offset:]
        names = sorted((name, number) for number, name in self._names())
        return [self.identity(number) for _, number in names[offset : offset + limit]]

    def identity(self, owner: int) -> IdentitySummary:
        """Return the identity with this id."""
        row = self._connection.execute(f"{_SUMMARY} WHERE id = ?", (owner,)).fetchone()
        return self._summary(*row)

    def audit(self, *, limit: int | None, after: int) -> list[AuditEntry]:
        """Return a page of the audit."""
        rows = self._connection.execute(
            "SELECT id, moment, action, identity_id, reference_count, actor FROM audit"
            " WHERE id > ? ORDER BY id LIMIT ?",
            (after, -1 if limit is None else limit),
        )
        return [
            # Not checked: a later steadyface may know more actions.
            AuditEntry(
                entry.number,
                codec.decode_time(entry.moment),
                self._sealing.open_actor(entry, actor),
                cast(AuditAction, entry.action),
                entry.identity,
                entry.references,
            )
            for *facts, actor in rows
            for entry in [Entry(*facts)]
        ]

    def revision(self) -> int:
        """Return how many changes the gallery has been through."""
        row = self._connection.execute("SELECT value FROM meta WHERE key = 'revision'").fetchone()
        if row is None:
            raise ValueError("it does not say how often it was changed")
        return int(row[0])

    def prunable(self, older_than: datetime) -> tuple[dict[int, int], list[int]]:
        """Return how many references `prune` removes by identity, and which identities."""
        moment = codec.encode_time(older_than)
        references = self._connection.execute(
            "SELECT identity_id, COUNT(*) FROM reference WHERE created_at < ? GROUP BY identity_id",
            (moment,),
        )
        identities = self._connection.execute(
            "SELECT id FROM identity WHERE created_at < ?1 AND NOT EXISTS"
            " (SELECT 1 FROM reference WHERE identity_id = identity.id AND created_at >= ?1)",
            (moment,),
        )
        return dict(references.fetchall()), [owner for (owner,) in identities]

    def count(self) -> Counts:
        """Return how much the gallery holds."""
        row = self._connection.execute(
            "SELECT (SELECT COUNT(*) FROM identity), (SELECT COUNT(*) FROM reference)"
        ).fetchone()
        return Counts(*row)

    def stats(self) -> Stats:
        """Return how much the gallery holds and takes."""
        pages, page_size = self._number("PRAGMA page_count"), self._number("PRAGMA page_size")
        version = schema.read_version(self._connection)
        return Stats(
            self.count(),
            self._model_id,
            version,
            size=pages * page_size,
            encrypted=self._sealing.note is not None,
        )

    def references(self, owner: int) -> list[StoredReference]:
        """Return the references of the identity with this id, first enrolled first."""
        rows = self._connection.execute(
            "SELECT vector, id, model_id, source, metadata, quality, created_at, calibration"
            " FROM reference WHERE identity_id = ? ORDER BY id",
            (owner,),
        ).fetchall()
        sealing, places = self._sealing, [Place(row[1], owner) for row in rows]
        opened = [sealing.open_vector(at, row[0]) for at, row in zip(places, rows, strict=True)]
        vectors = codec.decode_vectors(opened, self.dimension())
        return [
            StoredReference(
                id=number,
                embedding=Embedding(vector, model_id),
                source=sealing.open_text(Place(number, owner), "source", source),
                metadata=codec.decode_metadata(
                    sealing.open_text(Place(number, owner), "metadata", metadata)
                ),
                quality=quality,
                enrolled_at=codec.decode_time(moment),
                calibration=calibration,
            )
            for vector, (_, number, model_id, source, metadata, quality, moment, calibration) in (
                zip(vectors, rows, strict=True)
            )
        ]

    def templates(self) -> Templates:
        """Return every reference; the arrays are read-only."""
        cursor = self._connection.execute(f"{_REFERENCES} ORDER BY identity_id, id")
        return assemble_templates(
            self._names(),
            map(self._sealing.open_vectors, iter(lambda: cursor.fetchmany(BATCH), [])),
            total=self._number("SELECT COUNT(*) FROM reference"),
            dimension=self.dimension(),
            model_id=self._model_id,
        )

    def changes(self, since: Mark, limit: int) -> Changes:
        """Return a page of who was changed or removed after a mark."""
        rows = self._connection.execute(_NEWER, (since.revision, since.identity, limit + 1))
        items = [
            (
                revision,
                number,
                None if key is None else self._sealing.open_profile(number, key, profile)[0],
            )
            for revision, number, key, profile in rows
        ]
        owners = [number for _, number, name in items[:limit] if name is not None]
        references = self._references_of(owners)
        return assemble_changes(
            since,
            items,
            [references],
            limit=limit,
            total=len(references),
            dimension=self.dimension(),
            model_id=self._model_id,
        )

    def dimension(self) -> int:
        """Return the length of the gallery's vectors; 0 before the first enrolment."""
        first = self._connection.execute("SELECT length(vector) FROM reference LIMIT 1").fetchone()
        # Not a whole number where the blob is cut: then it equals no noted one.
        size = None if first is None else first[0] - self._sealing.overhead
        stored = None if size is None else size / codec.VECTOR_DTYPE.itemsize
        return noted_dimension(schema.read_meta(self._connection), stored)

    def _references_of(self, owners: Sequence[int]) -> Batch:
        """References grouped by identity in this order; many a statement take half the time."""
        rows: list[tuple[int, str, bytes, float | None, int]] = []
        for start in range(0, len(owners), _AT_ONCE):
            some = owners[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            statement = f"{_REFERENCES} WHERE identity_id IN ({marks}) ORDER BY identity_id, id"
            rows += self._connection.execute(statement, some)
        place = {owner: number for number, owner in enumerate(owners)}
        rows.sort(key=lambda row: place[row[0]])
        return self._sealing.open_vectors(rows)

    def _number(self, statement: str, *arguments: int | str) -> int:
        return int(self._connection.execute(statement, arguments).fetchone()[0])

    def _names(self) -> list[tuple[int, str]]:
        rows = self._connection.execute("SELECT id, name, metadata FROM identity ORDER BY id")
        return [
            (number, self._sealing.open_profile(number, key, profile)[0])
            for number, key, profile in rows
        ]

    def _summary(
        self, key: str, references: int, moment: str, number: int, profile: Stored
    ) -> IdentitySummary:
        name, metadata = self._sealing.open_profile(number, key, profile)
        return IdentitySummary(
            name, references, codec.decode_time(moment), number, codec.decode_metadata(metadata)
        )
