"""Finds image files in folders."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

from steadyface.errors import UnreadableImageError

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
)


def list_images(folder: Path, *, recursive: bool = True) -> list[Path]:
    """The image files of a folder by suffix, sorted; hidden files and folders are left out.

    Args:
        folder: where to look.
        recursive: also look in the folders below.

    Raises:
        UnreadableImageError: a folder cannot be listed, so images might go missing unseen.
    """
    found: list[Path] = []
    for place, below, names in os.walk(folder, onerror=_refuse):
        below[:] = [name for name in below if recursive and not name.startswith(".")]
        found.extend(
            Path(place, name)
            for name in names
            if Path(name).suffix.lower() in IMAGE_SUFFIXES and not name.startswith(".")
        )
    return sorted(path for path in found if path.is_file())


def _refuse(error: OSError) -> NoReturn:
    raise UnreadableImageError(
        str(error.filename), f"cannot be listed ({error.strerror}); check the folder's permissions"
    ) from error
