"""A gallery in PostgreSQL with pgvector: for many clients at once, and for searching there.

A gallery is a schema of its own in the database. Writers of one gallery take turns, readers go on.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Self

from steadyface.errors import GalleryError
from steadyface.gallery import codec
from steadyface.gallery import postgres_queries as queries
from steadyface.gallery import postgres_search as search
from steadyface.gallery.contract import Counts, Enrolled, IdentitySummary, Stats, StoredReference
from steadyface.gallery.names import clean_name, unknown_identity
from steadyface.gallery.postgres_connection import EFFORT, Connection, Pool, reading, writing
from steadyface.gallery.postgres_erasing import erase
from steadyface.gallery.postgres_errors import gallery_errors
from steadyface.gallery.postgres_place import Place
from steadyface.gallery.postgres_search import Nearest
from steadyface.gallery.refusals import check_page, damaged, name_taken, nobody_named, read_only
from steadyface.types import FloatArray, Reference, Templates


class PostgresGallery:
    """The contract of `Gallery` in a schema of PostgreSQL; `open_postgres` makes it.

    Its methods may run in several threads at the same time. A lost connection is replaced before
    the next call. A change whose end the server did not acknowledge raises, and is not tried again.

    Args:
        pool: of connections to a database that holds the gallery in the newest version; becomes
            this object's.
        place: where the gallery is.
        model_id: the model whose embeddings it holds.
        writable: False where the gallery was opened for reading.
        timeout: seconds the connections wait for a lock, for messages.
        clock: gives the time of enrolment.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        place: Place,
        model_id: str,
        writable: bool,
        timeout: float,
        clock: Callable[[], datetime] = codec.utc_now,
    ) -> None:
        self._pool = pool
        self._place = place
        self._location = place.location
        self._model_id = model_id
        self._writable = writable
        self._timeout = timeout
        self._clock = clock
        self._dimension = 0

    @property
    def model_id(self) -> str:
        """The model that made every embedding in the gallery."""
        return self._model_id

    @property
    def location(self) -> str:
        """The URL without its password and without options that are not about the place."""
        return self._location

    def enroll(self, identity: str, references: Sequence[Reference]) -> Enrolled:
        """Store references of an identity; see `Gallery.enroll`."""
        name = clean_name(identity)
        rows = codec.encode_references(
            references, model_id=self._model_id, location=self._location, identity=name
        )
        now = self._clock()
        with self._writing() as connection:
            what = f"{self._location}: a reference of {name!r}"
            queries.settle_dimension(connection, rows[0].dimension, what)
            connection.execute(
                "INSERT INTO identity (name, created_at) SELECT %(name)s, %(now)s"
                " WHERE NOT EXISTS (SELECT FROM identity WHERE name = %(name)s)",
                {"name": name, "now": now},
            )
            owner = self._identity_id(connection, name)
            new, duplicates = queries.new_references(connection, owner, rows)
            queries.insert_references(connection, owner, new, model_id=self._model_id, moment=now)
            return Enrolled(
                added=len(new),
                held=len(rows) - len(new),
                references=queries.count_references(connection, owner),
                duplicates=duplicates,
            )

    def remove(self, *identities: str) -> int:
        """Delete identities for good; see `Gallery.remove`.

        Rebuilds the tables and their indexes, during which nobody reads: PostgreSQL by itself
        keeps deleted rows, and pieces of them in free space. See docs/postgresql.md for what the
        server's log and backups keep.
        """
        names = list(dict.fromkeys(clean_name(identity) for identity in identities))
        if not names:
            raise nobody_named(self._location)
        removed = 0
        with self._writing() as connection:
            for name in names:
                owner = self._identity_id(connection, name)
                removed += queries.count_references(connection, owner)
                connection.execute("DELETE FROM identity WHERE id = %s", (owner,))
            # If this process ends before it has erased, the next writer does it.
            connection.execute(
                "INSERT INTO meta (key, value) VALUES ('erase', %s)"
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (uuid.uuid4().hex,),
            )
        try:
            self.erase_removed()
        except GalleryError as error:
            raise type(error)(
                f"{error}. {', '.join(map(repr, names))} is removed all the same, but pieces may "
                "still be in the tables' files; the next opening for writing erases them"
            ) from error
        return removed

    def rename(self, old: str, new: str) -> None:
        """Give an identity another name; see `Gallery.rename`."""
        before, after = clean_name(old), clean_name(new)
        with self._writing() as connection:
            owner = self._identity_id(connection, before)
            if queries.identity_id(connection, after) not in {None, owner}:
                raise name_taken(self._location, before, after)
            connection.execute("UPDATE identity SET name = %s WHERE id = %s", (after, owner))

    def identities(self, *, limit: int | None = None, offset: int = 0) -> list[IdentitySummary]:
        """The identities by name; see `Gallery.identities`."""
        check_page(limit, offset)
        with self._reading() as connection:
            return queries.select_identities(connection, limit=limit, offset=offset)

    def references(self, identity: str) -> list[StoredReference]:
        """The references of an identity; see `Gallery.references`."""
        name = clean_name(identity)
        with self._reading() as connection:
            return queries.select_references(connection, self._identity_id(connection, name))

    def count(self) -> Counts:
        """How many identities and references the gallery holds."""
        with self._reading() as connection:
            return queries.count(connection)

    def stats(self) -> Stats:
        """How much the gallery holds and takes, indexes included; see `Gallery.stats`."""
        with self._reading() as connection:
            return queries.select_stats(connection, self._model_id)

    def templates(self) -> Templates:
        """Every reference as one matrix; see `Gallery.templates`."""
        with self._reading() as connection:
            return queries.select_templates(connection, self._model_id)

    def nearest(
        self, vector: FloatArray, *, top: int = 1, approximate: bool = False, effort: int = EFFORT
    ) -> list[Nearest]:
        """Find the references most similar to a vector, in the database.

        Args:
            vector: D floats of Euclidean length 1, by the gallery's model.
            top: return so many at most, 1 or more.
            approximate: go through the index of `build_index`, which may miss some; `recall` says
                how many. Without an index the search is exact all the same.
            effort: how many candidates the index keeps, `top` to 1000; more misses fewer and takes
                longer. No matter to an exact search.

        Returns:
            The most similar first, of equal ones the one that was enrolled first.

        Raises:
            UsageError: `top` or `effort` is out of range.
            GalleryError: a vector that is not as stated.
        """
        search.check_search(top, effort if approximate else max(top, EFFORT))
        what = f"{self._location}: the vector to search for"
        probe = codec.encode_vector(vector, what)
        with self._using() as connection:
            # Noted at the first enrolment, and for good.
            self._dimension = self._dimension or queries.read_dimension(connection)
            if self._dimension == 0:
                return []
            codec.check_dimension(len(vector), self._dimension, what)
            if approximate:
                return search.approximate(connection, probe, top, effort)
            return search.exact(connection, probe, top)

    def build_index(self, *, links: int = 16, candidates: int = 64) -> None:
        """Make the index for approximate searches, anew if there is one.

        Takes long for large galleries, while readers go on and writers wait; what is enrolled
        afterwards is in it too. Give the server `maintenance_work_mem` that holds the index.

        Args:
            links: `m` of HNSW, 2..100; more make it larger and more exact.
            candidates: `ef_construction` of HNSW, twice `links` or more, up to 1000.

        Raises:
            GalleryError: nobody is enrolled yet, or vectors have more than 2,000 numbers.
        """
        with self._writing() as connection:
            search.build(connection, self._location, links, candidates)

    def drop_index(self) -> None:
        """Take the index away; no error where there is none."""
        with self._writing() as connection:
            search.drop(connection)

    def recall(self, probes: FloatArray, *, top: int = 1, effort: int = EFFORT) -> float:
        """Measure which share of the truly nearest references a search through the index finds.

        Args:
            probes: P x D vectors to search for, 1 or more, like those that are to come.
            top: how many nearest count.
            effort: as for `nearest`.

        Returns:
            0..1; 1 where the gallery has no references.

        Raises:
            GalleryError: there is no index.
        """
        with self._reading() as connection:
            if not search.has_index(connection):
                raise GalleryError(f"{self._location}: there is no index; make one: build_index()")
        found = wanted = 0
        for probe in probes:
            truth = {one.reference for one in self.nearest(probe, top=top)}
            seen = self.nearest(probe, top=top, approximate=True, effort=effort)
            found += len(truth.intersection(one.reference for one in seen))
            wanted += len(truth)
        return found / wanted if wanted else 1.0

    def erase_removed(self) -> None:
        """Rebuild the tables without the remains of removed identities, if any are left.

        `remove` and opening for writing do this by themselves.

        Raises:
            GalleryLockedError: another process was reading or writing all the while.
            GalleryError: this user may not rebuild the tables.
        """
        with self._using() as connection:
            erase(connection, self._location, self._timeout)

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _using(self) -> Iterator[Connection]:
        with gallery_errors(self._location, self._timeout), self._pool.connection() as connection:
            try:
                yield connection
            except ValueError as error:  # from decoding what is stored
                raise damaged(self._location, str(error)) from error

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._using() as connection, reading(connection):
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        if not self._writable:
            raise read_only(self._location)
        with self._using() as connection, writing(connection, self._place.gallery):
            yield connection

    def _identity_id(self, connection: Connection, name: str) -> int:
        owner = queries.identity_id(connection, name)
        if owner is None:
            raise unknown_identity(self._location, name, queries.identity_names(connection))
        return owner
