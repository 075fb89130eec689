from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest

from steadyface.distortions import apply, rng_for
from steadyface.imaging.decode import decode
from steadyface.imaging.geometry import eye_distance
from steadyface.models.defaults import load_detector, load_finder
from steadyface.models.pyramid import PyramidDetector
from steadyface.models.yunet import YuNetDetector
from steadyface.types import Box, Detection, FloatArray, RGBImage

POINTS = np.array([[0, 0], [100, 0], [50, 60], [10, 100], [90, 100]], dtype=np.float32)


def face(x: float, eyes: float, score: float = 0.9, off: float = 0.0) -> Detection:
    """A face at x whose eyes are so far apart, its points `off` aside."""
    points: FloatArray = POINTS * np.float32(eyes / 100) + np.array([x + off, 0], dtype=np.float32)
    return Detection(Box(x, 0, eyes * 2, eyes * 2), points, score)


class ByWidth:
    """Says what it was told for frames of each width, and keeps what it was asked."""

    model_id = "told"
    max_side = 640

    def __init__(self, answers: dict[int, list[Detection]]) -> None:
        self._answers = answers
        self.asked: list[tuple[int, float]] = []

    def detect(self, frames: Sequence[RGBImage], threshold: float) -> list[list[Detection]]:
        self.asked += [(frame.shape[1], threshold) for frame in frames]
        return [self._answers.get(frame.shape[1], []) for frame in frames]


def look(answers: dict[int, list[Detection]], side: int) -> tuple[list[Detection], list[int]]:
    """The faces of a square frame, and the widths that were looked at."""
    told = ByWidth(answers)
    detector = PyramidDetector(cast(YuNetDetector, told), 90)
    assert detector.model_id == "told"
    (found,) = detector.detect([np.zeros((side, side, 3), dtype=np.uint8)], 0.5)
    assert {threshold for _, threshold in told.asked} == {0.5}
    return found, [width for width, _ in told.asked]


def eyes(found: Sequence[Detection]) -> list[float]:
    return [round(eye_distance(f.landmarks), 1) for f in found]


@pytest.mark.parametrize(("side", "looks"), [(250, [250]), (320, [320]), (322, [322, 161])])
def test_only_large_frames_are_looked_at_again(side: int, looks: list[int]) -> None:
    assert look({side: [face(0, 40)]}, side)[1] == looks
    assert look({}, side)[1] == looks


def test_looks_go_down_from_the_detectors_own_limit() -> None:
    assert look({2500: [face(0, 100)]}, 2500)[1] == [2500, 320]


def test_a_large_face_is_looked_for_until_it_fits() -> None:
    # 800 of 1,000 pixels are 512 in the first input, 256, 128 and at last 64.
    small = [face(0, 800 * side / 1000, score=0.6) for side in (320, 160, 80)]
    told = {1000: [face(0, 800)], 320: small[:1], 160: small[1:2], 80: small[2:]}
    found, looks = look(told, 1000)
    assert looks == [1000, 320, 160, 80]
    assert (eyes(found), [f.score for f in found]) == ([800], [0.6])


def test_points_come_from_the_look_that_fits() -> None:
    told = {640: [face(0, 120)], 320: [face(0, 60, score=0.7, off=5)]}
    (found,), looks = look(told, 640)
    assert looks == [640, 320]
    np.testing.assert_allclose(found.landmarks, face(0, 120, off=10).landmarks, atol=1e-3)
    assert found.box == Box(0, 0, 240, 240)


def test_of_several_sightings_that_fit_the_best_score_wins() -> None:
    told = {640: [face(0, 50, score=0.7)], 320: [face(0, 25, score=0.8, off=1)]}
    (found,), _ = look(told, 640)
    assert found.score == 0.8
    told[640] = [face(0, 50, score=0.9)]
    assert look(told, 640)[0][0].score == 0.9


def test_a_large_face_that_no_smaller_look_shows_stays() -> None:
    found, looks = look({640: [face(0, 120)], 320: [face(200, 20)]}, 640)
    assert looks == [640, 320]
    assert sorted(eyes(found)) == [40, 120]


def test_parts_of_a_better_face_are_no_faces() -> None:
    told = {640: [face(100, 20, score=0.6), face(500, 20, score=0.6)], 320: [face(40, 60, 0.9)]}
    found, _ = look(told, 640)
    assert [(f.box.x, f.score) for f in found] == [(80, 0.9), (500, 0.6)]


@pytest.mark.parametrize("kind", ["clean", "noisy", "sunny", "resized"])
def test_points_of_a_face_that_fills_a_large_photo_are_right(identities: Path, kind: str) -> None:
    detector, finder = load_detector("yunet-steady-1"), load_finder("yunet-steady-1")
    for number, file in enumerate(sorted(identities.rglob("*_0001.jpg"))):
        photo = decode(file)
        truth = detector.detect([photo], 0.5)[0][0].landmarks * 6
        blown = cv2.resize(photo, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC)
        large = np.asarray(blown, dtype=np.uint8)
        seen = large if kind == "clean" else apply(large, kind, 3, rng_for(number))
        away = np.linalg.norm(finder.find(seen)[0].landmarks - truth, axis=1).mean()
        assert away < 0.15 * eye_distance(truth), file.name
