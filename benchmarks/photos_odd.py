"""Turned photographs, negatives, drawings, squeezed, stretched and cut faces.

Two photographs each of 60 people of LFW's pairs: how many faces are found, how often the odd
photograph of a person matches the clean other one, and how often odd photographs of different
people match, at the default rule. Only comparisons that the product makes are counted: with a face
found in one of the two at least.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.results_file import ResultFile
from steadyface.errors import NoFaceError
from steadyface.evaluation.layouts import read_pairs
from steadyface.imaging.decode import decode
from steadyface.matching.calibration import DecisionRule, rule_for
from steadyface.models.turns import turned
from steadyface.pipeline import Analyzer
from steadyface.recognition import verification
from steadyface.types import Face, FloatArray, RGBImage

SECTION = "odd"
PEOPLE = 60
Odd = Callable[[RGBImage, FloatArray], RGBImage]


def run(result: ResultFile, data: Path) -> None:
    """Measure every oddity that is not in the result file yet."""
    analyzer = Analyzer()
    rule = rule_for(analyzer.model_id)
    section = result.section(SECTION)
    pairs = two_each(data)
    clean = [[analyzer.analyze(photo)[0] for photo in pair] for pair in pairs]
    for name, make in ODD.items():
        if name not in section:
            faces = [
                [
                    analyzer.analyze(make(photo, _points(face)))[0]
                    for photo, face in zip(pair, known, strict=True)
                ]
                for pair, known in zip(pairs, clean, strict=True)
            ]
            section[name] = figures(clean, faces, rule)
            result.save()
        print(line(name, section[name], section["clean"]), flush=True)


def two_each(data: Path) -> list[list[RGBImage]]:
    """Two photographs each of 60 people of the official pairs."""
    pairs = read_pairs(data / "lfw" / "pairs.txt")
    mated = {p.first.split("/")[0]: p for p in reversed(pairs) if p.same}
    names = sorted(mated)[:: len(mated) // PEOPLE][:PEOPLE]
    root = data / "lfw" / "images"
    return [[decode(root / mated[n].first), decode(root / mated[n].second)] for n in names]


def _points(face: Face) -> FloatArray:
    assert face.landmarks is not None
    return face.landmarks


def turn(degrees: float) -> Odd:
    """The whole photograph turned, on black."""
    return lambda photo, _: turned(photo, degrees)[0]


def edges(photo: RGBImage, _: FloatArray) -> RGBImage:
    """Dark lines on white where the photograph has edges."""
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    smooth = cv2.GaussianBlur(grey, (0, 0), 4.0)
    lines = cv2.divide(grey, np.maximum(smooth, 1), scale=255.0)
    return np.repeat(np.asarray(lines, dtype=np.uint8)[..., None], 3, axis=2)


def widened(factor: float) -> Odd:
    """The photograph as many times as wide."""
    return lambda photo, _: np.asarray(cv2.resize(photo, None, fx=factor, fy=1.0), dtype=np.uint8)


def half(photo: RGBImage, points: FloatArray) -> RGBImage:
    """What is to the right of the nose."""
    return np.ascontiguousarray(photo[:, max(0, round(float(points[2, 0]))) :])


def dark_glasses(photo: RGBImage, points: FloatArray) -> RGBImage:
    """Black discs before the eyes."""
    covered = photo.copy()
    eyes = float(np.linalg.norm(points[1] - points[0]))
    for x, y in points[:2]:
        axes = round(0.42 * eyes), round(0.3 * eyes)
        cv2.ellipse(covered, (round(float(x)), round(float(y))), axes, 0, 0, 360, (12, 12, 12), -1)
    return covered


ODD: Mapping[str, Odd] = {
    "clean": lambda photo, _: photo,
    **{f"turned {degrees}": turn(degrees) for degrees in (30, 45, 60, 90, 135, 180)},
    "negative": lambda photo, _: np.asarray(255 - photo, dtype=np.uint8),
    "edges": edges,
    "squeezed to 0.55": widened(0.55),
    "stretched to 1.8": widened(1.8),
    "half a face at the border": half,
    "dark glasses": dark_glasses,
}


def figures(clean: list[list[Face]], odd: list[list[Face]], rule: DecisionRule) -> dict[str, Any]:
    """Found, matched with the clean photograph, and falsely matched."""
    mated = [_label(one[0], other[1], rule) for one, other in zip(clean, odd, strict=True)]
    labels = [
        _label(a, b, rule)
        for number in (0, 1)
        for a, b in itertools.combinations([pair[number] for pair in odd], 2)
    ]
    made = [label for label in labels if label is not None]
    return {
        "found": sum(face.located for pair in odd for face in pair) / (2 * len(odd)),
        "matches_clean": sum(label == 1 for label in mated) / len(mated),
        "comparisons": len(made),
        "refused": len(labels) - len(made),
        "false_matches": sum(made),
    }


def _label(a: Face, b: Face, rule: DecisionRule) -> int | None:
    try:
        return verification(a, b, rule, ("a", "b")).comparison.label
    except NoFaceError:
        return None


def line(name: str, row: Mapping[str, Any], clean: Mapping[str, Any]) -> str:
    """One oddity in words."""
    rate = 1000 * row["false_matches"] / max(1, row["comparisons"])
    return (
        f"{name:<26} found {row['found']:.3f}, matches the clean photo {row['matches_clean']:.3f} "
        f"(over clean's {row['matches_clean'] / clean['matches_clean']:.2f}), false matches "
        f"{row['false_matches']} of {row['comparisons']} ({rate:.1f} in 1,000), "
        f"{row['refused']} refused"
    )
