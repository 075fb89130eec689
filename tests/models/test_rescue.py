from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from steadyface.distortions import apply, rng_for
from steadyface.models.rescue import ACCEPTED_SCORE, STRONG_SCORE, RescuingDetector
from steadyface.models.views import VIEWS, tone
from steadyface.models.yunet import YuNetDetector, suppress
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


@pytest.mark.parametrize(("score", "looks"), [(0.8, 1), (0.7999, 1 + len(VIEWS))])
def test_a_look_is_sure_from_the_strong_score_on(score: float, looks: int) -> None:
    detector = ByShape({40: [face(score)]})
    RescuingDetector(detector).find(np.zeros((40, 40, 3), dtype=np.uint8))
    assert STRONG_SCORE == 0.8
    assert len(detector.frames) == looks


def test_one_sure_face_is_enough_whatever_the_others_score() -> None:
    detector = ByShape({40: [face(0.9), face(0.5, x=20.0)]})
    found = RescuingDetector(detector).find(np.zeros((40, 40, 3), dtype=np.uint8))
    assert [d.score for d in found] == [0.9, 0.5]
    assert len(detector.frames) == 1


def test_every_look_accepts_the_same_score() -> None:
    detector = ByShape({40: [face(0.49)], 20: [face(0.49, side=5.0)]})
    image = np.zeros((40, 40, 3), dtype=np.uint8)
    assert ACCEPTED_SCORE == 0.5
    assert RescuingDetector(detector).find(image) == []
    lenient = RescuingDetector(detector, accepted_score=0.4).find(image)
    assert [d.score for d in lenient] == [0.49]


def test_other_views_have_to_be_surer_where_the_detector_asks_for_it() -> None:
    image = np.zeros((40, 40, 3), dtype=np.uint8)
    detector = ByShape({40: [face(0.55)], 20: [face(0.69, x=10.0, side=5.0)]})
    asking = RescuingDetector(detector, rescued_score=0.7)
    assert [d.score for d in asking.find(image)] == [0.55]
    detector.answers[20] = [face(0.7, x=10.0, side=5.0)]
    assert [d.score for d in asking.find(image)] == [0.7, 0.55]


def test_the_first_look_wins_a_tie_and_a_better_one_is_not_given_up() -> None:
    detector = ByShape({40: [face(0.7)], 20: [face(0.7, side=5.0)]})
    (found,) = RescuingDetector(detector).find(np.zeros((40, 40, 3), dtype=np.uint8))
    assert found.view == "raw"
    detector.answers[20] = [face(0.6, side=5.0)]
    (found,) = RescuingDetector(detector).find(np.zeros((40, 40, 3), dtype=np.uint8))
    assert (found.score, found.view) == (0.7, "raw")


def test_each_view_is_handed_the_frame_itself() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    detector = ByShape({})
    RescuingDetector(detector).find(image)
    expected = [image, *(view(image) for view in VIEWS.values())]
    for seen, frame in zip(detector.frames, expected, strict=True):
        np.testing.assert_array_equal(seen, frame)


@pytest.mark.parametrize(("height", "width"), [(41, 60), (60, 41), (61, 43)])
def test_faces_of_a_smaller_view_come_back_in_pixels_of_a_frame_with_odd_sides(
    height: int, width: int
) -> None:
    detector = ByShape({height // 2: [face(0.7, x=3.0, side=6.0)]})
    (found,) = RescuingDetector(detector).find(np.zeros((height, width, 3), dtype=np.uint8))
    across, down = width / (width // 2), height / (height // 2)
    assert found.view == "halved"
    box = found.box
    assert [box.x, box.y, box.width, box.height] == pytest.approx(
        [3 * across, 0, 6 * across, 6 * down]
    )
    np.testing.assert_allclose(found.landmarks, POINTS * [across, down], rtol=1e-6)
    assert found.landmarks.dtype == np.float32


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


# --- with the real detector -----------------------------------------------------------------------


class Counting:
    """The real detector, its calls counted."""

    def __init__(self, detector: YuNetDetector) -> None:
        self.model_id = detector.model_id
        self.detector = detector
        self.calls = 0

    def detect(self, frames: Sequence[RGBImage], threshold: float) -> list[list[Detection]]:
        self.calls += 1
        return self.detector.detect(frames, threshold)


@pytest.mark.models
def test_the_rescue_costs_clean_frames_nothing(
    photos: list[RGBImage], detector: YuNetDetector
) -> None:
    counting = Counting(detector)
    rescuing = RescuingDetector(counting)
    for calls, photo in enumerate(photos, start=1):
        (found,) = rescuing.find(photo)
        assert (found.view, counting.calls) == ("raw", calls)
        assert found.score >= STRONG_SCORE


@pytest.mark.models
def test_the_rescue_finds_faces_in_noise_where_they_are(
    photos: list[RGBImage], detector: YuNetDetector
) -> None:
    counting = Counting(detector)
    rescuing, missed, rescued = RescuingDetector(counting), 0, 0
    for number, photo in enumerate(photos):
        noisy = apply(photo, "noisy", 4, rng_for(number))
        missed += not detector.detect([noisy], ACCEPTED_SCORE)[0]
        (clean,) = detector.detect([photo], ACCEPTED_SCORE)[0]
        found = rescuing.find(noisy)
        close = found and np.abs(found[0].landmarks - clean.landmarks).max() < clean.box.width / 5
        rescued += bool(close and found[0].view != "raw")
    assert counting.calls == len(photos) * (1 + len(VIEWS))
    assert missed >= len(photos) // 2
    assert rescued >= len(photos) - 1
