from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from steadyface.models.rescue import RescuingDetector
from steadyface.models.views import VIEWS, tone
from steadyface.models.yunet import suppress
from steadyface.types import Box, Detection, RGBImage

POINTS = np.arange(10, dtype=np.float32).reshape(5, 2)


def face(score: float, x: float = 0.0, side: float = 10.0) -> Detection:
    return Detection(Box(x, 0.0, side, side), POINTS, score)


class ByShape:
    """A detector whose answer depends on the frame's size and brightness only."""

    model_id = "fake"

    def __init__(self, answers: dict[int, list[Detection]]) -> None:
        self.answers = answers
        self.frames: list[RGBImage] = []

    def detect(self, frames: Sequence[RGBImage], threshold: float) -> list[list[Detection]]:
        self.frames.extend(frames)
        found = [self.answers.get(frame.shape[0], []) for frame in frames]
        return [[d for d in one if d.score >= threshold] for one in found]


def test_a_sure_first_look_tries_no_view() -> None:
    detector = ByShape({40: [face(0.9)]})
    found = RescuingDetector(detector).find(np.zeros((40, 40, 3), dtype=np.uint8))
    assert [d.score for d in found] == [0.9]
    assert len(detector.frames) == 1


def test_a_weak_first_look_tries_every_view_and_keeps_the_best_score() -> None:
    detector = ByShape({40: [face(0.6)], 20: [face(0.75, side=5.0)]})
    found = RescuingDetector(detector).find(np.zeros((40, 40, 3), dtype=np.uint8))
    assert len(detector.frames) == 1 + len(VIEWS)
    assert [(d.score, d.view) for d in found] == [(0.75, "halved")]
    assert found[0].box == Box(0.0, 0.0, 10.0, 10.0)
    np.testing.assert_array_equal(found[0].landmarks, POINTS * 2)


def test_faces_apart_are_all_kept() -> None:
    detector = ByShape({40: [face(0.6)], 20: [face(0.7, x=10.0, side=5.0)]})
    found = RescuingDetector(detector).find(np.zeros((40, 40, 3), dtype=np.uint8))
    assert [(d.score, d.box.x) for d in found] == [(0.7, 20.0), (0.6, 0.0)]


def test_nothing_found_is_empty() -> None:
    found = RescuingDetector(ByShape({})).find(np.zeros((40, 40, 3), dtype=np.uint8))
    assert found == []


@pytest.mark.parametrize("name", list(VIEWS))
@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (250, 250)])
def test_views_take_any_size_and_leave_the_frame_alone(name: str, shape: tuple[int, int]) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    before = frame.copy()
    view = VIEWS[name](frame)
    assert view.dtype == np.uint8
    assert view.shape[2] == 3
    np.testing.assert_array_equal(frame, before)


def test_tone_darkens_above_one_and_keeps_black_and_white() -> None:
    image = np.array([[[0, 128, 255]]], dtype=np.uint8)
    np.testing.assert_array_equal(tone(image, 2.0), [[[0, 64, 255]]])


def test_suppress_keeps_the_best_of_overlapping_faces() -> None:
    kept = suppress([face(0.5), face(0.9, x=1.0), face(0.7, x=30.0)])
    assert [(d.score, d.box.x) for d in kept] == [(0.9, 1.0), (0.7, 30.0)]
