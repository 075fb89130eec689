"""What every store refuses, in the same words."""

from __future__ import annotations

import math
from collections.abc import Mapping

from steadyface.errors import (
    GalleryCorruptError,
    GalleryError,
    GalleryLockedError,
    GalleryModelError,
    GalleryNotFoundError,
    UsageError,
)
from steadyface.gallery.codec import VECTOR_FORMAT

#: SQLite takes the time as a 32-bit number of milliseconds, and so does PostgreSQL.
LONGEST_TIMEOUT = 2_000_000.0
#: Largest number of rows that a store can count.
LARGEST_INTEGER = 2**63 - 1


class NotTheOwnerError(GalleryError):
    """Another user has made the storage, who alone may rebuild it."""


def check_timeout(timeout: float) -> None:
    """Raise `UsageError` when a time to wait for a lock is not 0 to 2e6 seconds."""
    if not (math.isfinite(timeout) and 0 <= timeout <= LONGEST_TIMEOUT):
        raise UsageError(f"timeout is {timeout}; give seconds from 0 to {LONGEST_TIMEOUT:g}")


def check_page(**numbers: int | None) -> None:
    """Raise `UsageError` when an option of a page, as `limit` or `after`, is below 0."""
    for option, value in numbers.items():
        if value is not None and not 0 <= value <= LARGEST_INTEGER:
            raise UsageError(f"{option} is {value}; give a number from 0 on")


def check_limit(limit: int, option: str = "limit") -> None:
    """Raise `UsageError` when a page can hold nothing: asking for the next would never end."""
    if not 1 <= limit < LARGEST_INTEGER:
        raise UsageError(f"{option} is {limit}; give a number from 1 on")


def check_meta(meta: Mapping[str, str], location: str, model_id: str | None) -> None:
    """Check that a gallery's facts are there and fit the model in use (None for any).

    Raises:
        GalleryCorruptError: the facts are missing.
        GalleryError: its vectors are written in a way that this code cannot read.
        GalleryModelError: another model made them.
    """
    if "model_id" not in meta or "format" not in meta:
        raise model_unknown(location)
    if meta["format"] != VECTOR_FORMAT:
        raise GalleryError(
            f"{location}: its vectors are written as {meta['format']!r}, which this steadyface "
            "cannot read; upgrade steadyface"
        )
    if model_id is not None and meta["model_id"] != model_id:
        raise GalleryModelError(
            f"{location}: made with the model {meta['model_id']!r}, but the model in use is "
            f"{model_id!r}, and their embeddings do not compare; bring the gallery over with "
            "`steadyface gallery re-embed --images DIR`, DIR holding the enrolled images, or name "
            "its model"
        )


def not_found(location: str) -> GalleryNotFoundError:
    """Make the error for a gallery that nobody has made yet."""
    return GalleryNotFoundError(f"{location}: no gallery is here; run `steadyface enroll` first")


def locked(location: str, timeout: float) -> GalleryLockedError:
    """Make the error for a lock that was not free within `timeout` seconds."""
    return GalleryLockedError(
        f"{location}: another process holds the gallery and did not let go within {timeout:g} s; "
        "try again when it has finished (in Python, `timeout` waits longer)"
    )


def changed_meanwhile(location: str) -> GalleryLockedError:
    """Make the error for a change that rests on what the gallery held before."""
    return GalleryLockedError(
        f"{location}: the gallery was changed meanwhile, so nothing was changed by this; run it "
        "again"
    )


def damaged(location: str, detail: str) -> GalleryCorruptError:
    """Make the error for storage that is not a gallery; `detail` may have several lines."""
    return GalleryCorruptError(
        f"{location}: not a steadyface gallery, or damaged ({' '.join(detail.split())}); restore "
        "it from a copy, or make a new one with `steadyface enroll`"
    )


def closed(location: str) -> GalleryError:
    """Make the error for using a gallery after `close`."""
    return GalleryError(f"{location}: this gallery was closed; open it again")


def read_only(location: str) -> UsageError:
    """Make the error for changing a gallery that was opened for reading."""
    return UsageError(f"{location}: was opened for reading; open it with mode='write' to change it")


def nobody_named(location: str) -> UsageError:
    """Make the error for removing nobody."""
    return UsageError(f"{location}: nobody to remove was named; give at least one name")


def no_references_named(location: str, name: str) -> UsageError:
    """Make the error for removing no reference of an identity."""
    return UsageError(
        f"{location}: no references of {name!r} to remove were named; give at least one id"
    )


def other_model(location: str, model_id: str, noted: str) -> GalleryModelError:
    """Make the error for a gallery that has left the model with which it was opened."""
    return GalleryModelError(
        f"{location}: opened with the model {model_id!r}, and somebody has gone over to {noted!r} "
        "since; open it again with that model"
    )


def model_unknown(location: str) -> GalleryCorruptError:
    """Make the error for a gallery that does not say whose embeddings it holds."""
    return damaged(location, "it does not say which model made it")


def name_taken(location: str, before: str, after: str) -> GalleryError:
    """Make the error for renaming `before` to the name of another identity."""
    return GalleryError(
        f"{location}: cannot rename {before!r}: another identity is called {after!r}; choose "
        "another name, or remove that identity first"
    )
