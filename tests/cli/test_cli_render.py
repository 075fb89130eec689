from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from steadyface.cli.render import decided_at, face_json, gender_json, how_found, print_json
from steadyface.types import (
    Box,
    Comparison,
    DetectionOutcome,
    DistortionEstimate,
    Embedding,
    Face,
)

FACE = Face(
    "rescued",
    Box(1.25, 2, 3, 4),
    np.array([[1.04, 2]] * 5, dtype=np.float32),
    0.87654321,
    "smoothed",
    Embedding(np.array([1, 0], dtype=np.float32), "m"),
    None,
)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_json_is_refused_rather_than_printed(
    capsys: pytest.CaptureFixture[str], value: float
) -> None:
    with pytest.raises(ValueError, match="Out of range float values"):
        print_json({"rate": value})
    assert capsys.readouterr().out == ""


def test_how_a_face_was_found_is_said_where_it_matters() -> None:
    said = {
        outcome: how_found(replace(FACE, detection=outcome))
        for outcome in get_args(DetectionOutcome)
    }
    assert said == {
        "found": "",
        "rescued": " [found in the smoothed view]",
        "assumed": " [no face found: middle of the image taken as a face]",
        "skipped": "",
    }


def test_a_face_as_json() -> None:
    assert face_json(FACE) == {
        "detection": "rescued",
        "view": "smoothed",
        "score": 0.8765,
        "p_face": None,
        "box": [1.2, 2, 3, 4],
        "landmarks": [[1.0, 2.0]] * 5,
        "quality": None,
        "distortion": None,
    }
    assert face_json(replace(FACE, p_face=0.98764))["p_face"] == 0.9876
    unseen = face_json(replace(FACE, detection="assumed", landmarks=None, score=None, view=None))
    assert (unseen["landmarks"], unseen["score"], unseen["view"]) == (None, None, None)


def test_quality_and_distortion_as_json() -> None:
    told = replace(FACE, quality=0.87654321, distortion=DistortionEstimate("foggy", 0.987654, 0.4))
    shown = face_json(told)
    assert shown["quality"] == 0.8765
    assert shown["distortion"] == {"kind": "foggy", "probability": 0.9877, "strength": 0.4}


def test_a_face_of_a_model_without_a_gender_head() -> None:
    shown = gender_json(FACE)
    assert (shown["gender"], shown["probability"], shown["p_female"]) == (None, None, None)


@pytest.mark.parametrize(
    ("fmr", "words"),
    [(None, "threshold 0.000, set by hand"), (1e-4, "threshold 0.000, FMR 0.0001")],
)
def test_where_a_decision_was_made(fmr: float | None, words: str) -> None:
    assert decided_at(Comparison(1, 0.5, 0.0, fmr, None)) == words
