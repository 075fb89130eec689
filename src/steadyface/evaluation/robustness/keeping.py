"""Where cells are kept so that stopped work goes on, and what makes one fit to be taken up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from steadyface.errors import ResultError
from steadyface.evaluation.output import write_json
from steadyface.evaluation.robustness.cells import Cell
from steadyface.evaluation.robustness.nodes import Node
from steadyface.evaluation.robustness.reading import read_cell

#: Part of every cache key: a change of what a cell holds makes old ones unfit.
_CELL = 3


class Cells:
    """Cells kept in a folder under a key of everything that decides them.

    Args:
        folder: where they are kept.
        parts: what decides every cell: models, options, rule, the images' content and labels.
        measures: figures that each has.
        sorts: histograms that each has.
    """

    def __init__(
        self, folder: Path, parts: Sequence[str], measures: Sequence[str], sorts: Sequence[str]
    ) -> None:
        self._folder, self._parts = folder, parts
        self._measures, self._sorts = measures, sorts

    def get(self, condition: str) -> Cell | None:
        """The cell of a condition; None where it has to be measured."""
        file = self._file(condition)
        try:
            value = Node(json.loads(file.read_text(encoding="utf-8")), file.name)
            return read_cell(value, self._measures, self._sorts)
        except (OSError, ValueError, ResultError):
            return None  # none, half a file, or an older form: measured anew and written over

    def put(self, condition: str, cell: Cell) -> None:
        """Keep a cell; whole or not at all."""
        file = self._file(condition)
        part = file.with_suffix(".part")
        write_json(part, cell.as_json())
        part.replace(file)

    def _file(self, condition: str) -> Path:
        digest = sha256(json.dumps([_CELL, condition, *self._parts]).encode()).hexdigest()
        return self._folder / f"{digest[:24]}.json"


def content_key(files: Sequence[Path], labels: Any) -> str:
    """A digest of what is said of images and of their bytes.

    Args:
        files: in a fixed order; one that cannot be read counts as such.
        labels: a JSON value, see `run.Subject`.
    """
    # Escaped, so that names that are not UTF-8 have bytes too.
    digest = sha256(json.dumps(labels, ensure_ascii=True).encode())
    for file in files:
        try:
            digest.update(sha256(file.read_bytes()).digest())
        except OSError:
            digest.update(b"unreadable")
    return digest.hexdigest()
