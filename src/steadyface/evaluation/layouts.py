"""Reads the folder layouts and files that evaluations run on; knows no metric and no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from steadyface.distortions import kind_of
from steadyface.errors import DatasetLayoutError
from steadyface.imaging.files import list_images

CLEAN = "clean"
PROBE_FOLDER = "distortion"
GENDERS = ("female", "male")


@dataclass(frozen=True, slots=True)
class GenderImage:
    """One labelled image of the gender layout; `kind` is its distortion, `clean` without one."""

    path: Path
    gender: str
    kind: str


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe of the matching layout; `identity` is None for a person who is not enrolled."""

    path: Path
    identity: str | None
    kind: str


@dataclass(frozen=True, slots=True)
class MatchDataset:
    """References by identity, and the probes to match against them."""

    references: dict[str, tuple[Path, ...]]
    probes: tuple[Probe, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """One comparison of a pairs file; `fold` counts from 0."""

    first: str
    second: str
    same: bool
    fold: int


def kind_or_clean(path: Path) -> str:
    """The distortion named by a file's suffix, `clean` when it names none."""
    return kind_of(path) or CLEAN


def read_gender_folder(folder: Path) -> tuple[GenderImage, ...]:
    """Read `DIR/female/` and `DIR/male/`, images at any depth below them.

    Raises:
        DatasetLayoutError: a class folder is missing or holds no image.
    """
    _require_folder(folder)
    images: list[GenderImage] = []
    for gender in GENDERS:
        there = (folder / gender).is_dir()
        paths = list_images(folder / gender) if there else []
        if not paths:
            empty = folder / gender if there else folder
            raise DatasetLayoutError(
                f"{empty}: expected images in female/ and male/, {_found(empty)}"
            )
        images.extend(GenderImage(path, gender, kind_or_clean(path)) for path in paths)
    return tuple(images)


def read_match_folder(folder: Path, unknown: Path | None = None) -> MatchDataset:
    """Read `DIR/IDENTITY/*.jpg` (references) and `DIR/IDENTITY/distortion/*.jpg` (probes).

    Args:
        folder: the identities.
        unknown: a folder of probes of people who are not enrolled, at any depth.

    Raises:
        DatasetLayoutError: no identity, an identity without reference, or no probe at all.
    """
    _require_folder(folder)
    references: dict[str, tuple[Path, ...]] = {}
    probes: list[Probe] = []
    for identity in _subfolders(folder):
        clean = list_images(identity, recursive=False)
        if not clean:
            raise DatasetLayoutError(
                f"{identity}: no clean reference image; expected {folder.name}/IDENTITY/*.jpg "
                f"beside IDENTITY/{PROBE_FOLDER}/, {_found(identity)}"
            )
        references[identity.name] = tuple(clean)
        distorted = identity / PROBE_FOLDER
        if distorted.is_dir():
            probes.extend(
                Probe(path, identity.name, kind_or_clean(path)) for path in list_images(distorted)
            )
    if not references or not probes:
        raise DatasetLayoutError(
            f"{folder}: expected identity folders with clean images and a {PROBE_FOLDER}/ folder "
            f"of probes in each, {_found(folder)}"
        )
    if unknown is not None:
        _require_folder(unknown)
        strangers = list_images(unknown)
        if not strangers:
            raise DatasetLayoutError(f"{unknown}: expected probe images, {_found(unknown)}")
        probes.extend(Probe(path, None, kind_or_clean(path)) for path in strangers)
    return MatchDataset(references, tuple(probes))


def read_people(folder: Path) -> dict[str, tuple[Path, ...]]:
    """Read `DIR/IDENTITY/*.jpg`: the references to enrol, by identity.

    An identity folder without an image is kept, with none: the others can still be enrolled.

    Raises:
        DatasetLayoutError: no identity folder holds an image.
    """
    _require_folder(folder)
    people = {
        identity.name: tuple(list_images(identity, recursive=False))
        for identity in _subfolders(folder)
    }
    if not any(people.values()):
        raise DatasetLayoutError(
            f"{folder}: expected one folder of images for each person, {_found(folder)}"
        )
    return people


def read_pairs(file: Path) -> tuple[Pair, ...]:
    """Read a pairs file in the format of LFW's View 2.

    First line: folds and pairs of each sort a fold. Then a fold's same-person lines
    (`name  i  j`), then its different-person lines (`name  i  name  j`), fold after fold.
    Images are named `name/name_000i.jpg`.

    Raises:
        DatasetLayoutError: the file is missing or a line has another form (its number is named).
    """
    rows = _numbered_rows(file)
    try:
        folds, each = (int(word) for word in rows[0][1])
    except (IndexError, ValueError) as error:
        raise DatasetLayoutError(
            f"{file}: line 1 should give folds and pairs a fold, such as '10 300'"
        ) from error
    if folds < 2 or each < 1:
        raise DatasetLayoutError(
            f"{file}: line 1 gives {folds} folds of {each} pairs; give 2 folds or more of 1 or more"
        )
    if len(rows) - 1 != 2 * folds * each:
        raise DatasetLayoutError(
            f"{file}: line 1 promises {folds} folds of {each} + {each} pairs, which is "
            f"{2 * folds * each} lines; found {len(rows) - 1}; correct line 1 or use the whole file"
        )
    return tuple(
        _pair(file, number, row, fold=index // (2 * each), same=index % (2 * each) < each)
        for index, (number, row) in enumerate(rows[1:])
    )


def require_pair_images(images: Path, pairs: Sequence[Pair]) -> None:
    """Find out before the long work whether this is the folder that a pairs file speaks of.

    Args:
        images: the folder that the pairs' names are relative to.
        pairs: the comparisons.

    Raises:
        DatasetLayoutError: there is no such folder, or none of the pairs' images is in it.
    """
    _require_folder(images)
    names = sorted({name for pair in pairs for name in (pair.first, pair.second)})
    if not any((images / name).is_file() for name in names):
        raise DatasetLayoutError(
            f"{images}: expected the images of the pairs file, such as {names[0]}, {_found(images)}"
        )


def _numbered_rows(file: Path) -> list[tuple[int, list[str]]]:
    """The words of every line that is not blank, with the line's number."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DatasetLayoutError(
            f"{file}: cannot be read ({error.strerror}); give a pairs file"
        ) from error
    except UnicodeDecodeError as error:
        raise DatasetLayoutError(f"{file}: not a text file; give a pairs file") from error
    return [(number, line.split()) for number, line in enumerate(lines, start=1) if line.strip()]


def _pair(file: Path, number: int, row: list[str], *, fold: int, same: bool) -> Pair:
    if len(row) != (3 if same else 4):
        raise DatasetLayoutError(
            f"{file}: line {number}: expected {'name i j' if same else 'name i name j'}, "
            f"found {' '.join(row)!r}"
        )
    first, i, second, j = (row[0], row[1], row[0], row[2]) if same else row
    if not (i.isdecimal() and j.isdecimal()):
        raise DatasetLayoutError(
            f"{file}: line {number}: image numbers expected, found {i!r}, {j!r}"
        )
    if same and int(i) == int(j):
        raise DatasetLayoutError(
            f"{file}: line {number}: compares image {int(i)} of {first} with itself; give two "
            "images"
        )
    if not same and first == second:
        raise DatasetLayoutError(
            f"{file}: line {number}: a pair of different people names {first} twice; give two "
            "people"
        )
    return Pair(_image_of(first, int(i)), _image_of(second, int(j)), same, fold)


def _image_of(name: str, number: int) -> str:
    return f"{name}/{name}_{number:04d}.jpg"


def _subfolders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _require_folder(folder: Path) -> None:
    if not folder.is_dir():
        what = "is a file; give a folder" if folder.exists() else "no such folder; check the path"
        raise DatasetLayoutError(f"{folder}: {what}")


def _found(folder: Path) -> str:
    names = sorted(p.name + ("/" if p.is_dir() else "") for p in folder.iterdir())
    if not names:
        return "found an empty folder"
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"found {', '.join(names[:5])}{more}"
