"""Where distorted copies of images go, and what they must not overwrite."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from steadyface.distortions.naming import distorted_name
from steadyface.errors import UsageError
from steadyface.imaging.files import is_hidden

_Identity: TypeAlias = tuple[int, int] | str


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy to make: of which image, by which kind, and the file that it goes to."""

    image: Path
    kind: str
    file: Path


def plan_copies(
    images: Sequence[Path], source: Path, target: Path, kinds: Sequence[str]
) -> tuple[Copy, ...]:
    """Every copy with its file, `STEM_KIND.jpg`; subfolders of `source` are kept in `target`.

    A file in `target` that is none of the images may be replaced, so that a run can be repeated.
    Nothing is written.

    Args:
        images: `source` alone, or the images below it.
        source: the image or folder that the user named.
        target: the folder of the copies.
        kinds: of distortion, each image gets one copy of each.

    Raises:
        UsageError: a copy would overwrite one of the images, also where its file is a link to it;
            two images would have the same copy; or copies would lie where a second run over
            `source` finds them.
    """
    copies = tuple(
        Copy(image, kind, target / _inner(image, source) / distorted_name(image.stem, kind))
        for image in images
        for kind in kinds
    )
    _refuse_overwriting(copies, images)
    _refuse_sharing(copies)
    if source not in images:
        _refuse_feeding_back(copies, source)
    return copies


def refuse_same_file(target: Path, source: Path) -> None:
    """Refuse to write what is made of an image over it.

    Raises:
        UsageError: both are the same file, also through links.
    """
    if _identity(target) == _identity(source):
        raise UsageError(f"{source}: would be overwritten by {target}; give another file to write")


def _inner(image: Path, source: Path) -> Path:
    return Path() if image == source else image.parent.relative_to(source)


def _refuse_overwriting(copies: Sequence[Copy], images: Sequence[Path]) -> None:
    originals = {_identity(image): image for image in images}
    for copy in copies:
        original = originals.get(_identity(copy.file))
        if original is not None:
            raise UsageError(
                f"{original}: would be overwritten by the {copy.kind} copy of {copy.image}; give "
                "another folder to write into"
            )


def _refuse_sharing(copies: Sequence[Copy]) -> None:
    taken: dict[_Identity, Copy] = {}
    for copy in copies:
        other = taken.setdefault(_identity(copy.file), copy)
        if other is not copy:
            raise UsageError(
                f"{copy.image}: its copies would replace those of {other.image}; rename one"
            )


def _refuse_feeding_back(copies: Sequence[Copy], source: Path) -> None:
    """Refuse copies that the next run over this folder would distort once more."""
    root = _identity(source)
    folders: dict[Path, Copy] = {}
    for copy in copies:
        folders.setdefault(Path(os.path.realpath(copy.file)).parent, copy)
    for folder, copy in folders.items():
        if _is_searched(folder, root):
            raise UsageError(
                f"{copy.file}: lies in {source}, so that a second run would distort it too; give "
                f"a folder outside {source} to write into"
            )


def _is_searched(folder: Path, root: _Identity) -> bool:
    """Whether images in a folder are found when the images of the folder `root` are listed."""
    for place in (folder, *folder.parents):
        if _identity(place) == root:
            return not any(is_hidden(name) for name in folder.relative_to(place).parts)
    return False


def _identity(path: Path) -> _Identity:
    """What is equal for all paths to one file: relative, through links, in another case.

    A file that is not there yet is known by the place that writing would go to.
    """
    try:
        status = path.stat()
    except OSError:
        return os.path.realpath(path)
    return status.st_dev, status.st_ino
