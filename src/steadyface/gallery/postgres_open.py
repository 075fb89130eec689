"""From a URL to an open PostgreSQL gallery: recognised, checked, brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from steadyface.errors import GalleryLockedError
from steadyface.gallery import codec
from steadyface.gallery import postgres_schema as schema
from steadyface.gallery.contract import GalleryMode
from steadyface.gallery.postgres import PostgresGallery
from steadyface.gallery.postgres_connection import Connection, connect, connect_pool
from steadyface.gallery.postgres_erasing import NotTheOwnerError
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
) -> PostgresGallery:
    """Open a gallery of PostgreSQL, or make it in mode `create`; see `open_gallery`.

    Args:
        rest: what follows `postgresql://` in the URL, see `parse_place`.
        model_id: the model in use; None for whichever made the gallery.
        mode: see `GalleryMode`.
        timeout: seconds to wait for another process to let go of the gallery.
        clock: gives the time of enrolment.
        migrations: all steps from nothing to the newest version.
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
    )
    if mode != "read" and "erase" in meta:
        _erase_remains(gallery)
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


def _erase_remains(gallery: PostgresGallery) -> None:
    try:
        # Another process in the way is no reason not to open, nor is a user who may do all but
        # this: the mark stays for next time.
        with suppress(GalleryLockedError, NotTheOwnerError):
            gallery.erase_removed()
    except BaseException:
        gallery.close()
        raise
