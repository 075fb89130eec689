"""A gallery in PostgreSQL with pgvector: for many clients at once, and for searching there.

A gallery is a schema of its own in the database. Writers of one gallery take turns, readers go on.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from psycopg.errors import DataException

from steadyface.errors import GalleryError
from steadyface.gallery import codec
from steadyface.gallery import postgres_search as search
from steadyface.gallery.names import UNKNOWN_ACTOR
from steadyface.gallery.postgres_connection import EFFORT, Pool
from steadyface.gallery.postgres_place import Place
from steadyface.gallery.postgres_search import Nearest
from steadyface.gallery.postgres_session import PostgresSession
from steadyface.gallery.table_gallery import TableGallery
from steadyface.types import FloatArray


class PostgresGallery(TableGallery):
    """The contract of `Gallery` in a schema of PostgreSQL; `open_postgres` makes it.

    Its methods may run in several threads at the same time. A lost connection is replaced before
    the next call. A change whose end the server did not acknowledge raises, and is not tried again.

    Removing rebuilds the tables and their indexes, during which nobody reads: PostgreSQL by itself
    keeps deleted rows, and pieces of them in free space. See docs/postgresql.md for what the
    server's log and backups keep.

    Args:
        pool: of connections to a database that holds the gallery in the newest version; becomes
            this object's.
        place: where the gallery is.
        model_id: the model whose embeddings it holds.
        writable: False where the gallery was opened for reading.
        timeout: seconds the connections wait for a lock, for messages.
        clock: gives the time of a change.
        actor: who makes changes, for the audit.
    """

    _remains = "the tables' files"
    _session: PostgresSession

    def __init__(
        self,
        pool: Pool,
        *,
        place: Place,
        model_id: str,
        writable: bool,
        timeout: float,
        clock: Callable[[], datetime] = codec.utc_now,
        actor: str = UNKNOWN_ACTOR,
    ) -> None:
        session = PostgresSession(
            pool, place=place, model_id=model_id, writable=writable, timeout=timeout
        )
        super().__init__(session, clock=clock, actor=actor)
        #: Length of the vectors when last looked at; 0 where it is not known.
        self._dimension = 0

    def nearest(
        self, vector: FloatArray, *, top: int = 1, approximate: bool = False, effort: int = EFFORT
    ) -> list[Nearest]:
        """Find the references most similar to a vector, in the database.

        Args:
            vector: D floats of Euclidean length 1, by the gallery's model.
            top: return so many at most, 1 or more; through the index up to 1000.
            approximate: go through the index of `build_index`, which may miss some; `recall` says
                how many. Without an index the search is exact all the same.
            effort: how many candidates the index keeps, `top` to 1000; more misses fewer and takes
                longer. No matter to an exact search.

        Returns:
            The most similar first, of equal ones the one that was enrolled first.

        Raises:
            UsageError: `top` or `effort` is out of range.
            GalleryModelError: somebody has gone over to another model.
            GalleryError: a vector that is not as stated.
        """
        search.check_search(top, effort if approximate else None)
        what = f"{self._location}: the vector to search for"
        probe = codec.encode_vector(vector, what)
        if len(vector) == self._dimension:
            try:
                return self._search(probe, top, effort if approximate else None)
            except _OtherLengthError:
                pass  # somebody has exchanged every vector since
        with self._session.reading() as tables:
            self._dimension = tables.dimension()
        if self._dimension == 0:
            return []
        codec.check_dimension(len(vector), self._dimension, what)
        return self._search(probe, top, effort if approximate else None)

    def build_index(self, *, links: int = 16, candidates: int = 64) -> None:
        """Make the index for approximate searches, anew if there is one.

        Takes long for large galleries, while readers go on, through the index of before if there
        is one, and writers wait. Only to put the new one in its place, readers are kept out, for a
        moment. What is enrolled afterwards is in it too. `replace_all` takes it away where vectors
        get another length. Give the server `maintenance_work_mem` that holds the index.

        Args:
            links: `m` of HNSW, 2..100; more make it larger and more exact.
            candidates: `ef_construction` of HNSW, twice `links` or more, up to 1000.

        Raises:
            GalleryError: nobody is enrolled yet, or vectors have more than 2,000 numbers.
        """
        with self._session.writing() as tables:
            search.build(tables.connection, self._location, links, candidates)

    def drop_index(self) -> None:
        """Take the index away; no error where there is none."""
        with self._session.writing() as tables:
            search.drop(tables.connection)

    def recall(self, probes: FloatArray, *, top: int = 1, effort: int = EFFORT) -> float:
        """Measure which share of the truly nearest references a search through the index finds.

        Args:
            probes: P x D vectors to search for, 1 or more, like those that are to come.
            top: how many nearest count, 1 to 1000.
            effort: as for `nearest`.

        Returns:
            0..1; 1 where the gallery has no references.

        Raises:
            GalleryError: there is no index.
            UsageError: `top` or `effort` is out of range.
        """
        search.check_recall(top)
        with self._session.reading() as tables:
            if not search.has_index(tables.connection):
                raise GalleryError(f"{self._location}: there is no index; make one: build_index()")
        found = wanted = 0
        for probe in probes:
            truth = {one.reference for one in self.nearest(probe, top=top)}
            seen = self.nearest(probe, top=top, approximate=True, effort=effort)
            found += len(truth.intersection(one.reference for one in seen))
            wanted += len(truth)
        return found / wanted if wanted else 1.0

    def _search(self, probe: bytes, top: int, effort: int | None) -> list[Nearest]:
        """Search in one way to the server and back; `effort` None is exactly."""
        before = self._session.model_id
        with self._session.using() as connection:
            try:
                if effort is None:
                    found = search.exact(connection, probe, top)
                else:
                    found = search.approximate(connection, probe, top, effort)
            except DataException as error:
                raise _OtherLengthError(
                    f"{self._location}: its vectors were exchanged for others of another length; "
                    "search again"
                ) from error
        if found.model_id is None:  # nobody: then the server has not said by which model
            with self._session.reading():
                return []
        self._session.check_model(found.model_id, before)
        return found.nearest


class _OtherLengthError(GalleryError):
    """The gallery's vectors are not as long as they were."""
