"""What benchmarks of galleries are measured beside: the same rows by the driver alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import psycopg

from steadyface.gallery import NewPerson
from steadyface.types import FloatArray

_IDENTITY = "identity (id, name, created_at)"
_REFERENCE = "reference (identity_id, model_id, source, metadata, quality, created_at, vector)"
_MOMENT = "2026-01-01T00:00:00.000000+00:00"
_ALL = (
    "SELECT name, {vector} FROM identity JOIN reference ON identity_id = identity.id"
    " ORDER BY identity.id, reference.id"
)


class Rows(NamedTuple):
    """A batch, ready to be appended."""

    identities: list[tuple[Any, ...]]
    references: list[tuple[Any, ...]]


class Peer(Protocol):
    """A driver of a database with the tables of a gallery."""

    def vector(self, numbers: FloatArray) -> bytes | str:
        """A vector as `append` takes it."""
        ...

    def append(self, rows: Rows) -> None:
        """Append a batch in one transaction."""
        ...

    def read_all(self) -> tuple[list[str], FloatArray]:
        """Every name and vector, in the order of enrolment."""
        ...


def rows(peer: Peer, people: Sequence[NewPerson], first: int) -> Rows:
    """The rows of people with one reference each, whose ids begin at `first`."""
    batch = Rows([], [])
    for number, person in enumerate(people, start=first):
        (one,) = person.references
        vector, model_id = peer.vector(one.embedding.vector), one.embedding.model_id
        batch.identities.append((number, person.identity, _MOMENT))
        batch.references.append((number, model_id, one.source, "{}", one.quality, _MOMENT, vector))
    return batch


class SqlitePeer:
    """Python's sqlite3, with the settings of a gallery."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def vector(self, numbers: FloatArray) -> bytes:
        return numbers.tobytes()

    def append(self, rows: Rows) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        for table, some in ((_IDENTITY, rows.identities), (_REFERENCE, rows.references)):
            marks = ", ".join("?" * len(some[0]))
            self._connection.executemany(f"INSERT INTO {table} VALUES ({marks})", some)
        self._connection.execute("COMMIT")

    def read_all(self) -> tuple[list[str], FloatArray]:
        return _matrix(self._connection.execute(_ALL.format(vector="vector")).fetchall(), "<f4", 0)


class PostgresPeer:
    """psycopg, which copies rows as text."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    def vector(self, numbers: FloatArray) -> str:
        return str(numbers.tolist())

    def append(self, rows: Rows) -> None:
        with self._connection.transaction(), self._connection.cursor() as cursor:
            for table, some in ((_IDENTITY, rows.identities), (_REFERENCE, rows.references)):
                with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                    for row in some:
                        copy.write_row(row)

    def read_all(self) -> tuple[list[str], FloatArray]:
        statement = _ALL.format(vector="vector_send(vector)")
        return _matrix(self._connection.execute(statement, binary=True).fetchall(), ">f4", 4)


@contextmanager
def sqlite_peer(file: Path) -> Iterator[SqlitePeer]:
    """The file of a gallery, opened as the gallery does."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for setting in (
            "foreign_keys = ON",
            "secure_delete = ON",
            "temp_store = MEMORY",
            "synchronous = FULL",
            "journal_mode = WAL",
        ):
            connection.execute(f"PRAGMA {setting}")
        yield SqlitePeer(connection)


def check_file(file: Path) -> None:
    """Open a file and look for damage, as `open_gallery` has to."""
    with closing(sqlite3.connect(file)) as connection:
        if connection.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
            raise SystemExit(f"{file}: is damaged")


def _matrix(
    found: Sequence[tuple[str, bytes]], numbers: str, offset: int
) -> tuple[list[str], FloatArray]:
    joined = b"".join(vector[offset:] for _, vector in found)
    flat = np.frombuffer(joined, dtype=numbers).astype(np.float32, copy=False)
    return [name for name, _ in found], flat.reshape(len(found), -1)
