"""UTKFace as the benchmarks use it: four fifths free to train on, a fifth held back, no copies."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from steadyface.imaging.decode import decode
from steadyface.training.gender.care import NEAR, signs
from steadyface.training.gender.frames import likeness
from steadyface.training.sources import held_back


@dataclass(frozen=True, slots=True)
class Person:
    """One image.

    Attributes:
        path: of the image.
        gender: `female` or `male`.
        age: in years.
        measured: whether it is of the fifth held back.
    """

    path: Path
    gender: str
    age: int
    measured: bool


def without_copies(data: Path) -> tuple[list[Person], int]:
    """Everybody once; the set holds some pictures several times, under other ages too.

    Of a picture in both parts the held-back one is left out, for the shipped network has seen the
    other. Pictures are the same where their hashes differ in no more than `NEAR_BITS`.

    Returns:
        The images, and how many were left out.
    """
    root = data / "utkface"
    with (root / "labels.csv").open(encoding="utf-8", newline="") as stream:
        people = [
            Person(
                root / "images" / row["image"],
                row["gender"],
                int(row["age"]),
                held_back(row["image"]),
            )
            for row in csv.DictReader(stream)
        ]
    people.sort(key=lambda person: (person.measured, person.path.name))
    hashes = signs([likeness(decode(person.path)) for person in people])
    kept: list[int] = []
    for row in range(len(people)):
        if not kept or (hashes[kept] @ hashes[row]).max() < NEAR:
            kept.append(row)
    return [people[row] for row in kept], len(people) - len(kept)
