"""What changes an SQLite gallery's tables, as functions of a connection inside a transaction.

Each enters itself in the audit and raises the revision, unless it changes nothing. Errors of the
gallery leave the transaction to be rolled back.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from steadyface.gallery import codec
from steadyface.gallery import sqlite_queries as queries
from steadyface.gallery.names import unknown_references
from steadyface.gallery.refusals import name_taken
from steadyface.gallery.values import AuditAction, Enrolled, Pruned, Replaced


@dataclass(frozen=True, slots=True)
class Change:
    """What the audit says of a change before it is known to whom it happens.

    Attributes:
        location: the gallery, for messages.
        actor: who makes it.
        moment: when, as text.
    """

    location: str
    actor: str
    moment: str


def enroll(
    connection: sqlite3.Connection,
    change: Change,
    name: str,
    offered: Sequence[codec.EncodedReference],
    *,
    metadata: str | None,
    model_id: str,
) -> Enrolled:
    """Store references of an identity, see `Gallery.enroll`; `metadata` is JSON text."""
    queries.settle_dimension(
        connection, offered[0].dimension, f"{change.location}: a reference of {name!r}"
    )
    connection.execute(
        "INSERT INTO identity (name, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (name, change.moment),
    )
    owner = queries.find_identity(connection, change.location, name)
    new, duplicates = queries.new_references(connection, owner, offered)
    _insert_references(connection, owner, new, model_id=model_id, moment=change.moment)
    described = metadata is not None and _set_metadata(connection, owner, metadata)
    if new or described:
        _record(connection, change, "enroll", [(owner, len(new))])
    return Enrolled(
        added=len(new),
        held=len(offered) - len(new),
        references=queries.count_references(connection, owner),
        duplicates=duplicates,
    )


def describe(connection: sqlite3.Connection, change: Change, name: str, metadata: str) -> None:
    """Replace the metadata of an identity by this JSON text."""
    owner = queries.find_identity(connection, change.location, name)
    if _set_metadata(connection, owner, metadata):
        _record(connection, change, "describe", [(owner, 0)])


def rename(connection: sqlite3.Connection, change: Change, before: str, after: str) -> None:
    """Give an identity another name, see `Gallery.rename`."""
    owner = queries.find_identity(connection, change.location, before)
    if before == after:
        return
    if connection.execute("SELECT 1 FROM identity WHERE name = ?", (after,)).fetchone():
        raise name_taken(change.location, before, after)
    connection.execute("UPDATE identity SET name = ? WHERE id = ?", (after, owner))
    _record(connection, change, "rename", [(owner, 0)])


def remove(connection: sqlite3.Connection, change: Change, names: Iterable[str]) -> int:
    """Delete identities with all their references, each named once; return how many references."""
    removed = {}
    for name in names:
        owner = queries.find_identity(connection, change.location, name)
        removed[owner] = queries.count_references(connection, owner)
        connection.execute("DELETE FROM identity WHERE id = ?", (owner,))
    _record(connection, change, "remove", removed.items())
    _mark_for_erasure(connection)
    return sum(removed.values())


def remove_references(
    connection: sqlite3.Connection, change: Change, name: str, ids: Collection[int]
) -> int:
    """Delete these references of an identity, see `Gallery.remove_references`."""
    owner = queries.find_identity(connection, change.location, name)
    rows = connection.execute("SELECT id FROM reference WHERE identity_id = ?", (owner,))
    wanted, held = set(ids), [number for (number,) in rows]
    if unknown := wanted.difference(held):
        raise unknown_references(f"{change.location}: {name!r} has", unknown)
    _delete_references(connection, [number for number in held if number in wanted])
    _record(connection, change, "remove-references", [(owner, len(wanted))])
    _mark_for_erasure(connection)
    return len(wanted)


def prune(connection: sqlite3.Connection, change: Change, older_than: str) -> Pruned:
    """Delete what is past its retention period, see `Gallery.prune`."""
    references, identities = queries.select_prunable(connection, older_than)
    if references or identities:
        connection.execute("DELETE FROM reference WHERE created_at < ?", (older_than,))
        connection.executemany(
            "DELETE FROM identity WHERE id = ?", [(owner,) for owner in identities]
        )
        affected = dict.fromkeys(identities, 0) | references
        _record(connection, change, "prune", sorted(affected.items()))
        _mark_for_erasure(connection)
    return Pruned(references=sum(references.values()), identities=len(identities))


def replace_all(
    connection: sqlite3.Connection,
    change: Change,
    model_id: str,
    references: Mapping[int, codec.EncodedReference],
) -> Replaced:
    """Exchange every embedding and the model, see `Gallery.replace_all`."""
    owners = dict(connection.execute("SELECT id, identity_id FROM reference"))
    unknown = references.keys() - owners.keys()
    if unknown:
        raise unknown_references(f"{change.location}: the gallery has", unknown)
    gone = owners.keys() - references.keys()
    _delete_references(connection, gone)
    connection.executemany(
        "UPDATE reference SET model_id = ?, vector = ?, quality = ?, calibration = ? WHERE id = ?",
        [
            (model_id, r.vector, r.quality, r.calibration, number)
            for number in owners
            if (r := references.get(number)) is not None
        ],
    )
    connection.execute("UPDATE meta SET value = ? WHERE key = 'model_id'", (model_id,))
    connection.execute("DELETE FROM meta WHERE key = 'dimension'")
    for reference in references.values():
        queries.settle_dimension(connection, reference.dimension, change.location)
        break
    lost = Counter(owners[number] for number in gone)
    _record(connection, change, "remove-references", sorted(lost.items()))
    _record(connection, change, "re-embed", [(None, len(references))])
    _mark_for_erasure(connection)
    return Replaced(replaced=len(references), removed=len(gone))


def _record(
    connection: sqlite3.Connection,
    change: Change,
    action: AuditAction,
    affected: Iterable[tuple[int | None, int]],
) -> None:
    """Enter a change in the audit, once for each identity and its number of references."""
    connection.executemany(
        "INSERT INTO audit (moment, actor, action, identity_id, reference_count)"
        " VALUES (?, ?, ?, ?, ?)",
        [(change.moment, change.actor, action, owner, count) for owner, count in affected],
    )
    connection.execute("UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'revision'")


def _mark_for_erasure(connection: sqlite3.Connection) -> None:
    # If this process ends before it has erased, the next writer does it.
    connection.execute(
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('erase', ?)", (uuid.uuid4().hex,)
    )


def _set_metadata(connection: sqlite3.Connection, owner: int, metadata: str) -> bool:
    """Return whether the identity had other metadata before."""
    statement = "SELECT metadata FROM identity WHERE id = ?"
    (before,) = connection.execute(statement, (owner,)).fetchone()
    if before == metadata:
        return False
    connection.execute("UPDATE identity SET metadata = ? WHERE id = ?", (metadata, owner))
    if before != codec.NO_METADATA:
        _mark_for_erasure(connection)
    return True


def _insert_references(
    connection: sqlite3.Connection,
    owner: int,
    references: Iterable[codec.EncodedReference],
    *,
    model_id: str,
    moment: str,
) -> None:
    connection.executemany(
        "INSERT INTO reference"
        " (identity_id, model_id, source, metadata, quality, calibration, created_at, vector)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (owner, model_id, r.source, r.metadata, r.quality, r.calibration, moment, r.vector)
            for r in references
        ],
    )


def _delete_references(connection: sqlite3.Connection, ids: Iterable[int]) -> None:
    connection.executemany("DELETE FROM reference WHERE id = ?", [(number,) for number in ids])
