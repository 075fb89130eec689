"""What is measured under one condition, and where it is kept so that stopped work goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadyface.distortions.suites import Condition
from steadyface.errors import ResultError
from steadyface.evaluation.layouts import CLEAN
from steadyface.evaluation.output import write_json
from steadyface.evaluation.summaries import wilson_summary
from steadyface.metrics import share_interval

#: Part of every cache key: a change of what a cell holds makes old ones unfit.
_CELL = 2
_RESAMPLES = 300


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval; None where the data cannot support it.

    Attributes:
        value: 0..1.
        interval: low and high.
    """

    value: float | None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Worst:
    """A decision that is wrong with great certainty.

    Attributes:
        images: names of the one or two images.
        truth: what is true.
        said: what was said.
        certainty: how sure it was, higher is worse.
    """

    images: tuple[str, ...]
    truth: str
    said: str
    certainty: float


@dataclass(frozen=True, slots=True)
class Cell:
    """Everything measured under one condition.

    Attributes:
        kind: of distortion, `clean` without one.
        severity: 0 without one.
        count: decisions.
        figures: by name, see the task's `MEASURES`.
        wrong: wrong decisions by cause: `detection`, where a face was not found or an image not
            read; `recognition`, the others.
        detection: how faces were come by.
        histograms: counts of scores by sort of decision, over `edges`.
        edges: of the histograms' bins.
        worst: the surest mistakes first.
        failures: images without an answer, with the reason.
        right: a 1 or 0 for each decision, in the data's order.
    """

    kind: str
    severity: float
    count: int
    figures: Mapping[str, Figure]
    wrong: Mapping[str, int]
    detection: Mapping[str, int]
    histograms: Mapping[str, Sequence[int]] = field(default_factory=dict)
    edges: Sequence[float] = ()
    worst: Sequence[Worst] = ()
    failures: Sequence[Mapping[str, str]] = ()
    right: str = ""

    @property
    def name(self) -> str:
        """As `noisy:3`; `clean`."""
        return CLEAN if self.kind == CLEAN else str(Condition(self.kind, self.severity))

    def as_json(self) -> dict[str, Any]:
        """A value for JSON."""
        return asdict(self)


def share(right: NDArray[np.bool_]) -> Figure:
    """A share with Wilson's interval."""
    interval = wilson_summary(right)
    if interval is None:
        return Figure(None)
    return Figure(float(right.mean()), (interval[0], interval[1]))


def share_by_person(hits: NDArray[np.bool_], persons: NDArray[Any]) -> Figure:
    """A share with its interval, people resampled as wholes; not measurable of nobody.

    Args:
        hits: N bools.
        persons: N names, the person of each.
    """
    if not len(hits):
        return Figure(None)
    interval = share_interval(hits, persons, np.random.default_rng(0), resamples=_RESAMPLES)
    return Figure(float(hits.mean()), interval)


def ones_and_zeros(right: NDArray[np.bool_]) -> str:
    """As `Cell.right`."""
    return "".join("1" if one else "0" for one in right)


def read_cell(value: Mapping[str, Any]) -> Cell:
    """A cell as `as_json` wrote it.

    Raises:
        ResultError: something is missing.
    """
    try:
        figures = {
            name: Figure(f["value"], None if f["interval"] is None else tuple(f["interval"]))
            for name, f in value["figures"].items()
        }
        worst = tuple(Worst(**{**w, "images": tuple(w["images"])}) for w in value["worst"])
        return Cell(**{**value, "figures": figures, "worst": worst})
    except (KeyError, TypeError) as error:
        raise ResultError(f"not a cell of a robustness result ({error!r})") from error


class Cells:
    """Cells kept in a folder under a key of everything that decides them.

    Args:
        folder: where they are kept.
        parts: what decides every cell: models, options, the images' content.
    """

    def __init__(self, folder: Path, parts: Sequence[str]) -> None:
        self._folder, self._parts = folder, parts

    def get(self, condition: str) -> Cell | None:
        """The cell of a condition; None where it has to be measured."""
        file = self._file(condition)
        if not file.is_file():
            return None
        try:
            return read_cell(json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, ResultError):
            return None  # half a file, or an older form: measured anew and written over

    def put(self, condition: str, cell: Cell) -> None:
        """Keep a cell; whole or not at all."""
        file = self._file(condition)
        part = file.with_suffix(".part")
        write_json(part, cell.as_json())
        part.replace(file)

    def _file(self, condition: str) -> Path:
        digest = sha256(json.dumps([_CELL, condition, *self._parts]).encode()).hexdigest()
        return self._folder / f"{digest[:24]}.json"


def content_key(files: Sequence[Path]) -> str:
    """A digest of files' names and bytes; one that cannot be read counts as empty."""
    digest = sha256()
    for file in files:
        digest.update(file.name.encode("utf-8", "surrogatepass"))
        try:
            digest.update(sha256(file.read_bytes()).digest())
        except OSError:
            digest.update(b"unreadable")
    return digest.hexdigest()
