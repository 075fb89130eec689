"""Small faces in large photographs: 24 people in frames of up to 48 megapixels, and panoramas.

Faces are LFW's, pasted into a grey frame; OpenCV's detector looks at the frame at its full size.
Times are of finding alone, in one thread each, interleaved; only their ratio means anything.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.photos_systems import DEFAULTS, opencv_detector
from benchmarks.results_file import ResultFile
from steadyface.evaluation.layouts import read_pairs
from steadyface.imaging.decode import decode
from steadyface.models.defaults import load_finder
from steadyface.pipeline import FaceFinder
from steadyface.types import RGBImage

SECTION = "sizes"
PEOPLE = 24
#: Width, height, and side of a pasted LFW frame, whose face is about 0.36 of it.
CROWDS = (
    (1920, 1080, 180),
    (3000, 2000, 250),
    (3840, 2160, 250),
    (4000, 3000, 112),
    (4000, 3000, 250),
    (4000, 3000, 400),
    (6000, 4000, 250),
    (6000, 4000, 400),
    (6000, 4000, 600),
    (8000, 6000, 600),
)
PANORAMAS = ((8000, 1000, 500), (15000, 1000, 700))
FACE_SHARE = 0.36
_REPEATS = 3


def run(result: ResultFile, data: Path) -> None:
    """Measure every frame that is not in the result file yet."""
    portraits = people(data)
    finder = load_finder()
    section = result.section(SECTION)
    for width, height, side in CROWDS:
        _add(result, section, finder, crowd(portraits, width, height, side))
    for width, height, side in PANORAMAS:
        _add(result, section, finder, crowd(portraits[:1], width, height, side))


def people(data: Path) -> list[RGBImage]:
    """One frame each of 24 people of LFW's pairs."""
    names = sorted({pair.first for pair in read_pairs(data / "lfw" / "pairs.txt")})
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(name.split("/")[0], name)
    chosen = list(first.values())[:: len(first) // PEOPLE][:PEOPLE]
    return [decode(data / "lfw" / "images" / name) for name in chosen]


def crowd(
    portraits: Sequence[RGBImage], width: int, height: int, side: int
) -> tuple[RGBImage, list[tuple[int, int]], int]:
    """A grey frame with a portrait in each cell of a grid, and where they begin."""
    frame = np.full((height, width, 3), 120, dtype=np.uint8)
    columns = 6 if len(portraits) > 1 else 1
    rows = len(portraits) // columns
    corners = []
    for number, portrait in enumerate(portraits):
        x = int((number % columns + 0.5) * width / columns - side / 2)
        y = int((number // columns + 0.5) * height / rows - side / 2)
        method = cv2.INTER_AREA if side < portrait.shape[0] else cv2.INTER_CUBIC
        frame[y : y + side, x : x + side] = cv2.resize(portrait, (side, side), interpolation=method)
        corners.append((x, y))
    return frame, corners, side


def found(
    finder: FaceFinder, frame: RGBImage, corners: Sequence[tuple[int, int]], side: int
) -> int:
    """How many of the portraits hold the middle of a detection."""
    middles = [face.box.centre for face in finder.find(frame)]
    return sum(
        any(x < cx < x + side and y < cy < y + side for cx, cy in middles) for x, y in corners
    )


def _add(
    result: ResultFile,
    section: dict[str, Any],
    finder: FaceFinder,
    made: tuple[RGBImage, list[tuple[int, int]], int],
) -> None:
    frame, corners, side = made
    name = f"{frame.shape[1]}x{frame.shape[0]}, faces of {side * FACE_SHARE:.0f}"
    if name not in section:
        peer = opencv_detector()
        section[name] = {
            "people": len(corners),
            DEFAULTS: found(finder, frame, corners, side),
            "opencv": found(peer, frame, corners, side),
            "time_over_opencv": time_ratio(finder, peer, frame),
        }
        result.save()
    print(f"{name}: {section[name]}", flush=True)


def time_ratio(ours: FaceFinder, peer: FaceFinder, frame: RGBImage) -> float:
    """Median time of ours over that of the peer, interleaved."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(_REPEATS):
        for kept, finder in zip(times, (ours, peer), strict=True):
            start = time.perf_counter()
            finder.find(frame)
            kept.append(time.perf_counter() - start)
    return statistics.median(times[0]) / statistics.median(times[1])
