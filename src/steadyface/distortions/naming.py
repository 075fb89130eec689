"""File names that carry a distortion: `STEM_KIND.jpg`."""

from __future__ import annotations

from pathlib import Path

from steadyface.distortions.registry import kinds


def distorted_name(stem: str, kind: str, suffix: str = ".jpg") -> str:
    """The name of a distorted copy: `Al_Gore_0001` and `foggy` -> `Al_Gore_0001_foggy.jpg`."""
    return f"{stem}_{kind}{suffix}"


def kind_of(path: Path | str) -> str | None:
    """The distortion that a file's name ends in; None when it names none."""
    _, _, last = Path(path).stem.rpartition("_")
    return last if last in kinds() else None
