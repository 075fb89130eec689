"""What SQLite says, as errors of the gallery that say what to do next."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from steadyface.errors import GalleryError
from steadyface.gallery.refusals import damaged, locked

# A result code's low byte is its kind, the bytes above say more of it (sqlite.org/rescode.html).
_KIND = 0xFF
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
# SQLITE_ERROR is here because the statements are fixed and tested: where one does not fit, a
# table or column that every gallery has is missing.
_DAMAGED = frozenset(
    {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR}
)
_FOLDER = (
    "give this user access to the file, and to its folder the right to write: SQLite keeps two "
    "files beside an open gallery, also while it is only read"
)
_REMEDIES = {
    sqlite3.SQLITE_FULL: "free some space; nothing of the last change was stored",
    sqlite3.SQLITE_READONLY: _FOLDER,
    sqlite3.SQLITE_CANTOPEN: _FOLDER,
    sqlite3.SQLITE_IOERR: "check the disk; keep the gallery on a local one, not on a network share",
}


@contextmanager
def gallery_errors(location: str, timeout: float) -> Iterator[None]:
    """Turn SQLite's errors in the block into the gallery's.

    Args:
        location: the gallery, for messages.
        timeout: seconds for which SQLite waits for a lock, for messages.
    """
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # the code's fault, not the file's: let it show
    except sqlite3.DatabaseError as error:
        raise translate(error, location, timeout) from error
    except UnicodeDecodeError as error:
        # Python cannot even pass on a message of SQLite's that quotes damaged bytes.
        raise damaged(location, "text in it is not UTF-8") from error


def translate(error: sqlite3.DatabaseError, location: str, timeout: float) -> GalleryError:
    """Return the gallery's error for one of SQLite's; arguments as for `gallery_errors`."""
    # Absent where Python's own module raised: for text in the file that is not UTF-8.
    code: int | None = getattr(error, "sqlite_errorcode", None)
    kind = None if code is None else code & _KIND
    if kind in _LOCKED:
        return locked(location, timeout)
    if kind is None or kind in _DAMAGED:
        return damaged(location, str(error))
    remedy = _REMEDIES.get(kind, "check the file and the disk")
    return GalleryError(f"{location}: SQLite reports: {error}; {remedy}")
