from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from steadyface.distortions import rng_for
from steadyface.imaging.decode import decode
from steadyface.models.defaults import load_detector
from steadyface.training.detector_augment import SIDE, cut, padded, show_frame, wiped
from steadyface.training.detector_recipe import FrameMix
from steadyface.types import FloatArray, RGBImage

#: A mix that only cuts: no tilt, and nothing but clean frames.
STILL = FrameMix(clean=1.0, empty=0.0, extra=0.0, tilt=0.0)


@pytest.fixture
def photo(identities: Path) -> RGBImage:
    return decode(identities / "female" / "Edith" / "Edith_0002.jpg")


def marked(height: int = 250, width: int = 220) -> tuple[RGBImage, FloatArray]:
    """A frame that is black but for a red square at its face's right eye, a green one at the left.

    The right eye is the first point, on the left of the picture.
    """
    points = np.array([[80, 100], [120, 100], [100, 122], [85, 144], [115, 144]], dtype=np.float32)
    frame = np.zeros((height, width, 3), dtype=np.uint8)
    for channel, (x, y) in enumerate(points[:2]):
        frame[round(y) - 4 : round(y) + 5, round(x) - 4 : round(x) + 5, channel] = 255
    return frame, points


def eyes_of(points: FloatArray) -> float:
    return float(np.linalg.norm(points[0] - points[1]))


@pytest.mark.parametrize("seed", range(12))
def test_points_are_followed_through_the_cut(seed: int) -> None:
    frame, points = marked()
    mix = FrameMix(eyes=20.0, spread=0.2)
    window, there = cut(frame, points, mix, np.random.default_rng(seed))
    assert window.shape[0] <= SIDE and window.shape[1] <= SIDE
    assert there[0, 0] < there[1, 0]
    red, green = (np.nonzero(window[..., channel] > 128) for channel in (0, 1))
    for point, (rows, columns) in enumerate(sorted((red, green), key=lambda at: at[1].mean())):
        found = np.array([columns.mean(), rows.mean()])
        assert np.abs(found - there[point]).max() < 0.04 * eyes_of(there) + 0.5
        assert len(rows) == pytest.approx((9 / 40 * eyes_of(there)) ** 2, rel=0.5)


def test_sizes_places_and_mirrors_vary_as_the_mix_says() -> None:
    frame, points = marked()
    mix = replace(STILL, eyes=30.0, spread=0.3)
    rng = np.random.default_rng(0)
    cuts = [cut(frame, points, mix, rng) for _ in range(300)]
    logs = np.log([eyes_of(there) for _, there in cuts])
    assert np.median(logs) == pytest.approx(np.log(30), abs=0.06)
    assert logs.std() == pytest.approx(0.3, abs=0.05)
    places = np.array([there.mean(axis=0) / window.shape[1::-1] for window, there in cuts])
    assert places.std(axis=0).min() > 0.05
    assert places.min() > 0 and places.max() < 1
    half = frame.copy()
    half[:, :100] = 255
    bright_left = [
        window[:, : window.shape[1] // 4].mean() > window[:, -window.shape[1] // 4 :].mean()
        for window, _ in (cut(half, points, mix, rng) for _ in range(200))
    ]
    assert 0.4 < np.mean(bright_left) < 0.6


def test_a_small_frame_is_not_blown_up_without_end() -> None:
    frame, points = marked()
    _, there = cut(
        frame, (points / 40 + 10).astype(np.float32), FrameMix(), np.random.default_rng(0)
    )
    assert eyes_of(there) == pytest.approx(4.0, rel=0.01)


def test_a_clean_share_of_frames_is_shown_as_the_teacher_sees_it(photo: RGBImage) -> None:
    points = rough_points(photo)
    mix = FrameMix(clean=0.3, empty=0.0)
    shown = [show_frame(photo, points, mix, rng_for(seed, "share")) for seed in range(200)]
    same = [np.array_equal(s.clean, s.shown) for s in shown]
    assert 0.2 < np.mean(same) < 0.4
    assert all(s.clean.shape == s.shown.shape == (SIDE, SIDE, 3) for s in shown)


def test_what_is_shown_is_decided_by_the_generator_alone(photo: RGBImage) -> None:
    points = rough_points(photo)
    first, again, other = (
        show_frame(photo, points, FrameMix(clean=0), rng_for(seed, "x")) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first.clean, again.clean)
    np.testing.assert_array_equal(first.shown, again.shown)
    assert not np.array_equal(first.clean, other.clean)


def test_padding_is_black_to_the_right_and_below() -> None:
    frame = np.full((200, 100, 3), 9, dtype=np.uint8)
    square = padded(frame)
    np.testing.assert_array_equal(square[:200, :100], frame)
    assert square.shape == (SIDE, SIDE, 3)
    assert square[200:].max() == square[:, 100:].max() == 0


@pytest.mark.models
def test_teacher_and_student_see_the_face_in_the_same_place(photo: RGBImage) -> None:
    detector = load_detector("yunet-base")
    points = rough_points(photo)
    mix = FrameMix(clean=0.0, second=0.0, extra=0.0, empty=0.0, weights={"foggy": 1e9})
    compared = 0
    for seed in range(8):
        both = show_frame(photo, points, mix, rng_for(seed, "geometry"))
        assert not np.array_equal(both.clean, both.shown)
        clean, shown = detector.detect([both.clean, both.shown], 0.3)
        if clean and shown:
            eyes = np.linalg.norm(clean[0].landmarks[0] - clean[0].landmarks[1])
            assert np.abs(shown[0].landmarks - clean[0].landmarks).max() < 0.3 * eyes
            compared += 1
    assert compared >= 4


@pytest.mark.models
def test_no_face_is_seen_where_it_was_wiped_away(photo: RGBImage) -> None:
    detector = load_detector("yunet-base")
    face = detector.detect([photo], 0.5)[0][0]
    empty = wiped(photo, face.landmarks)
    assert detector.detect([empty], 0.3) == [[]]
    assert empty.shape == photo.shape
    mix = replace(STILL, empty=1.0)
    shown = show_frame(photo, face.landmarks, mix, rng_for(0, "empty"))
    assert detector.detect([shown.clean], 0.3) == [[]]
    assert np.isnan(shown.points).all()


@pytest.mark.models
def test_points_are_told_in_the_clean_frame(photo: RGBImage) -> None:
    detector = load_detector("yunet-base")
    points = detector.detect([photo], 0.5)[0][0].landmarks
    mix = FrameMix(empty=0.0)
    shown = [show_frame(photo, points, mix, rng_for(n, "told")) for n in range(6)]
    for both, seen in zip(shown, detector.detect([s.clean for s in shown], 0.3), strict=True):
        away = np.linalg.norm(seen[0].landmarks - both.points, axis=1).mean()
        assert away < 0.25 * eyes_of(both.points)


def rough_points(photo: RGBImage) -> FloatArray:
    """Rough points of the centred face of a sample image."""
    height, width = photo.shape[:2]
    shares = np.array([[0.37, 0.42], [0.63, 0.42], [0.5, 0.57], [0.4, 0.7], [0.6, 0.7]])
    return (shares * (width, height)).astype(np.float32)
