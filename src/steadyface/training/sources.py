"""The labelled faces that heads and calibration are made from, read from a data folder.

The folder holds `celeba10k/`, `utkface/` and `lfw/`, each with its CSV of labels, and
`facecom_lfw/`. Only what may be trained on is read: of UTKFace four fifths, of LFW the people who
are in no official pair and not among the unknown probes of Task B.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from steadyface.distortions import kind_of
from steadyface.errors import DatasetLayoutError
from steadyface.evaluation.layouts import GENDERS, read_pairs
from steadyface.imaging.files import list_images

#: Below this age in years a UTKFace label says little about the face: 64 % of those under 10 can
#: be classified at all.
LEAST_AGE = 10


@dataclass(frozen=True, slots=True)
class LabelledFace:
    """One image with what is known of the person.

    Attributes:
        path: the image.
        origin: `celeba`, `utkface` or `lfw`.
        female: whether the label says female; None where nothing is said.
        identity: names the person within the origin; images without identity stand alone.
    """

    path: Path
    origin: str
    female: bool | None
    identity: str


def held_back(image: str, share: int = 5) -> bool:
    """Whether an image belongs to the fifth that is kept for measuring: by a hash of its name."""
    return int.from_bytes(sha256(image.encode()).digest()[:8], "big") % share == 0


def read_celeba(data: Path) -> Iterator[LabelledFace]:
    """CelebA: all rows, with identities."""
    root = data / "celeba10k"
    labels = root / "labels.csv"
    for row in _rows(labels, "image", "identity", "gender"):
        path = root / "images" / row["image"]
        yield LabelledFace(path, "celeba", _is_female(labels, row), row["identity"])


def read_utkface(data: Path) -> Iterator[LabelledFace]:
    """UTKFace: the four fifths that are not held back, from `LEAST_AGE` on."""
    root = data / "utkface"
    labels = root / "labels.csv"
    for row in _rows(labels, "image", "age", "gender"):
        if held_back(row["image"]) or _age(labels, row) < LEAST_AGE:
            continue
        path = root / "images" / row["image"]
        yield LabelledFace(path, "utkface", _is_female(labels, row), row["image"])


def read_lfw(data: Path) -> Iterator[LabelledFace]:
    """LFW: the people who are in no official pair and no measuring part of `facecom_lfw`.

    Some probes of `Task_B/unknown` are distorted copies of images that LFW's CSV calls `train`;
    people never seen are what they are there to measure, so their clean images are left out too.
    """
    root = data / "lfw"
    labels = root / "gender.csv"
    measured = measured_people(data)
    for row in _rows(labels, "image", "gender", "subset"):
        identity = row["image"].split("/")[0]
        if row["subset"] == "train" and identity not in measured:
            path = root / "images" / row["image"]
            yield LabelledFace(path, "lfw", _is_female(labels, row), identity)


def measured_people(data: Path) -> frozenset[str]:
    """Names of all LFW people that are only measured on: official pairs, and facecom_lfw's parts.

    Raises:
        DatasetLayoutError: a part is missing, so nobody could tell who is in it.
    """
    pairs = read_pairs(data / "lfw" / "pairs.txt")
    people = {name.split("/")[0] for pair in pairs for name in (pair.first, pair.second)}
    for part in ("Task_A/val", "Task_B/val", "Task_B/unknown"):
        folder = data / "facecom_lfw" / part
        images = list_images(folder) if folder.is_dir() else []
        if not images:
            raise DatasetLayoutError(f"{folder}: expected images, found none")
        people.update(person_of(image) for image in images)
    return frozenset(people)


def person_of(image: Path) -> str:
    """The person in LFW's naming, with or without a distortion: `Al_Gore_0001_foggy.jpg`."""
    kind = kind_of(image)
    stem = image.stem if kind is None else image.stem.removesuffix(f"_{kind}")
    return stem.rpartition("_")[0]


def read_faces(folder: Path) -> list[LabelledFace]:
    """The faces of a folder: the free parts of the data set above, or any images, unlabelled.

    Raises:
        DatasetLayoutError: there is no such folder or no image in it.
    """
    if (folder / "celeba10k").is_dir():
        return read_all(folder)
    images = list_images(folder) if folder.is_dir() else []
    if not images:
        raise DatasetLayoutError(f"{folder}: no images of faces in this folder; give one with some")
    return [
        LabelledFace(image, "folder", None, image.relative_to(folder).as_posix())
        for image in images
    ]


def read_all(data: Path) -> list[LabelledFace]:
    """Every face that may be trained on, in a fixed order.

    Raises:
        DatasetLayoutError: a CSV is missing, lacks a column, or has a label that says nothing.
    """
    return [*read_celeba(data), *read_utkface(data), *read_lfw(data)]


def _rows(file: Path, *columns: str) -> Iterator[dict[str, str]]:
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in columns if name not in (reader.fieldnames or [])]
            if missing:
                raise DatasetLayoutError(
                    f"{file}: column {missing[0]!r} is missing; expected {', '.join(columns)}"
                )
            yield from reader
    except OSError as error:
        raise DatasetLayoutError(
            f"{file}: cannot be read ({error.strerror}); expected a CSV of labels there"
        ) from error


def _is_female(file: Path, row: dict[str, str]) -> bool:
    """The label of a row; one that is neither must not pass for male."""
    if row["gender"] not in GENDERS:
        raise DatasetLayoutError(
            f"{file}: {row['image']}: gender is {row['gender']!r}; expected female or male"
        )
    return row["gender"] == "female"


def _age(file: Path, row: dict[str, str]) -> int:
    try:
        return int(row["age"])
    except (TypeError, ValueError) as error:
        raise DatasetLayoutError(
            f"{file}: {row['image']}: age is {row['age']!r}; expected whole years"
        ) from error
