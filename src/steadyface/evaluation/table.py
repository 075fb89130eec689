"""The CSV that says who is in an image and which groups it belongs to."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from steadyface.errors import DatasetLayoutError

#: Group of an image of which the table says nothing.
UNKNOWN_GROUP = "unknown"


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

    def of(self, path: Path, root: Path) -> tuple[str | None, tuple[str, ...]]:
        """Identity and groups of an image: its row by path below `root`, else by name."""
        for key in (path.relative_to(root).as_posix(), path.name):
            if key in self.rows:
                return self.rows[key]
        return None, (UNKNOWN_GROUP,) * len(self.columns)


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
