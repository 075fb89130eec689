"""What tests look at in cache folders."""

from __future__ import annotations

from pathlib import Path


def left_in(folder: Path) -> list[str]:
    """What there is in a cache folder beside the lock file, which stays."""
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")
