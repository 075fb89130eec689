"""From a URL to an open PostgreSQL gallery: recognised, checked, brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from steadyface.gallery import codec
from steadyface.gallery import postgres_schema as schema
from steadyface.gallery.contract import GalleryMode
from steadyface.gallery.names import UNKNOWN_ACTOR
from steadyface.gallery.postgres import PostgresGallery
from steadyface.gallery.postgres_connection import Connection, connect, connect_pool
from steadyface.gallery.postgres_erasing import MARKS
from steadyface.gallery.postgres_errors import gallery_errors
from steadyface.gallery.postgres_place import Place, parse_place
from steadyface.gallery.refusals import check_meta, check_timeout, damaged, not_found
from steadyface.gallery.versions import Migration, check_readable


def open_postgres(
    rest: str,
    *,
    model_id: str | None,
    mode: GalleryMode,
    timeout: float,
    clock: Callable[[], datetime] = codec.utc_now,
    migrations: Sequence[Migration] = schema.MIGRATIONS,
    actor: str = UNKNOWN_ACTOR,
) -> PostgresGallery:
    """Open a gallery of PostgreSQL, or make it in mode `create`; see `open_gallery`.

    Args:
        rest: what follows `postgresql://` in the URL, see `parse_place`.
        model_id: the model in use; None for whichever made the gallery.
        mode: see `GalleryMode`.
        timeout: seconds to wait for another process to let go of the gallery.
        clock: gives the time of a change.
        migrations: all steps from nothing to the newest version.
        actor: who makes changes, for the audit.
    """
    check_timeout(timeout)
    place = parse_place(rest)
    # A connection of its own: a pool tells only that it has none, not why.
    with gallery_errors(place.location, timeout), connect(place, timeout) as connection:
        try:
            meta = _prepare(connection, place, model_id, mode, migrations)
        except ValueError as error:  # from decoding what is stored
            raise damaged(place.location, str(error)) from error
    gallery = PostgresGallery(
        connect_pool(place, timeout),
        place=place,
        model_id=meta["model_id"],
        writable=mode != "read",
        timeout=timeout,
        clock=clock,
        actor=actor,
    )
    if mode != "read" and meta.keys() & MARKS.keys():
        gallery.erase_remains()
    return gallery


def _prepare(
    connection: Connection,
    place: Place,
    model_id: str | None,
    mode: GalleryMode,
    migrations: Sequence[Migration],
) -> Mapping[str, str]:
    """Make sure that a gallery for this model is there and up to date; return its facts."""
    version = schema.recognise(connection, place.gallery, place.location, len(migrations))
    if version == 0 and mode != "create":
        raise not_found(place.location)
    if mode == "read":
        check_readable(version, place.location, migrations)
    else:
        # Takes the writers' lock also when there is nothing to do: better to learn here than after
        # an hour of embedding that the gallery cannot be written.
        schema.migrate(connection, place.gallery, model_id=model_id, migrations=migrations)
    meta = schema.read_meta(connection)
    check_meta(meta, place.location, model_id)
    return meta
