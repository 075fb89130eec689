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

#: How a face is come by, or why there is none.
DETECTIONS = ("found", "rescued", "assumed", "skipped", "undetected", "undecodable")


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """The face of an image that counts, or the error in its place."""

    source: str
    face: Face | None
    error: SteadyfaceError | None

    @property
    def detection(self) -> str:
        """How the face was come by; `undetected` or `undecodable` where there is none."""
        if self.face is not None:
            return self.face.detection
        return "undetected" if isinstance(self.error, NoFaceError) else "undecodable"

    @property
    def located(self) -> bool:
        """Whether there is a face, and its place is known rather than assumed."""
        return self.face is not None and self.face.located


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


def embeddings_of(outcomes: Sequence[Outcome], size: int | None = None) -> FloatArray:
    """N x D float32 embeddings; a row of NaN where there is no face.

    Args:
        outcomes: of N images.
        size: D; None takes it from the first face, and 1 where there is none at all.
    """
    if size is None:
        size = next((len(o.face.embedding.vector) for o in outcomes if o.face is not None), 1)
    missing = np.full(size, np.nan, dtype=np.float32)
    rows = [missing if o.face is None else o.face.embedding.vector for o in outcomes]
    return np.stack(rows) if rows else np.zeros((0, size), dtype=np.float32)


def qualities_of(outcomes: Sequence[Outcome]) -> FloatArray:
    """N float32 qualities; NaN where there is no face, or its quality is not known."""
    known = [None if o.face is None else o.face.quality for o in outcomes]
    return np.array([np.nan if value is None else value for value in known], dtype=np.float32)


def detection_counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How many faces were come by in which way, failures included."""
    counts = Counter(outcome.detection for outcome in outcomes)
    return {name: counts.get(name, 0) for name in DETECTIONS}


def failures_of(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Every image without an answer, with its reason; one used twice is named once."""
    failed = {
        (o.source, o.detection, _reason(o.error)): None for o in outcomes if o.error is not None
    }
    return [{"source": source, "what": what, "reason": reason} for source, what, reason in failed]


def _reason(error: SteadyfaceError | None) -> str:
    return error.reason if isinstance(error, ImageError) else str(error)
