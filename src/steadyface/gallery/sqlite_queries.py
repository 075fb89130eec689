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
        SELECT revision, id, name FROM identity WHERE revision = ?1 AND id > ?2
        ORDER BY id LIMIT ?3
    )
    UNION ALL
    SELECT * FROM (
        SELECT revision, id, name FROM identity WHERE revision > ?1
        ORDER BY revision, id LIMIT ?3
    )
    UNION ALL
    SELECT * FROM (
        SELECT revision, id, NULL FROM removed WHERE (revision, id) > (?1, ?2)
        ORDER BY revision, id LIMIT ?3
    )
    ORDER BY 1, 2 LIMIT ?3
"""
#: Below 1,000, the most values that a statement of an old SQLite takes.
_AT_ONCE = 500
_REFERENCES = "SELECT identity_id, model_id, vector, quality FROM reference"


class SqliteReading:
    """The tables of an SQLite gallery in a transaction that reads; see `tables.Reading`.

    Args:
        connection: to the file.
        location: the gallery, for messages.
        model_id: the model whose embeddings it holds.
    """

    def __init__(self, connection: sqlite3.Connection, location: str, model_id: str) -> None:
        self._connection = connection
        self._model_id = model_id
        self.location = location

    def identity_id(self, name: str) -> int | None:
        """Return the id of the identity of this name; None where there is none."""
        row = self._connection.execute("SELECT id FROM identity WHERE name = ?", (name,)).fetchone()
        return None if row is None else int(row[0])

    def identity_names(self) -> list[str]:
        """Return every name."""
        return [name for (name,) in self._connection.execute("SELECT name FROM identity")]

    def identities(self, *, limit: int | None, offset: int) -> list[IdentitySummary]:
        """Return a page of the identities by name."""
        rows = self._connection.execute(
            f"{_SUMMARY} ORDER BY name LIMIT ? OFFSET ?", (-1 if limit is None else limit, offset)
        )
        return [_summary(*row) for row in rows]

    def identity(self, owner: int) -> IdentitySummary:
        """Return the identity with this id."""
        return _summary(*self._connection.execute(f"{_SUMMARY} WHERE id = ?", (owner,)).fetchone())

    def audit(self, *, limit: int | None, after: int) -> list[AuditEntry]:
        """Return a page of the audit."""
        rows = self._connection.execute(
            "SELECT id, moment, actor, action, identity_id, reference_count FROM audit"
            " WHERE id > ? ORDER BY id LIMIT ?",
            (after, -1 if limit is None else limit),
        )
        return [
            # Not checked: a later steadyface may know more actions.
            AuditEntry(
                number, codec.decode_time(moment), actor, cast(AuditAction, action), owner, count
            )
            for number, moment, actor, action, owner, count in rows
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
        return Stats(self.count(), self._model_id, version, size=pages * page_size)

    def references(self, owner: int) -> list[StoredReference]:
        """Return the references of the identity with this id, first enrolled first."""
        rows = self._connection.execute(
            "SELECT vector, id, model_id, source, metadata, quality, created_at, calibration"
            " FROM reference WHERE identity_id = ? ORDER BY id",
            (owner,),
        ).fetchall()
        vectors = codec.decode_vectors([row[0] for row in rows], self.dimension())
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
            for vector, (_, number, model_id, source, metadata, quality, moment, calibration) in (
                zip(vectors, rows, strict=True)
            )
        ]

    def templates(self) -> Templates:
        """Return every reference; the arrays are read-only."""
        cursor = self._connection.execute(f"{_REFERENCES} ORDER BY identity_id, id")
        return assemble_templates(
            self._connection.execute("SELECT id, name FROM identity ORDER BY id").fetchall(),
            iter(lambda: cursor.fetchmany(BATCH), []),
            total=self._number("SELECT COUNT(*) FROM reference"),
            dimension=self.dimension(),
            model_id=self._model_id,
        )

    def changes(self, since: Mark, limit: int) -> Changes:
        """Return a page of who was changed or removed after a mark."""
        items = self._connection.execute(
            _NEWER, (since.revision, since.identity, limit + 1)
        ).fetchall()
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
        stored = None if first is None else first[0] / codec.VECTOR_DTYPE.itemsize
        return noted_dimension(schema.read_meta(self._connection), stored)

    def _references_of(self, owners: Sequence[int]) -> Batch:
        """References grouped by identity in this order; many a statement take half the time."""
        rows: list[tuple[int, str, bytes, float | None]] = []
        for start in range(0, len(owners), _AT_ONCE):
            some = owners[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            statement = f"{_REFERENCES} WHERE identity_id IN ({marks}) ORDER BY identity_id, id"
            rows += self._connection.execute(statement, some)
        place = {owner: number for number, owner in enumerate(owners)}
        rows.sort(key=lambda row: place[row[0]])
        return rows

    def _number(self, statement: str, *arguments: int) -> int:
        return int(self._connection.execute(statement, arguments).fetchone()[0])


def _summary(
    name: str, references: int, moment: str, number: int, metadata: str
) -> IdentitySummary:
    return IdentitySummary(
        name, references, codec.decode_time(moment), number, codec.decode_metadata(metadata)
    )
