"""The labelled faces that heads and calibration are made from, read from a data folder.

The folder holds `celeba10k/`, `utkface/` and `lfw/`, each with its CSV of labels. Only what may be
trained on is read: of UTKFace four fifths, of LFW the people who are in no official pair.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from steadyface.errors import DatasetLayoutError

#: Below this age in years a UTKFace label says little about the face: 64 % of those under 10 can
#: be classified at all.
LEAST_AGE = 10


@dataclass(frozen=True, slots=True)
class LabelledFace:
    """One image with what is known of the person.

    Attributes:
        path: the image.
        origin: `celeba`, `utkface` or `lfw`.
        female: whether the label says female.
        identity: names the person within the origin; images without identity stand alone.
    """

    path: Path
    origin: str
    female: bool
    identity: str


def held_back(image: str, share: int = 5) -> bool:
    """Whether an image belongs to the fifth that is kept for measuring: by a hash of its name."""
    return int.from_bytes(sha256(image.encode()).digest()[:8], "big") % share == 0


def read_celeba(data: Path) -> Iterator[LabelledFace]:
    """CelebA: all rows, with identities."""
    root = data / "celeba10k"
    for row in _rows(root / "labels.csv", "image", "identity", "gender"):
        path = root / "images" / row["image"]
        yield LabelledFace(path, "celeba", row["gender"] == "female", row["identity"])


def read_utkface(data: Path) -> Iterator[LabelledFace]:
    """UTKFace: the four fifths that are not held back, from `LEAST_AGE` on."""
    root = data / "utkface"
    for row in _rows(root / "labels.csv", "image", "age", "gender"):
        if held_back(row["image"]) or int(row["age"]) < LEAST_AGE:
            continue
        path = root / "images" / row["image"]
        yield LabelledFace(path, "utkface", row["gender"] == "female", row["image"])


def read_lfw(data: Path) -> Iterator[LabelledFace]:
    """LFW: the people who are in no official pair."""
    root = data / "lfw"
    for row in _rows(root / "gender.csv", "image", "gender", "subset"):
        if row["subset"] == "train":
            path = root / "images" / row["image"]
            identity = row["image"].split("/")[0]
            yield LabelledFace(path, "lfw", row["gender"] == "female", identity)


def read_all(data: Path) -> list[LabelledFace]:
    """Every face that may be trained on, in a fixed order.

    Raises:
        DatasetLayoutError: a CSV is missing or lacks a column.
    """
    return [*read_celeba(data), *read_utkface(data), *read_lfw(data)]


def _rows(file: Path, *columns: str) -> Iterator[dict[str, str]]:
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in columns if name not in (reader.fieldnames or [])]
            if missing:
                raise DatasetLayoutError(f"{file}: column {missing[0]!r} is missing")
            yield from reader
    except OSError as error:
        raise DatasetLayoutError(f"{file}: cannot be read ({error.strerror})") from error
