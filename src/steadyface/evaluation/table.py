"""The CSV that says who is in an image and which groups it belongs to."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from steadyface.errors import DatasetLayoutError

#: Group of an image of which the table says nothing.
UNKNOWN_GROUP = "unknown"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a table says of one image.

    Attributes:
        identity: the person; None where it does not say.
        groups: in the order of the table's columns, `UNKNOWN_GROUP` where it does not say.
        row: what its row calls the image; None where no row does.
    """

    identity: str | None
    groups: tuple[str, ...]
    row: str | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows by image.

    Attributes:
        columns: the groups' columns.
        rows: image, a path below the data folder or a bare file name -> identity (None where
            unknown) and its groups in the order of `columns`.
    """

    columns: tuple[str, ...] = ()
    rows: Mapping[str, tuple[str | None, tuple[str, ...]]] = field(default_factory=dict)

    def of(self, path: Path, root: Path) -> Entry:
        """What is said of an image: its row by path below `root`, else by name."""
        for key in (path.relative_to(root).as_posix(), path.name):
            if key in self.rows:
                return Entry(*self.rows[key], key)
        return Entry(None, (UNKNOWN_GROUP,) * len(self.columns), None)

    def of_all(self, paths: Sequence[Path], root: Path) -> list[Entry]:
        """What is said of each of some images.

        Raises:
            DatasetLayoutError: a row fits several of them, or no row fits any.
        """
        entries = [self.of(path, root) for path in paths]
        fitting: dict[str, list[str]] = {}
        for path, entry in zip(paths, entries, strict=True):
            if entry.row is not None:
                fitting.setdefault(entry.row, []).append(path.relative_to(root).as_posix())
        for row, images in fitting.items():
            if len(images) > 1:
                raise DatasetLayoutError(
                    f"the table's row {row!r} fits {len(images)} images, such as {images[0]} and "
                    f"{images[1]}; give paths below {root} in place of bare names"
                )
        if not fitting:
            raise DatasetLayoutError(
                f"the table names none of the {len(paths)} images of {root}; its column of images "
                "has to hold their paths below that folder, or their file names"
            )
        return entries

    def unmatched(self, entries: Iterable[Entry]) -> list[str]:
        """What the rows that none of some entries came from call their images."""
        used = {entry.row for entry in entries}
        return [row for row in self.rows if row not in used]


def read_table(
    file: Path, *, groups: Sequence[str], identity: str | None = None, image: str = "image"
) -> Table:
    """Read a CSV with a header.

    Args:
        file: the CSV.
        groups: columns of groups.
        identity: column of the person; None takes `identity` where there is one.
        image: column of the image: a path below the data folder, or a file name.

    Raises:
        DatasetLayoutError: it cannot be read, lacks a column, or names an image twice.
    """
    try:
        # A byte order mark, which spreadsheets write, is no part of the first column's name.
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            header = list(reader.fieldnames or [])
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetLayoutError(
            f"{file}: cannot be read ({error}); give a CSV in UTF-8"
        ) from error
    for column in (image, *groups, *([] if identity is None else [identity])):
        if column not in header:
            raise DatasetLayoutError(
                f"{file}: has no column {column!r}, it has {', '.join(header)}"
            )
    who = identity if identity is not None else "identity"
    (name, times), *_ = Counter(row[image] for row in rows).most_common(1) or [("", 0)]
    if times > 1:
        raise DatasetLayoutError(f"{file}: names {name} {times} times; give one row an image")
    return Table(
        tuple(groups),
        {
            row[image]: (
                row.get(who) or None,
                tuple(row[column] or UNKNOWN_GROUP for column in groups),
            )
            for row in rows
        },
    )
