"""Finds image files in folders."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NoReturn

from steadyface.errors import UnreadableImageError
from steadyface.imaging.formats import IMAGE_SUFFIXES, UNSUPPORTED_SUFFIXES

_LISTED = IMAGE_SUFFIXES | UNSUPPORTED_SUFFIXES


def list_images(folder: Path, *, recursive: bool = True) -> list[Path]:
    """The image files of a folder by suffix, sorted; hidden files and folders are left out.

    Links that lead nowhere and photos in formats that are not read are among them: decoding says
    what is wrong with each, where leaving them out would look as if all had been done.

    Args:
        folder: where to look.
        recursive: also look in the folders below, but not in those that are symbolic links.

    Raises:
        UnreadableImageError: a folder cannot be listed, so images might go missing unseen.
    """
    found: list[Path] = []
    for place, below, names in os.walk(folder, onerror=_refuse):
        below[:] = [name for name in below if recursive and not is_hidden(name)]
        found.extend(
            Path(place, name)
            for name in names
            if Path(name).suffix.lower() in _LISTED and not is_hidden(name)
        )
    return sorted(path for path in found if _may_be_file(path))


def is_hidden(name: str) -> bool:
    """Whether files and folders of this name are left out of lists."""
    return name.startswith(".")


def _may_be_file(path: Path) -> bool:
    """False for what reading could wait at for ever, such as a pipe; True in case of doubt."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True


def _refuse(error: OSError) -> NoReturn:
    raise UnreadableImageError(
        str(error.filename), f"cannot be listed ({error.strerror}); check the folder's permissions"
    ) from error
