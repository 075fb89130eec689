from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from steadyface.models.search import FaceSearch
from steadyface.models.views import VIEWS
from steadyface.types import Box, Detection, FloatArray, RGBImage

POINTS = np.array([[8, 8], [32, 8], [20, 20], [10, 32], [30, 32]], dtype=np.float32)
GREY = np.full((200, 200, 3), 90, dtype=np.uint8)


def face(side: float = 40.0, score: float = 0.9, x: float = 0.0) -> Detection:
    points = POINTS * side / 40 + np.array([x, 0.0])
    return Detection(Box(x, 0, side, side), points.astype(np.float32), score)


@dataclass
class Says:
    """A detector that gives the same faces at every look, or at the looks after some."""

    faces: list[Detection]
    silent: int = 0
    model_id: str = "says"
    sizes: list[tuple[int, ...]] = field(default_factory=list)

    def detect(self, frames: Sequence[RGBImage], threshold: float) -> list[list[Detection]]:
        self.sizes += [frame.shape[:2] for frame in frames]
        if len(self.sizes) <= self.silent:
            return [[] for _ in frames]
        return [[f for f in self.faces if f.score >= threshold] for _ in frames]


@dataclass
class Believes:
    """A face check that believes in faces left of a place."""

    left_of: float = 1e9
    believed: float = 0.97

    def probabilities(self, image: RGBImage, detections: Sequence[Detection]) -> FloatArray:
        told = [self.believed if d.box.x < self.left_of else 0.02 for d in detections]
        return np.array(told, dtype=np.float32)


def test_a_sure_face_ends_the_search_after_the_first_looks() -> None:
    detector = Says([face()])
    (found,) = FaceSearch([detector], Believes()).find(GREY)
    assert detector.sizes == [(200, 200)]
    assert found.view == "raw"
    assert found.p_face == pytest.approx(0.97)


def test_what_the_check_does_not_believe_is_no_face_whatever_its_score() -> None:
    detector = Says([face(40, 0.99, x=100)])
    assert FaceSearch([detector], Believes(left_of=-1e9)).find(GREY) == []
    assert len(FaceSearch([detector], None).find(GREY)) == 1


def test_a_clear_score_without_belief_does_not_end_the_search() -> None:
    detector = Says([face(score=0.95)])
    FaceSearch([detector], Believes(believed=0.6), turns=(90,)).find(GREY)
    assert len(detector.sizes) == 1 + len(VIEWS) + 1


def test_where_no_face_is_sure_other_views_are_tried() -> None:
    detector = Says([face()], silent=1)
    (found,) = FaceSearch([detector], Believes(), turns=()).find(GREY)
    assert found.view in VIEWS
    assert len(detector.sizes) == 1 + len(VIEWS)


def test_the_frame_is_turned_only_where_nothing_else_shows_a_sure_face() -> None:
    silent = 1 + len(VIEWS)
    detector = Says([face()], silent=silent)
    found = FaceSearch([detector], Believes(), turns=(90, 180)).find(GREY)
    assert next(f.view for f in found).startswith("turned ")
    assert len(detector.sizes) == silent + 2
    assert FaceSearch([Says([face()], silent=silent)], Believes(), turns=()).find(GREY) == []


def test_a_large_frame_is_looked_at_in_halves_of_its_size_and_faces_come_in_its_pixels() -> None:
    detector = Says([face(40)])
    found = FaceSearch([detector], Believes()).find(np.zeros((800, 1000, 3), dtype=np.uint8))
    assert detector.sizes == [(800, 1000), (400, 500), (200, 250)]
    assert [round(f.box.width) for f in found] == [40]  # what contains it is no other face


def test_the_least_face_decides_how_large_the_first_look_is() -> None:
    frame = np.zeros((2400, 3000, 3), dtype=np.uint8)
    sizes = []
    for least in (None, 24, 200):
        detector = Says([face()])
        FaceSearch([detector], Believes(), min_face=least).find(frame)
        sizes.append(sum(height * width for height, width in detector.sizes))
    assert sizes[1] > sizes[0] > sizes[2]


def test_all_detectors_are_asked() -> None:
    (found,) = FaceSearch([Says([]), Says([face()])], Believes()).find(GREY)
    assert found.score == 0.9


@dataclass
class Believing:
    """A face check that believes in points whose left eye is at a place, and in others half."""

    place: float
    otherwise: float

    def probabilities(self, image: RGBImage, detections: Sequence[Detection]) -> FloatArray:
        near = [abs(float(d.landmarks[0, 0]) - self.place) < 3 for d in detections]
        return np.array([0.97 if one else self.otherwise for one in near], dtype=np.float32)


def test_points_are_those_of_a_look_at_the_face_alone() -> None:
    leaning = np.array([[60, 60], [78, 78], [64, 76], [48, 76], [62, 90]], dtype=np.float32)
    tilted = Detection(Box(40, 50, 50, 50), leaning, 0.85)
    points = np.array([[92, 92], [132, 92], [112, 117], [97, 142], [127, 142]], dtype=np.float32)
    placer = Says([Detection(Box(52, 52, 120, 120), points, 0.5)], model_id="placer")
    (found,) = FaceSearch([Says([tilted])], Believes(), placer=placer).find(GREY)
    assert placer.sizes == [(224, 224)]
    assert (found.score, found.view) == (0.85, "raw")
    np.testing.assert_allclose(found.box.centre, tilted.box.centre, atol=12)
    assert (found.landmarks != leaning).all()
    assert np.linalg.norm(found.landmarks - leaning, axis=1).max() < 20


def test_points_stay_where_new_ones_are_believed_in_less_or_none_are_seen() -> None:
    known = face(80)
    moved = Detection(Box(52, 52, 120, 120), POINTS * 3 + 80, 0.9)
    for placer in (Says([moved]), Says([]), Says([face(10, x=0)])):
        check = Believing(place=float(known.landmarks[0, 0]), otherwise=0.3)
        (found,) = FaceSearch([Says([known])], check, placer=placer, turns=()).find(GREY)
        np.testing.assert_array_equal(found.landmarks, known.landmarks)
