"""What is wrong with the images, said in one table before any training starts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import DatasetLayoutError
from steadyface.evaluation.layouts import GENDERS
from steadyface.evaluation.table import UNKNOWN_GROUP
from steadyface.imaging.files import is_hidden, list_images
from steadyface.training.gender.folders import TEST, TRAIN, VAL, Example, Split, people_of
from steadyface.training.gender.frames import Seen

#: How an image is called in the table.
Naming: TypeAlias = Callable[[Path], str]
#: Perceptual hashes that differ in no more than so many of 64 bits are of one picture.
NEAR_BITS = 4
#: Least product of such hashes as -1 and 1: 64 minus twice the number of different bits.
NEAR = 64 - 2 * NEAR_BITS
#: A class with fewer images teaches little.
FEW_IMAGES = 20
#: So many examples of a problem are named.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem.

    Attributes:
        problem: what it is.
        count: how many images, or pairs of images, have it.
        examples: the first few by name.
        leak: whether figures would be too good because of it.
    """

    problem: str
    count: int
    examples: tuple[str, ...]
    leak: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The images of one part with what was seen of them."""

    name: str
    examples: tuple[Example, ...]
    seen: tuple[Seen, ...]


def findings(parts: Sequence[Part], split: Split, folder: Path, *, faces: bool) -> list[Finding]:
    """Everything that is wrong, the worst first.

    Args:
        parts: what is trained on first, then what is measured on.
        split: how they came about.
        folder: the data, for names.
        faces: whether an image without a face cannot be used.
    """

    def named(path: Path) -> str:
        return path.relative_to(folder).as_posix()

    found = [
        *_leaks(parts, split, named),
        *(_unusable(part, named, faces=faces) for part in parts),
        *(_repeated(part, named) for part in parts),
        *(_small(part) for part in parts),
        [_finding("other files", [named(file) for file in _other_files(folder)])],
        [
            _finding(
                "without a row in the table",
                [
                    named(e.path)
                    for part in parts
                    for e in part.examples
                    if e.groups and set(e.groups) == {UNKNOWN_GROUP}
                ],
            )
        ],
    ]
    return [one for several in found for one in several if one.count]


def refuse_leaks(several: Sequence[Finding]) -> None:
    """Stop where figures would be too good.

    Raises:
        DatasetLayoutError: there is a leak.
    """
    leaks = [finding for finding in several if finding.leak]
    if leaks:
        what = "; ".join(f"{f.count} {f.problem} (such as {f.examples[0]})" for f in leaks)
        raise DatasetLayoutError(
            f"what is measured on was trained on: {what}; move or remove them, or give "
            "--allow-leakage to train all the same"
        )


def as_text(several: Sequence[Finding]) -> str:
    """The table."""
    if not several:
        return "no problem found in the images"
    width = max(len(finding.problem) for finding in several)
    return "\n".join(
        f"{f.count:7d}  {f.problem:{width}}  {', '.join(f.examples)}"
        f"{', ...' if f.count > len(f.examples) else ''}"
        for f in several
    )


def _leaks(parts: Sequence[Part], split: Split, named: Naming) -> Iterable[list[Finding]]:
    trained = parts[0]
    for part in parts[1:]:
        between = f"{trained.name} and {part.name}"
        same = _same_pixels(trained, part)
        yield [
            _finding(
                f"exact duplicates in {between}",
                [f"{named(a)} = {named(b)}" for a, b in same],
                leak=True,
            )
        ]
        near = [pair for pair in near_duplicates(trained, part) if pair not in set(same)]
        yield [
            _finding(
                f"near duplicates in {between}",
                [f"{named(a)} ~ {named(b)}" for a, b in near],
                leak=True,
            )
        ]
        known = {e.identity for e in trained.examples if e.identity is not None}
        shared = sorted({e.identity for e in part.examples if e.identity in known} - {None})
        yield [_finding(f"people in {between}", [str(one) for one in shared], leak=True)]
    if split.by == "image" and _suspicious(trained.examples):
        yield [Finding("split by image: nothing says who is shown", len(trained.examples), ())]


def _suspicious(examples: Sequence[Example]) -> bool:
    """Whether people may well be in both parts: names do not say who is shown."""
    return len(set(people_of(examples))) == len(examples)


def _same_pixels(one: Part, other: Part) -> list[tuple[Path, Path]]:
    by_pixels: dict[str, Path] = {}
    for example, seen in zip(one.examples, one.seen, strict=True):
        if seen.pixels:
            by_pixels.setdefault(seen.pixels, example.path)
    return [
        (by_pixels[seen.pixels], example.path)
        for example, seen in zip(other.examples, other.seen, strict=True)
        if seen.pixels in by_pixels
    ]


def near_duplicates(one: Part, other: Part) -> list[tuple[Path, Path]]:
    """Pairs of images whose perceptual hashes nearly agree, each image of `other` once."""
    (rows, bits), (columns, others) = _bits(one), _bits(other)
    pairs = []
    for start in range(0, len(others), 256):
        chunk = others[start : start + 256]
        product = chunk @ bits.T if len(bits) else np.zeros((len(chunk), 0), np.float32)
        for offset, row in enumerate(product):
            if len(row) and (best := int(row.argmax())) >= 0 and row[best] >= NEAR:
                pairs.append((rows[best], columns[start + offset]))
    return pairs


def _bits(part: Part) -> tuple[list[Path], NDArray[np.float32]]:
    chosen = [
        (example.path, seen.likeness)
        for example, seen in zip(part.examples, part.seen, strict=True)
        if seen.likeness
    ]
    return [path for path, _ in chosen], signs([likeness for _, likeness in chosen])


def signs(likenesses: Sequence[str]) -> NDArray[np.float32]:
    """Perceptual hashes as N x 64 of -1 and 1; near duplicates have a product of `NEAR` or more."""
    packed = np.array([int(one, 16) for one in likenesses], dtype=">u8").view(np.uint8)
    return np.unpackbits(packed.reshape(-1, 8), axis=1).astype(np.float32) * 2 - 1


def _unusable(part: Part, named: Naming, *, faces: bool) -> list[Finding]:
    pairs = list(zip(part.examples, part.seen, strict=True))
    unreadable = [f"{named(e.path)} ({s.error})" for e, s in pairs if s.error]
    faceless = [named(e.path) for e, s in pairs if not s.error and not s.face]
    what = "left out: no face was found" if faces else "without a face that was found"
    return [
        _finding(f"{part.name}: left out: cannot be read", unreadable),
        _finding(f"{part.name}: {what}", faceless),
    ]


def _repeated(part: Part, named: Naming) -> list[Finding]:
    files: defaultdict[str, list[Path]] = defaultdict(list)
    for example, seen in zip(part.examples, part.seen, strict=True):
        if seen.pixels:
            files[seen.pixels].append(example.path)
    repeats = [
        f"{named(several[0])} = {named(again)}"
        for several in files.values()
        for again in several[1:]
    ]
    return [_finding(f"{part.name}: the same image again", repeats)]


def _small(part: Part) -> list[Finding]:
    several = []
    for female, label in ((True, "female"), (False, "male")):
        count = sum(
            e.female == female and not s.error
            for e, s in zip(part.examples, part.seen, strict=True)
        )
        if 0 < count < FEW_IMAGES:
            several.append(Finding(f"{part.name}: few {label} images", count, ()))
    return several


def _other_files(folder: Path) -> list[Path]:
    listed = set(list_images(folder))
    return sorted(
        file
        for part in (TRAIN, VAL, TEST, *GENDERS)
        for file in (folder / part).rglob("*")
        if file.is_file() and file not in listed and not is_hidden(file.name)
    )


def _finding(problem: str, names: Sequence[str], *, leak: bool = False) -> Finding:
    return Finding(problem, len(names), tuple(names[:_NAMED]), leak)
