"""Reads the folders of a training and splits one folder where there is no split yet."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from steadyface.distortions import kind_of
from steadyface.errors import DatasetLayoutError, UsageError
from steadyface.evaluation.layouts import read_gender_folder
from steadyface.evaluation.table import Table

TRAIN, VAL, TEST = "train", "val", "test"
#: Numbered photos of one person: `Ada_Lovelace_0003`.
_NUMBERED = re.compile(r"(?P<person>.*[^\W\d_].*)[_-]\d+")
#: File names say who is shown only if nobody has more than this share of the images.
_LARGEST_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled image.

    Attributes:
        path: the file.
        female: its label.
        identity: the person, where known; distorted copies of one image are one person's.
        groups: its groups, in the order of the table's columns.
    """

    path: Path
    female: bool
    identity: str | None
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """Images to train on, to choose the epoch by, and, where there is such a folder, to measure.

    Attributes:
        train: to train on.
        val: to choose by.
        test: to measure on; empty without a folder `test`.
        by: how the split was made: `folders`, `identity` or `image`.
    """

    train: tuple[Example, ...]
    val: tuple[Example, ...]
    test: tuple[Example, ...]
    by: str


def read_split(folder: Path, table: Table, *, val_fraction: float | None, seed: int) -> Split:
    """Read `DIR/train/{female,male}` and `DIR/val/...`, or split `DIR/{female,male}`.

    Args:
        folder: DIR; `DIR/test/...` is read where there is one.
        table: identities and groups.
        val_fraction: share of images to choose by, 0..1, where there is no `val` folder.
        seed: of the split.

    Raises:
        DatasetLayoutError: the folders are not there.
        UsageError: a fraction is given beside a `val` folder, or none without, or is out of range.
    """
    test = folder / TEST
    measured = _examples(test, folder, table) if test.is_dir() else ()
    if (folder / VAL).is_dir():
        if val_fraction is not None:
            raise UsageError(f"{folder}: has a folder {VAL}/; leave --val-fraction out")
        train, val = (_examples(folder / part, folder, table) for part in (TRAIN, VAL))
        return Split(train, val, measured, "folders")
    root = folder / TRAIN if (folder / TRAIN).is_dir() else folder
    everything = _examples(root, folder, table)
    if val_fraction is None:
        raise UsageError(f"{folder}: has no folder {VAL}/; give --val-fraction, such as 0.2")
    if not 0 < val_fraction < 1:
        raise UsageError(f"val_fraction is {val_fraction}: give more than 0 and less than 1")
    people = people_of(everything)
    train, val = _parted(everything, people, val_fraction, seed)
    return Split(train, val, measured, "identity" if _known(people, everything) else "image")


def people_of(examples: Sequence[Example]) -> list[str]:
    """Who is shown: as the table says, else as file names say, else everybody is alone."""
    if any(example.identity is not None for example in examples):
        return [e.identity if e.identity is not None else str(e.path) for e in examples]
    named = [_person_named(example.path) for example in examples]
    counts = Counter(named)
    if max(counts.values()) <= max(2, _LARGEST_SHARE * len(examples)):
        return named
    return [_without_kind(example.path.stem) for example in examples]


def _known(people: Sequence[str], examples: Sequence[Example]) -> bool:
    """Whether anybody is known to have several images that are no copies of one."""
    return len(set(people)) < len({_without_kind(str(e.path.with_suffix(""))) for e in examples})


def _parted(
    examples: Sequence[Example], people: Sequence[str], share: float, seed: int
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """People at random into two parts, women and men in the same share."""
    rng = np.random.default_rng(seed)
    chosen: set[str] = set()
    for female in (True, False):
        images: dict[str, int] = defaultdict(int)
        for person, example in zip(people, examples, strict=True):
            if example.female == female:
                images[person] += 1
        wanted, taken = share * sum(images.values()), 0
        for person in rng.permutation(sorted(images)):
            if taken and taken + images[person] / 2 > wanted:
                break
            chosen.add(str(person))
            taken += images[person]
    pairs = list(zip(people, examples, strict=True))
    val = tuple(example for person, example in pairs if person in chosen)
    return tuple(example for person, example in pairs if person not in chosen), val


def _examples(folder: Path, root: Path, table: Table) -> tuple[Example, ...]:
    return tuple(
        Example(image.path, image.gender == "female", said.identity, said.groups)
        for image in read_gender_folder(folder)
        for said in (table.of(image.path, root),)
    )


def _person_named(path: Path) -> str:
    stem = _without_kind(path.stem)
    numbered = _NUMBERED.fullmatch(stem)
    return stem if numbered is None else numbered["person"]


def _without_kind(stem: str) -> str:
    kind = kind_of(Path(stem + ".x"))
    return stem if kind is None else stem.removesuffix(f"_{kind}")


def check_not_empty(split: Split, folder: Path) -> None:
    """Make sure that both parts have both classes.

    Raises:
        DatasetLayoutError: one has not.
    """
    for part, use in ((split.train, "train on"), (split.val, "choose the epoch by")):
        for female, label in ((True, "female"), (False, "male")):
            if not any(example.female == female for example in part):
                raise DatasetLayoutError(
                    f"{folder}: no usable {label} image to {use}; add some, or give another "
                    "--val-fraction"
                )
