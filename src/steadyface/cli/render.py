"""Results as JSON values and as lines of text."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from steadyface.errors import ImageError, SteadyfaceError
from steadyface.types import Comparison, DistortionEstimate, Face, Match

T = TypeVar("T")


def print_json(value: object) -> None:
    """Print one indented JSON document; NaN is refused rather than written."""
    click.echo(json.dumps(value, indent=2, allow_nan=False))


def batch_json(
    results: Sequence[T], error: Callable[[T], SteadyfaceError | None], render: Callable[[T], Any]
) -> dict[str, Any]:
    """The answers of a batch beside the inputs that failed; every input is in one of the two.

    Args:
        results: one an answer or failure.
        error: what kept a result back; None where there is an answer.
        render: an answer as a JSON value.
    """
    errors = [failure for result in results if (failure := error(result)) is not None]
    return {
        "results": [render(result) for result in results if error(result) is None],
        "errors": [error_json(failure) for failure in errors],
    }


def error_json(error: SteadyfaceError) -> dict[str, Any]:
    """A failed input: its name, where the error has one, and what to do."""
    source = error.source if isinstance(error, ImageError) else None
    return {"source": source, "error": str(error)}


def face_json(face: Face) -> dict[str, Any]:
    """A face without its embedding."""
    box = face.box
    return {
        "detection": face.detection,
        "view": face.view,
        "score": None if face.score is None else round(face.score, 4),
        "p_face": None if face.p_face is None else round(face.p_face, 4),
        "box": [round(v, 1) for v in (box.x, box.y, box.width, box.height)],
        "landmarks": None
        if face.landmarks is None
        else [[round(float(x), 1), round(float(y), 1)] for x, y in face.landmarks],
        "quality": None if face.quality is None else round(face.quality, 4),
        "distortion": None if face.distortion is None else distortion_json(face.distortion),
    }


def distortion_json(distortion: DistortionEstimate) -> dict[str, Any]:
    """The likeliest kind of distortion."""
    return {
        "kind": distortion.kind,
        "probability": round(distortion.probability, 4),
        "strength": round(distortion.strength, 4),
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
        "probability": probability_json(comparison.probability),
    }


def probability_json(probability: float | None) -> float | None:
    """P(same person), rounded."""
    return None if probability is None else round(probability, 4)


def likeness(decision: Comparison | Match) -> str:
    """`similarity 0.512, probability 0.98`, the latter where there is one."""
    assert decision.similarity is not None
    words = f"similarity {decision.similarity:.3f}"
    if decision.probability is None:
        return words
    return f"{words}, probability {decision.probability:.2f}"


def match_json(match: Match) -> dict[str, Any]:
    """The decision on a probe, with its candidates."""
    return {
        "label": match.label,
        "identity": match.identity,
        "similarity": None if match.similarity is None else round(match.similarity, 4),
        "threshold": round(match.threshold, 4),
        "fmr": match.fmr,
        "calibration": match.calibration,
        "expected_fpir": match.expected_fpir,
        "probability": probability_json(match.probability),
        "candidates": [
            {
                "identity": c.identity,
                "similarity": round(c.similarity, 4),
                "threshold": round(c.threshold, 4),
                "probability": probability_json(c.probability),
            }
            for c in match.candidates
        ],
    }


def decided_at(decision: Comparison | Match) -> str:
    """Where a decision was made, in words: `threshold 0.312, FMR 0.001`."""
    return f"threshold {decision.threshold:.3f}, {rate_words(decision.fmr)}"


def rate_words(fmr: float | None) -> str:
    """What a threshold stands for, in words."""
    return "set by hand" if fmr is None else f"FMR {fmr:g}"


def how_found(face: Face) -> str:
    """How a face was come by, in words; nothing where it was simply found."""
    words = {
        "found": "",
        "rescued": f" [found in the {face.view} view]",
        "assumed": " [no face found: middle of the image taken as a face]",
        "skipped": "",
    }
    return words[face.detection]
