"""Writing every value of an SQLite gallery under another key, or under none."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from steadyface.gallery import schema
from steadyface.gallery.codec import VECTOR_FORMAT
from steadyface.gallery.rows import BATCH
from steadyface.gallery.sealing import NOTE, SEALED_FORMAT, Entry, Place, Sealing

#: From a row, whose first column is its id, to the new content of some of its columns.
_Renew: TypeAlias = Callable[[tuple[Any, ...]], tuple[object, ...]]


def reseal(connection: sqlite3.Connection, old: Sealing, new: Sealing) -> None:
    """Open every value under `old` and write it under `new`; a `ValueError` means damage.

    Args:
        connection: in a transaction that writes.
        old: how the values are written now.
        new: how they are to be written.
    """

    def identity(row: tuple[Any, ...]) -> tuple[object, ...]:
        owner, *stored = row
        name, metadata = old.open_profile(owner, *stored)
        return new.name_key(name), new.seal_profile(owner, name, metadata)

    def reference(row: tuple[Any, ...]) -> tuple[object, ...]:
        number, owner, vector, source, metadata = row
        place = Place(number, owner)
        return (
            new.seal_vector(place, old.open_vector(place, vector)),
            new.seal_text(place, "source", old.open_text(place, "source", source)),
            new.seal_text(place, "metadata", old.open_text(place, "metadata", metadata)),
        )

    def audit(row: tuple[Any, ...]) -> tuple[object, ...]:
        *facts, stored = row
        entry = Entry(*facts)
        return (new.seal_actor(entry, old.open_actor(entry, stored)),)

    _renew(connection, "identity", ("name", "metadata"), (), identity)
    _renew(connection, "reference", ("vector", "source", "metadata"), ("identity_id",), reference)
    # Entries stay what they are; their triggers know only that something is written.
    for name in schema.AUDIT_TRIGGERS:
        connection.execute(f"DROP TRIGGER {name}")
    facts = ("moment", "action", "identity_id", "reference_count")
    _renew(connection, "audit", ("actor",), facts, audit)
    for trigger in schema.AUDIT_TRIGGERS.values():
        connection.execute(trigger)
    _note(connection, new)


def note_sealing(sealing: Sealing) -> dict[str, str]:
    """Return what the table `meta` says of how values are written."""
    if sealing.note is None:
        return {"format": VECTOR_FORMAT}
    return {"format": SEALED_FORMAT, NOTE: sealing.note}


def _note(connection: sqlite3.Connection, sealing: Sealing) -> None:
    connection.execute("DELETE FROM meta WHERE key IN ('format', ?)", (NOTE,))
    connection.executemany(
        "INSERT INTO meta (key, value) VALUES (?, ?)", list(note_sealing(sealing).items())
    )


def _renew(
    connection: sqlite3.Connection,
    table: str,
    columns: Sequence[str],
    beside: Sequence[str],
    renew: _Renew,
) -> None:
    """Write columns of a table anew from themselves and those `beside` them."""
    values = ", ".join(f"{column} = ?" for column in columns)
    for rows in _batches(connection, f"SELECT id, {', '.join([*beside, *columns])} FROM {table}"):
        connection.executemany(
            f"UPDATE {table} SET {values} WHERE id = ?", [(*renew(row), row[0]) for row in rows]
        )


def _batches(connection: sqlite3.Connection, select: str) -> Iterator[list[tuple[Any, ...]]]:
    # Each batch is read to its end before it is changed: SQLite does not say what a query that is
    # still running sees of a change.
    last = -1
    while rows := connection.execute(
        f"{select} WHERE id > ? ORDER BY id LIMIT ?", (last, BATCH)
    ).fetchall():
        yield rows
        last = rows[-1][0]
