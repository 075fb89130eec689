"""From a path to an open SQLite gallery: recognised, checked, brought up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from steadyface.gallery import codec, schema
from steadyface.gallery.contract import GalleryMode
from steadyface.gallery.keys import Key, key_needed, refuse_plain, sealing_class, wrong_key
from steadyface.gallery.names import UNKNOWN_ACTOR
from steadyface.gallery.refusals import check_meta, damaged, not_found
from steadyface.gallery.sealing import NOTE, PLAIN, SEALED_FORMAT, Sealing
from steadyface.gallery.sqlite import SqliteGallery
from steadyface.gallery.sqlite_connection import connect, use_wal
from steadyface.gallery.sqlite_errors import gallery_errors
from steadyface.gallery.sqlite_resealing import note_sealing
from steadyface.gallery.versions import Migration, check_readable


def open_sqlite(
    path: Path,
    *,
    model_id: str | None,
    mode: GalleryMode,
    timeout: float,
    clock: Callable[[], datetime] = codec.utc_now,
    migrations: Sequence[Migration] = schema.MIGRATIONS,
    actor: str = UNKNOWN_ACTOR,
    key: Key | None = None,
) -> SqliteGallery:
    """Open a gallery file, or make it in mode `create`; see `steadyface.gallery.open_gallery`.

    The whole file is checked for damage (about 0.3 s for 100,000 references).

    Args:
        path: the file.
        model_id: the model in use; None for whichever made the file.
        mode: see `GalleryMode`.
        timeout: seconds to wait for another process to let go of the file.
        clock: gives the time of a change.
        migrations: all steps from an empty file to the newest version.
        actor: who makes changes, for the audit.
        key: of an encrypted gallery; a gallery that is made with one is encrypted.
    """
    location = str(path)
    if mode == "create" and key is not None:
        sealing_class()  # before there is a file
    with gallery_errors(location, timeout):
        connection = connect(path, mode=mode, timeout=timeout)
        try:
            meta, sealing = _prepare(connection, location, model_id, mode, timeout, migrations, key)
        except BaseException:
            connection.close()
            raise
    writable = mode != "read"
    gallery = SqliteGallery(
        connection,
        location=location,
        model_id=meta["model_id"],
        writable=writable,
        timeout=timeout,
        clock=clock,
        actor=actor,
        sealing=sealing,
    )
    if writable and "erase" in meta:
        gallery.erase_remains()
    return gallery


def _prepare(
    connection: sqlite3.Connection,
    location: str,
    model_id: str | None,
    mode: GalleryMode,
    timeout: float,
    migrations: Sequence[Migration],
    key: Key | None,
) -> tuple[Mapping[str, str], Sealing]:
    """Make sure that the file is a gallery for this model and up to date.

    Returns:
        Its facts, and how its values are written.
    """
    version = _recognise(connection, location, mode=mode, known=len(migrations))
    facts: Mapping[str, str] = {}
    if version > 0:
        # Before anything is changed, or said of a model that may be none of one's business.
        _unseal(schema.read_meta(connection), location, mode, key)
    elif mode == "create":
        facts = note_sealing(PLAIN if key is None else sealing_class().new(key.material))
    if mode == "read":
        check_readable(version, location, migrations)
    else:
        use_wal(connection, location, timeout)
        # Takes the writer's lock also when there is nothing to do: better to learn here than after
        # an hour of embedding that the file cannot be written.
        schema.migrate(connection, model_id=model_id, facts=facts, migrations=migrations)
    # Another process may have made the gallery in the meantime, under a key or a salt of its own.
    meta = schema.read_meta(connection)
    sealing = _unseal(meta, location, mode, key)
    if sealing.note is not None and meta.get("format") == SEALED_FORMAT:
        check_meta({**meta, "format": codec.VECTOR_FORMAT}, location, model_id)
    else:
        check_meta(meta, location, model_id)
    return meta, sealing


def _unseal(meta: Mapping[str, str], location: str, mode: GalleryMode, key: Key | None) -> Sealing:
    """Return how values are written; raise where that is encrypted and the key does not fit."""
    note = meta.get(NOTE)
    if note is None:
        if meta.get("format") != SEALED_FORMAT:
            refuse_plain(key, location, mode)
            return PLAIN
        raise damaged(location, "it is encrypted and does not say under which key")
    if key is None:
        raise key_needed(location)
    try:
        sealing = sealing_class().noted(key.material, note)
    except ValueError as error:
        raise damaged(location, f"its note on the key is no such note: {error}") from error
    if sealing is None:
        raise wrong_key(location, key)
    return sealing


def _recognise(
    connection: sqlite3.Connection, location: str, *, mode: GalleryMode, known: int
) -> int:
    version = schema.recognise(connection, location, known)
    if version == 0 and mode != "create":
        raise not_found(location)  # made, and killed before anything was in it
    # Not quick_check: that leaves indexes out, and a damaged one would hide references.
    (state,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if state != "ok":
        raise damaged(location, state)
    return version
