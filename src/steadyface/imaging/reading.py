"""Gets the bytes of an encoded image: from a path, an open file, or bytes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, cast

from steadyface.errors import (
    EmptyImageError,
    ImageNotFoundError,
    InvalidImageArrayError,
    UnreadableImageError,
)


def read_bytes(source: object, name: str) -> bytes:
    """All bytes of a source, one or more.

    Args:
        source: path, bytes, or binary file (read from where it stands, left open).
        name: what errors call it.

    Raises:
        ImageError: the source is missing, unreadable, empty, or of another sort.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
    elif isinstance(source, (str, os.PathLike)):
        data = _read_path(Path(os.fsdecode(source)), name)
    elif hasattr(source, "read"):
        data = _read_file(cast("IO[bytes]", source), name)
    else:
        raise InvalidImageArrayError(
            name, "give a path, bytes, a binary file, a PIL image or an RGB uint8 array"
        )
    if not data:
        raise EmptyImageError(name, "the file is empty; give an image")
    return data


def _read_path(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ImageNotFoundError(name, _absence(path)) from error
    except IsADirectoryError as error:
        raise ImageNotFoundError(name, "a directory, not a file; name an image in it") from error
    except (OSError, ValueError) as error:
        raise UnreadableImageError(
            name, f"cannot be read ({_reason(error)}); check the path and its permissions"
        ) from error


def _absence(path: Path) -> str:
    """Why nothing is there: the path of a link exists, and only what it names does not."""
    if path.is_symlink():
        return f"a link to {path.readlink()}, which does not exist; restore that or remove the link"
    return "no such file; check the path"


def _read_file(file: IO[bytes], name: str) -> bytes:
    try:
        data = file.read()
    except (OSError, ValueError) as error:
        raise UnreadableImageError(
            name, f"cannot be read ({_reason(error)}); give a file that is open for reading"
        ) from error
    if not isinstance(data, bytes):
        raise UnreadableImageError(name, "the file gives text; open it in binary mode")
    return data


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)
