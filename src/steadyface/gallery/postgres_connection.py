"""From a URL to connections with the settings of a gallery; transactions on them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
import psycopg
from psycopg import IsolationLevel, sql
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg_pool import ConnectionPool

from steadyface.errors import GalleryError
from steadyface.gallery.codec import VECTOR_DTYPE
from steadyface.gallery.postgres_errors import unreachable
from steadyface.gallery.postgres_place import Place

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]
Pool: TypeAlias = ConnectionPool[Connection]

#: How many candidates a search through the index keeps, unless told otherwise.
EFFORT = 200
_MOST_CONNECTIONS = 4
#: Seconds to wait for the server itself, beside those for a lock.
_CONNECT = 10
#: Milliseconds after which the server lets go of what a client holds that fell silent.
_IDLE_IN_TRANSACTION = 60_000
_WIRE_DTYPE = np.dtype(">f4")


class WireVector(bytes):
    """A vector as pgvector sends and receives it: its length, two zero bytes, float32 big-endian.

    Numbers pass exactly, and no text is made or parsed.
    """

    @classmethod
    def of(cls, vector: bytes) -> WireVector:
        """Make one from a vector as `codec` writes it."""
        numbers = np.frombuffer(vector, VECTOR_DTYPE)
        return cls(
            len(numbers).to_bytes(2, "big") + b"\0\0" + numbers.astype(_WIRE_DTYPE).tobytes()
        )


def from_wire(sent: bytes) -> bytes:
    """Return what `vector_send` gave as `codec` writes it."""
    return np.frombuffer(sent, _WIRE_DTYPE, offset=4).astype(VECTOR_DTYPE).tobytes()


class _WireDumper(Dumper):
    format = Format.BINARY
    oid = 0  # the server takes the type from the statement: every database numbers it differently

    def dump(self, obj: WireVector) -> Buffer | None:
        return obj


def connect(place: Place, timeout: float) -> Connection:
    """Connect to the server, without having looked for the gallery yet.

    Args:
        place: where.
        timeout: seconds to wait for a lock, 0..2e6.

    Raises:
        GalleryError: the server cannot be reached or does not let us in, or its database cannot
            hold a gallery.
    """
    try:
        connection = psycopg.connect(place.conninfo, **_arguments(timeout))
    except psycopg.OperationalError as error:
        raise unreachable(error, place.location) from error
    try:
        configure(connection, place, timeout)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_pool(place: Place, timeout: float) -> Pool:
    """Return a pool of connections, made when first needed; arguments as for `connect`."""
    pool: Pool = ConnectionPool(
        place.conninfo,
        kwargs=_arguments(timeout),
        min_size=0,
        max_size=_MOST_CONNECTIONS,
        num_workers=1,
        timeout=timeout + _CONNECT,
        configure=lambda connection: configure(connection, place, timeout),
        # A connection may have died with a server that has been started again since.
        check=ConnectionPool.check_connection,
        open=False,
    )
    pool.open()
    return pool


def configure(connection: Connection, place: Place, timeout: float) -> None:
    """Give a new connection the settings of a gallery.

    Raises:
        GalleryError: the database lacks pgvector, or cannot hold every name.
    """
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise GalleryError(
            f"{place.location}: the database has the encoding {encoding}, which cannot hold every "
            "name; use one made with ENCODING 'UTF8'"
        )
    found = connection.execute(
        "SELECT nspname FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace"
        " WHERE extname = 'vector'"
    ).fetchone()
    if found is None:
        raise GalleryError(
            f"{place.location}: the database has no pgvector; install it on the server if it is "
            "not there, and run `CREATE EXTENSION vector` in the database"
        )
    # Only these: another schema could have functions and operators of the same names.
    path = sql.SQL(", ").join([sql.Identifier(place.gallery), sql.Identifier(found[0])])
    settings = {
        "search_path": path.as_string(connection),
        "timezone": "UTC",
        "lock_timeout": str(max(1, math.ceil(1000 * timeout))),  # 0 would wait for ever
        "statement_timeout": str(math.ceil(1000 * place.statement_timeout)),
        "idle_in_transaction_session_timeout": str(_IDLE_IN_TRANSACTION),
        "hnsw.ef_search": str(EFFORT),
        # Statements for a batch are taken for far more work than they are (little is known of the
        # data on purpose), and would be compiled first, for longer than they run.
        "jit": "off",
        # An acknowledged change outlives a power cut, whatever the server's default is.
        "synchronous_commit": "on",
    }
    connection.execute(
        "SELECT set_config(name, value, false)"
        " FROM unnest(%s::text[], %s::text[]) AS setting (name, value)",
        (list(settings), list(settings.values())),
    )
    connection.adapters.register_dumper(WireVector, _WireDumper)


@contextmanager
def reading(connection: Connection) -> Iterator[None]:
    """Run the block on one state of the database."""
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    with connection.transaction():
        yield


@contextmanager
def writing(connection: Connection, gallery: str) -> Iterator[None]:
    """Run the block as the only writer of a gallery: committed, or rolled back on any exception.

    A lock of our own, not on the tables, which would keep autovacuum out. READ COMMITTED, so that
    statements after the lock see what the writer before us did.
    """
    connection.isolation_level = IsolationLevel.READ_COMMITTED
    connection.read_only = False
    with connection.transaction():
        connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"steadyface {gallery}",)
        )
        yield


def without_statement_timeout(connection: Connection) -> None:
    """Let the statements of this transaction take as long as the gallery's size needs."""
    connection.execute("SET LOCAL statement_timeout = 0")


def _arguments(timeout: float) -> dict[str, Any]:
    return {
        "autocommit": True,  # transactions are begun where the code says so
        "client_encoding": "utf8",
        "connect_timeout": max(_CONNECT, math.ceil(timeout)),
        "application_name": "steadyface",
    }
