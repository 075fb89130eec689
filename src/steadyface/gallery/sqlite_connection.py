"""From a path to an SQLite connection with the settings of a gallery; transactions on it."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from steadyface.errors import GalleryError, UsageError
from steadyface.gallery.contract import GalleryMode
from steadyface.gallery.refusals import check_timeout, damaged, locked, not_found

_OPEN_FLAGS: dict[GalleryMode, str] = {"read": "ro", "write": "rw", "create": "rwc"}

_SMALLEST_DATABASE = 512  # bytes: one page of the smallest size


def connect(path: Path, *, mode: GalleryMode, timeout: float) -> sqlite3.Connection:
    """Open a file as an SQLite database, without having looked at its content yet.

    Args:
        path: the file; need not exist in mode `create`.
        mode: what the connection may do.
        timeout: seconds to wait for a lock before giving up, 0..2e6.

    Raises:
        UsageError: the path or the timeout is unusable.
        GalleryNotFoundError: there is no file, and the mode does not create one.
        GalleryError: the path is a folder, its folder does not exist or access is denied.
        sqlite3.DatabaseError: SQLite cannot open the file.
    """
    check_timeout(timeout)
    _check_path(path, mode)
    # Only a URI can ask for 'existing files only'; as_uri escapes `?`, `#`, `%` and spaces.
    uri = f"{path.absolute().as_uri()}?mode={_OPEN_FLAGS[mode]}"
    # The gallery's lock lets one thread in at a time, hence no check for the thread; no implicit
    # transactions, hence isolation_level None.
    connection = sqlite3.connect(
        uri, uri=True, timeout=timeout, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        # Zeros over what is deleted; `remove` does the rest.
        connection.execute("PRAGMA secure_delete = ON")
        # Embeddings are biometric data: sorting and rebuilding leave none in a temporary file.
        connection.execute("PRAGMA temp_store = MEMORY")
        # FULL, not NORMAL: an acknowledged enrolment or removal outlives a power cut, for one
        # fsync a call, which is little beside embedding the images.
        connection.execute("PRAGMA synchronous = FULL")
        # Definitions in a file from elsewhere may not call functions with side effects.
        connection.execute("PRAGMA trusted_schema = OFF")
    except BaseException:
        connection.close()
        raise
    return connection


def use_wal(connection: sqlite3.Connection, location: str, timeout: float) -> None:
    """Make the file keep a write-ahead log, so that readers and one writer do not block each other.

    The file remembers it. Arguments as for `gallery_errors`.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            (journal,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            break
        except sqlite3.OperationalError as error:
            # SQLite does not wait by itself here when two processes make the same gallery.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            if time.monotonic() >= deadline:
                raise locked(location, timeout) from error
            time.sleep(0.01)
    if journal != "wal":
        raise GalleryError(
            f"{location}: this file system cannot share a gallery between processes (no "
            "write-ahead log); keep the gallery on a local disk"
        )


@contextmanager
def transaction(
    connection: sqlite3.Connection, kind: Literal["DEFERRED", "IMMEDIATE"]
) -> Iterator[None]:
    """Run the block in a transaction: committed at its end, rolled back on any exception.

    `DEFERRED` for reading: one state of the file throughout. `IMMEDIATE` for writing: takes the
    lock at once, since a reader that starts to write halfway can fail without being able to wait.
    """
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # After some errors (a full disk) SQLite has rolled back already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _check_path(path: Path, mode: GalleryMode) -> None:
    if "\0" in str(path):
        raise UsageError(f"{str(path)!r} is no path: it holds a NUL character")
    try:
        if path.is_dir():
            raise GalleryError(
                f"{path}: is a folder; give the path of a file, as {path / 'people.db'}"
            )
        if path.exists():
            if not path.is_file():
                raise GalleryError(f"{path}: is not a regular file; give the path of a file")
            # SQLite takes a file of one byte for an empty one and would write over it. The file's
            # size, not its first bytes: closing a second handle on it would drop SQLite's locks.
            if 0 < path.stat().st_size < _SMALLEST_DATABASE:
                raise damaged(str(path), "file is not a database")
            # SQLite would open it all the same and fail at the first change.
            if mode != "read" and not os.access(path, os.W_OK):
                raise GalleryError(
                    f"{path}: is write-protected; allow this user to write to it, or open it with "
                    "mode='read'"
                )
        elif mode != "create":
            raise not_found(str(path))
        elif not path.absolute().parent.is_dir():
            raise GalleryError(
                f"{path}: the folder {path.parent} does not exist; make it first, or choose another"
            )
    except OSError as error:
        raise GalleryError(
            f"{path}: cannot be reached ({error.strerror}); choose another path or ask for access"
        ) from error
