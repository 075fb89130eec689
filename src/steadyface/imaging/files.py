"""Finds image files in folders."""

from __future__ import annotations

from pathlib import Path

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
)


def list_images(folder: Path, *, recursive: bool = True) -> list[Path]:
    """The image files of a folder by suffix, sorted; hidden files and folders are left out.

    Args:
        folder: where to look.
        recursive: also look in the folders below.
    """
    found = folder.rglob("*") if recursive else folder.iterdir()
    return sorted(
        path
        for path in found
        if path.suffix.lower() in IMAGE_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )
