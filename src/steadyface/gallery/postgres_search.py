"""Searching in PostgreSQL itself: exactly, or through an HNSW index; functions of a connection.

Exact search orders by the column, which no index is on. The index is on the column cast to the
gallery's length, so that only a search that asks for it goes through it.
"""

from __future__ import annotations

from typing import NamedTuple

import psycopg
from psycopg import sql

from steadyface.errors import GalleryError, UsageError
from steadyface.gallery.codec import VECTOR_DTYPE
from steadyface.gallery.postgres_connection import (
    EFFORT,
    Connection,
    WireVector,
    reading,
    without_statement_timeout,
)
from steadyface.gallery.postgres_queries import read_dimension
from steadyface.gallery.refusals import LARGEST_INTEGER

#: Most that pgvector allows.
MOST_EFFORT = 1000
#: Longest vectors that pgvector's HNSW takes.
LONGEST_INDEXED = 2000

# <#> is the negative inner product: for vectors of length 1, the negative cosine similarity. The
# limit stands in the statement, not in a parameter: a plan for any limit joins with everyone.
_FOUND = """
    SELECT name, found.id, -distance, (SELECT value FROM meta WHERE key = 'model_id') FROM (
        SELECT id, identity_id, {vector} <#> %s::{type} AS distance FROM reference
        ORDER BY {order} LIMIT {top}
    ) AS found JOIN identity ON identity.id = identity_id ORDER BY distance, found.id
"""


class Nearest(NamedTuple):
    """A reference that a search found.

    Attributes:
        identity: whose it is.
        reference: its number in the gallery.
        similarity: cosine similarity with the probe, -1..1 up to rounding.
    """

    identity: str
    reference: int
    similarity: float


class Found(NamedTuple):
    """What a search found.

    Attributes:
        nearest: best first.
        model_id: of the gallery at that moment; None where nothing was found.
    """

    nearest: list[Nearest]
    model_id: str | None


def exact(connection: Connection, probe: bytes, top: int) -> Found:
    """Return the `top` references most similar to a probe, best first, then by id."""
    return _nearest(connection, probe, top, vector="vector", kind="vector", order="distance, id")


def approximate(connection: Connection, probe: bytes, top: int, effort: int) -> Found:
    """Return what the index finds of `exact`; without an index, the same as `exact`."""
    kind = f"vector({len(probe) // VECTOR_DTYPE.itemsize})"
    if effort == EFFORT:  # as connections have it: one way to the server and back
        return _through_index(connection, probe, top, kind)
    with reading(connection):
        connection.execute("SELECT set_config('hnsw.ef_search', %s, true)", (str(effort),))
        return _through_index(connection, probe, top, kind)


def check_search(top: int, effort: int | None) -> None:
    """Raise `UsageError` when a search asks for what there cannot be; `effort` None is exactly."""
    if not 1 <= top <= LARGEST_INTEGER:
        raise UsageError(f"top is {top}; give a number from 1 on")
    if effort is None:
        return
    if top > MOST_EFFORT:
        raise UsageError(
            f"top is {top}; the index finds {MOST_EFFORT} at most: give fewer, or search exactly"
        )
    if not top <= effort <= MOST_EFFORT:
        raise UsageError(
            f"effort is {effort}; give a number from top, which is {top}, to {MOST_EFFORT}, or "
            "search exactly"
        )


def check_recall(top: int) -> None:
    """Raise `UsageError` when the index cannot find so many."""
    if not 1 <= top <= MOST_EFFORT:
        raise UsageError(
            f"top is {top}; the index finds {MOST_EFFORT} at most: measure with 1 to {MOST_EFFORT}"
        )


def build(connection: Connection, location: str, links: int, candidates: int) -> None:
    """Make the index anew, in a writer's transaction; see `PostgresGallery.build_index`."""
    dimension = read_dimension(connection)
    if not 1 <= dimension <= LONGEST_INDEXED:
        raise GalleryError(
            f"{location}: cannot index vectors of {dimension} numbers; enrol somebody first, by a "
            f"model with {LONGEST_INDEXED} numbers at most"
        )
    without_statement_timeout(connection)
    # Beside the one that is there: dropping it first would keep readers out for all the building.
    statement = sql.SQL(
        "CREATE INDEX reference_hnsw_new ON reference USING hnsw"
        " ((vector::vector({})) vector_ip_ops) WITH (m = {}, ef_construction = {})"
    ).format(*map(sql.Literal, (dimension, links, candidates)))
    try:
        connection.execute(statement)
    except psycopg.errors.InvalidParameterValue as error:
        raise UsageError(f"{location}: PostgreSQL refuses the index: {error}") from error
    # ANALYZE would copy vectors to where removing does not reach.
    connection.execute("ALTER INDEX reference_hnsw_new ALTER COLUMN 1 SET STATISTICS 0")
    drop(connection)
    connection.execute("ALTER INDEX reference_hnsw_new RENAME TO reference_hnsw")


def drop(connection: Connection) -> None:
    """Take the index away, in a writer's transaction."""
    connection.execute("DROP INDEX IF EXISTS reference_hnsw")


def has_index(connection: Connection) -> bool:
    """Tell whether the index is there."""
    return connection.execute("SELECT to_regclass('reference_hnsw')").fetchone() != (None,)


def _through_index(connection: Connection, probe: bytes, top: int, kind: str) -> Found:
    return _nearest(connection, probe, top, vector=f"vector::{kind}", kind=kind, order="distance")


def _nearest(
    connection: Connection, probe: bytes, top: int, *, vector: str, kind: str, order: str
) -> Found:
    statement = sql.SQL(_FOUND).format(
        vector=sql.SQL(vector), type=sql.SQL(kind), order=sql.SQL(order), top=sql.Literal(top)
    )
    rows = connection.execute(statement, (WireVector.of(probe),), binary=True).fetchall()
    return Found([Nearest(*row[:3]) for row in rows], rows[0][3] if rows else None)
