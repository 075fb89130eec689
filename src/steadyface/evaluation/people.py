"""The CSV that says whose images are to be enrolled, and what is known of these people."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

from steadyface.enrolment import Person
from steadyface.errors import DatasetLayoutError
from steadyface.gallery.names import clean_name

IMAGE = "image"
IDENTITY = "identity"


@dataclass(slots=True)
class _Rows:
    """The rows of one identity."""

    sources: list[str] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)


def read_people_table(file: Path) -> list[Person]:
    """Read whom to enrol, in the order in which they are first named.

    Columns `image` and `identity` are needed: a path, relative to the CSV's folder or absolute,
    and a name. Every other column is metadata of the identity, as text; empty cells say nothing.
    The gallery is told each image's path as the CSV has it.

    Raises:
        DatasetLayoutError: the CSV cannot be read, lacks a column or names nobody, or a row lacks
            its image or identity, has too many cells, or contradicts another on the same identity.
        UsageError: a name is none that an identity can have.
    """
    people: dict[str, _Rows] = {}
    header, rows = _read(file)
    for column in (IMAGE, IDENTITY):
        if column not in header:
            raise DatasetLayoutError(
                f"{file}: has no column {column!r}, it has {', '.join(header) or 'none'}"
            )
    for line, row in rows:
        _add(people, row, f"{file}: line {line}")
    if not people:
        raise DatasetLayoutError(f"{file}: names no image; give one row for each")
    return [
        Person(
            name,
            [file.parent / source for source in found.sources],
            found.metadata or None,
            found.sources,
        )
        for name, found in people.items()
    ]


def _read(file: Path) -> tuple[list[str], list[tuple[int, dict[str | None, str | None]]]]:
    try:
        # A byte order mark, which spreadsheets write, is no part of the first column's name.
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader: csv.DictReader[str] = csv.DictReader(stream)
            header = list(reader.fieldnames or [])
            return header, [(reader.line_num, dict(row)) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetLayoutError(
            f"{file}: cannot be read ({error}); give a CSV in UTF-8"
        ) from error


def _add(people: dict[str, _Rows], row: dict[str | None, str | None], where: str) -> None:
    if None in row:
        raise DatasetLayoutError(f"{where}: has more cells than the header; correct it")
    cells = {column: cell.strip() for column, cell in row.items() if column and cell}
    image, identity = cells.pop(IMAGE, ""), cells.pop(IDENTITY, "")
    if not image or not identity:
        raise DatasetLayoutError(f"{where}: names no {IDENTITY if image else IMAGE}; fill it in")
    person = people.setdefault(clean_name(identity), _Rows())
    person.sources.append(image)
    for column, cell in cells.items():
        if cell and person.metadata.setdefault(column, cell) != cell:
            raise DatasetLayoutError(
                f"{where}: says {column} is {cell!r} of {identity!r}, another row says "
                f"{person.metadata[column]!r}; make them agree"
            )
