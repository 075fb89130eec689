"""What PostgreSQL says, as errors of the gallery that say what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout

from steadyface.errors import GalleryError
from steadyface.gallery.refusals import closed, damaged, locked

_LOCKED = (errors.LockNotAvailable, errors.DeadlockDetected)
# The statements are fixed and tested: where one does not fit, a table or column that every gallery
# has is missing.
_DAMAGED = (
    errors.UndefinedTable,
    errors.UndefinedColumn,
    errors.DuplicateTable,
    errors.DataCorrupted,
    errors.IndexCorrupted,
)
_REMEDIES: tuple[tuple[type[psycopg.Error], str], ...] = (
    (
        errors.QueryCanceled,
        "give statements more time with `statement_timeout=SECONDS` in the URL's options",
    ),
    (
        errors.InsufficientPrivilege,
        "ask the database's owner for CREATE on it, or for the rights on the gallery's schema and "
        "tables",
    ),
    (
        errors.ReadOnlySqlTransaction,
        "the server takes no changes (is it a standby?); connect to the primary, or open with "
        "mode='read'",
    ),
    (errors.DiskFull, "free some space; nothing of the last change was stored"),
    (errors.OutOfMemory, "give the server more memory; nothing of the last change was stored"),
    (errors.ProgramLimitExceeded, "nothing of the last change was stored"),
)


@contextmanager
def gallery_errors(location: str, timeout: float) -> Iterator[None]:
    """Turn errors of the driver in the block into the gallery's.

    Args:
        location: the gallery, for messages.
        timeout: seconds for which a lock is waited for, for messages.
    """
    try:
        yield
    except PoolClosed as error:
        raise closed(location) from error
    except PoolTimeout as error:
        raise GalleryError(
            f"{location}: no connection to the server was to be had ({error}); check that the "
            "server runs and has connections left, then try again"
        ) from error
    except psycopg.Error as error:
        if isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None:
            raise  # the code's fault, not the server's: let it show
        raise translate(error, location, timeout) from error


def translate(error: psycopg.Error, location: str, timeout: float) -> GalleryError:
    """Return the gallery's error for one of the driver's; arguments as for `gallery_errors`."""
    if isinstance(error, _LOCKED):
        return locked(location, timeout)
    if isinstance(error, _DAMAGED):
        return damaged(location, _first_line(error))
    for kind, remedy in _REMEDIES:
        if isinstance(error, kind):
            return GalleryError(f"{location}: PostgreSQL reports: {_first_line(error)}; {remedy}")
    # Without a state the connection broke; class 57P is a server that goes down.
    if error.sqlstate is None or error.sqlstate.startswith(("08", "57P")):
        return GalleryError(
            f"{location}: the connection to the server was lost ({_first_line(error)}); whether a "
            "change that was under way is stored is not known: look before trying again"
        )
    return GalleryError(
        f"{location}: PostgreSQL reports: {_first_line(error)}; check the server and its log"
    )


def unreachable(error: psycopg.OperationalError, location: str) -> GalleryError:
    """Make the error for a server that did not let us in."""
    return GalleryError(
        f"{location}: cannot be reached ({' '.join(str(error).split())}); check that the server "
        "runs, and the user, password, host, port and database of the URL"
    )


def _first_line(error: psycopg.Error) -> str:
    return str(error).partition("\n")[0].strip()
