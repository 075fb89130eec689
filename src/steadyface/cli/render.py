"""Results as JSON values and as lines of text."""

from __future__ import annotations

import json
from typing import Any

import click

from steadyface.types import Comparison, Face, Match


def print_json(value: object) -> None:
    """Print one indented JSON document; NaN is refused rather than written."""
    click.echo(json.dumps(value, indent=2, allow_nan=False))


def face_json(face: Face) -> dict[str, Any]:
    """A face without its embedding."""
    box = face.box
    return {
        "detection": face.detection,
        "view": face.view,
        "score": None if face.score is None else round(face.score, 4),
        "box": [round(v, 1) for v in (box.x, box.y, box.width, box.height)],
        "landmarks": None
        if face.landmarks is None
        else [[round(float(x), 1), round(float(y), 1)] for x, y in face.landmarks],
    }


def gender_json(face: Face) -> dict[str, Any]:
    """A face with its gender estimate."""
    gender = face.gender
    return face_json(face) | {
        "gender": None if gender is None else gender.label,
        "probability": None if gender is None else round(gender.probability, 4),
        "p_female": None if gender is None else round(gender.p_female, 4),
    }


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """The decision on a pair."""
    return {
        "label": comparison.label,
        "similarity": round(comparison.similarity, 4),
        "threshold": round(comparison.threshold, 4),
        "fmr": comparison.fmr,
        "calibration": comparison.calibration,
    }


def match_json(match: Match) -> dict[str, Any]:
    """The decision on a probe, with its candidates."""
    return {
        "label": match.label,
        "identity": match.identity,
        "similarity": None if match.similarity is None else round(match.similarity, 4),
        "threshold": round(match.threshold, 4),
        "fmr": match.fmr,
        "calibration": match.calibration,
        "candidates": [
            {"identity": c.identity, "similarity": round(c.similarity, 4)} for c in match.candidates
        ],
    }


def decided_at(decision: Comparison | Match) -> str:
    """Where a decision was made, in words: `threshold 0.312, FMR 0.001`."""
    rate = "set by hand" if decision.fmr is None else f"FMR {decision.fmr:g}"
    return f"threshold {decision.threshold:.3f}, {rate}"


def how_found(face: Face) -> str:
    """How a face was come by, in words; nothing where it was simply found."""
    words = {
        "found": "",
        "rescued": f" [found in the {face.view} view]",
        "assumed": " [no face found: middle of the image taken as a face]",
        "skipped": "",
    }
    return words[face.detection]
