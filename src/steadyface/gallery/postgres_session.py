"""The connections to a gallery in PostgreSQL: transactions, the model they find, erasing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from steadyface.gallery.postgres_connection import Connection, Pool, reading, writing
from steadyface.gallery.postgres_erasing import erase
from steadyface.gallery.postgres_errors import gallery_errors
from steadyface.gallery.postgres_place import Place
from steadyface.gallery.postgres_queries import PostgresReading
from steadyface.gallery.postgres_tables import PostgresTables
from steadyface.gallery.refusals import damaged, model_unknown, other_model, read_only


class PostgresSession:
    """See `tables.Session`; its methods may run in several threads at the same time.

    Args:
        pool: of connections to a database that holds the gallery in the newest version; becomes
            this object's.
        place: where the gallery is.
        model_id: the model whose embeddings it holds.
        writable: False where the gallery was opened for reading.
        timeout: seconds the connections wait for a lock, for messages.
    """

    def __init__(
        self, pool: Pool, *, place: Place, model_id: str, writable: bool, timeout: float
    ) -> None:
        self._pool = pool
        self._place = place
        self._writable = writable
        self._timeout = timeout
        #: What this object is going over to, if the server has taken it.
        self._becoming: str | None = None
        self.location = place.location
        self.model_id = model_id

    @contextmanager
    def reading(self) -> Iterator[PostgresReading]:
        """Run the block on one state of the database."""
        before = self.model_id
        with self.using() as connection, reading(connection):
            noted = _noted_model(connection, self.location)
            self.check_model(noted, before)
            yield PostgresReading(connection, self.location, noted)

    @contextmanager
    def writing(
        self, *, model_id: str | None = None, becomes: str | None = None
    ) -> Iterator[PostgresTables]:
        """Run the block as the only writer; see `tables.Session.writing`."""
        if not self._writable:
            raise read_only(self.location)
        before = self.model_id
        with self.using() as connection:
            try:
                with writing(connection, self._place.gallery):
                    noted = _noted_model(connection, self.location)
                    self.check_model(noted, before)
                    if model_id not in {None, noted}:
                        raise other_model(self.location, str(model_id), noted)
                    yield PostgresTables(connection, self.location, noted)
                    if becomes is not None:
                        self._becoming = becomes
                if becomes is not None:
                    self.model_id = becomes
            finally:
                if becomes is not None:
                    self._becoming = None

    @contextmanager
    def using(self) -> Iterator[Connection]:
        """Run the block with a connection, in no transaction."""
        with gallery_errors(self.location, self._timeout), self._pool.connection() as connection:
            try:
                yield connection
            except ValueError as error:  # from decoding what is stored
                raise damaged(self.location, str(error)) from error

    def check_model(self, noted: str, before: str) -> None:
        """Raise `GalleryModelError` when somebody else has gone over to another model.

        Other threads may use this object while one of them goes over: what they see is the model
        of before or of afterwards.

        Args:
            noted: the model that a transaction saw.
            before: this object's when the transaction began.
        """
        if noted not in {before, self.model_id, self._becoming}:
            raise other_model(self.location, before, noted)

    def erase_removed(self) -> None:
        """Rebuild the tables without the remains of what was removed, if any are left."""
        with self.using() as connection:
            erase(connection, self.location, self._timeout)

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


def _noted_model(connection: Connection, location: str) -> str:
    row = connection.execute("SELECT value FROM meta WHERE key = 'model_id'").fetchone()
    if row is None:
        raise model_unknown(location)
    return str(row[0])
