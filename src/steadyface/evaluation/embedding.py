"""Runs a dataset's images through the pipeline, once each, and keeps the failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from steadyface.errors import ImageError, NoFaceError, SteadyfaceError
from steadyface.pipeline import Analyzer
from steadyface.types import Face, FloatArray, ImageResult, RGBImage

T = TypeVar("T")
EMBEDDING_SIZE = 128


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """One image's largest face, or the error in its place."""

    source: str
    face: Face | None
    error: SteadyfaceError | None

    @property
    def detection(self) -> str:
        """How the face was come by; `undetected` or `undecodable` where there is none."""
        if self.face is not None:
            return self.face.detection
        return "undetected" if isinstance(self.error, NoFaceError) else "undecodable"


def run_all(
    analyzer: Analyzer,
    items: Sequence[T],
    *,
    load: Callable[[T], RGBImage],
    name: Callable[[T], str],
    label: str,
) -> list[Outcome]:
    """Analyse every item, in order, with a progress bar on a terminal."""
    results: Iterable[ImageResult] = analyzer.analyze_many(items, load=load, name=name)
    shown = tqdm(results, total=len(items), desc=label, unit="image", disable=None)
    return [Outcome(r.source, r.faces[0] if r.faces else None, r.error) for r in shown]


def embeddings_of(outcomes: Sequence[Outcome]) -> FloatArray:
    """N x D float32 embeddings; a row of NaN where there is no face."""
    known = next((o.face for o in outcomes if o.face is not None), None)
    size = EMBEDDING_SIZE if known is None else len(known.embedding.vector)
    missing = np.full(size, np.nan, dtype=np.float32)
    rows = [missing if o.face is None else o.face.embedding.vector for o in outcomes]
    return np.stack(rows) if rows else np.zeros((0, size), dtype=np.float32)


def detection_counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How many faces were come by in which way, failures included."""
    counts = Counter(outcome.detection for outcome in outcomes)
    names = ("found", "rescued", "assumed", "skipped", "undetected", "undecodable")
    return {name: counts.get(name, 0) for name in names}


def failures_of(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Every image without an answer, with its reason."""
    return [
        {"source": o.source, "what": o.detection, "reason": _reason(o.error)}
        for o in outcomes
        if o.error is not None
    ]


def _reason(error: SteadyfaceError | None) -> str:
    text = str(error)
    if isinstance(error, ImageError):
        return text.removeprefix(f"{error.source}: ")
    return text
