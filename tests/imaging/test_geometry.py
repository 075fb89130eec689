from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steadyface.imaging.geometry import (
    CROP_LANDMARKS,
    align,
    assumed_square,
    centre_square,
    crop_square,
    eye_distance,
    similarity_transform,
    visible_share,
)
from steadyface.types import Box, RGBImage

#: Red, green, blue and white, from the top left by rows.
COLOURS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], dtype=np.uint8)


def quarters(height: int, width: int) -> RGBImage:
    """Four quarters of different colours."""
    halves = np.repeat(COLOURS, [height // 2, height - height // 2], axis=0)
    return np.repeat(halves, [width // 2, width - width // 2], axis=1)


def test_similarity_transform_recovers_a_known_motion() -> None:
    angle, scale, shift = np.deg2rad(20), 1.7, np.array([3.0, -8.0])
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (scale * CROP_LANDMARKS @ rotation.T + shift).astype(np.float32)
    matrix = similarity_transform(CROP_LANDMARKS, moved)
    np.testing.assert_allclose(matrix[:, :2], scale * rotation, atol=1e-5)
    np.testing.assert_allclose(matrix[:, 2], shift, atol=1e-3)


@given(
    angle=st.floats(-180, 180),
    scale=st.floats(0.05, 20),
    shift=st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
)
@settings(deadline=None, max_examples=60)
def test_similarity_transform_recovers_every_motion(
    angle: float, scale: float, shift: tuple[float, float]
) -> None:
    turn = np.deg2rad(angle)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = scale * CROP_LANDMARKS.astype(np.float64) @ rotation.T + shift
    matrix = similarity_transform(CROP_LANDMARKS, moved.astype(np.float32))
    back = CROP_LANDMARKS @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(back, moved, atol=1e-2)
    assert matrix.dtype == np.float64


def test_similarity_transform_is_the_best_of_its_kind() -> None:
    rng = np.random.default_rng(3)
    target = (CROP_LANDMARKS * 1.3 + rng.normal(0, 3, (5, 2))).astype(np.float32)
    matrix = similarity_transform(CROP_LANDMARKS, target)

    def error(candidate: object) -> float:
        tried = np.asarray(candidate, dtype=np.float64)
        return float(((CROP_LANDMARKS @ tried[:, :2].T + tried[:, 2] - target) ** 2).sum())

    for turn, growth, right, down in rng.normal(0, 0.02, (50, 4)):
        change = np.array([[1 + growth, -turn], [turn, 1 + growth]])
        other = np.hstack([change @ matrix[:, :2], matrix[:, 2:] + [[50 * right], [50 * down]]])
        assert error(matrix) < error(other)


def test_the_places_of_the_landmarks_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        CROP_LANDMARKS[0, 0] = 0


def test_similarity_transform_never_mirrors() -> None:
    mirrored = CROP_LANDMARKS * np.array([-1, 1], dtype=np.float32)
    matrix = similarity_transform(CROP_LANDMARKS, mirrored)
    assert np.linalg.det(matrix[:, :2]) > 0


def test_similarity_transform_refuses_coinciding_points() -> None:
    with pytest.raises(ValueError, match="the points coincide"):
        similarity_transform(np.ones((5, 2), dtype=np.float32), CROP_LANDMARKS)


def test_align_brings_the_landmarks_to_their_places() -> None:
    image = np.zeros((300, 300, 3), dtype=np.uint8)
    landmarks = CROP_LANDMARKS * 2 + 30
    for x, y in landmarks.astype(int):
        image[y - 4 : y + 5, x - 4 : x + 5] = 255
    crop = align(image, landmarks)
    assert crop.shape == (112, 112, 3)
    assert crop.dtype == np.uint8
    for x, y in CROP_LANDMARKS.round().astype(int):
        assert crop[y, x].min() > 200


def test_align_brings_a_turned_face_upright() -> None:
    upright = quarters(112, 112)
    # A quarter turn: what was at (x, y) is then at (111 - y, x).
    turned = np.rot90(upright, -1)
    landmarks = np.stack([111 - CROP_LANDMARKS[:, 1], CROP_LANDMARKS[:, 0]], axis=1)
    for image in (turned, np.ascontiguousarray(turned)):
        crop = align(image, landmarks)
        for row, column in ((20, 20), (20, 90), (90, 20), (90, 90)):
            np.testing.assert_allclose(crop[row, column], upright[row, column], atol=1)


def test_align_fills_what_lies_outside_with_black_and_leaves_its_input() -> None:
    image = np.full((56, 112, 3), 200, dtype=np.uint8)
    image.setflags(write=False)
    crop = align(image, CROP_LANDMARKS)
    np.testing.assert_array_equal(crop[:55], 200)
    np.testing.assert_array_equal(crop[57:], 0)
    assert (image == 200).all()


def test_crop_square_takes_the_middle() -> None:
    image = np.zeros((100, 300, 3), dtype=np.uint8)
    image[:, 100:200] = 200
    square = centre_square(100, 300)
    assert (square.x, square.y, square.width) == (100, 0, 100)
    np.testing.assert_array_equal(crop_square(image, square), 200)


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(300, 100, (0, 100, 100)), (100, 300, (100, 0, 100)), (101, 100, (0, 0.5, 100))],
)
def test_the_square_lies_in_the_middle(
    height: int, width: int, expected: tuple[float, float, float]
) -> None:
    square = centre_square(height, width)
    assert (square.x, square.y, square.width) == expected
    assert square.height == square.width


def test_crop_square_takes_what_was_asked_for_the_right_way_round() -> None:
    image = np.zeros((200, 300, 3), dtype=np.uint8)
    image[30:90, 150:210] = quarters(60, 60)
    crop = crop_square(image, Box(150, 30, 60, 60))
    for row, column in ((20, 20), (20, 90), (90, 20), (90, 90)):
        np.testing.assert_array_equal(crop[row, column], COLOURS[row // 56, column // 56])


def test_crop_square_averages_where_it_shrinks() -> None:
    # One column in eight is lit, and none of those that interpolation alone would look at.
    image = np.zeros((896, 896, 3), dtype=np.uint8)
    image[:, ::8] = 255
    crop = crop_square(image, Box(0, 0, 896, 896))
    np.testing.assert_allclose(crop, 255 / 8, atol=0.5)


def test_crop_square_interpolates_where_it_grows() -> None:
    image = np.zeros((2, 2, 3), dtype=np.uint8)
    image[:, 1] = 255
    row = crop_square(image, Box(0, 0, 2, 2))[56, :, 0].astype(int)
    assert row[0] == 0
    assert row[-1] == 255
    assert (np.diff(row) >= 0).all()
    assert np.diff(row).max() < 10


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (112, 112), (1000, 40)])
def test_the_assumed_square_lies_in_the_image(shape: tuple[int, int]) -> None:
    square = assumed_square(*shape)
    assert square.x >= 0
    assert square.y >= 0
    assert square.x + square.width <= shape[1]
    assert square.y + square.height <= shape[0]
    assert crop_square(np.zeros((*shape, 3), dtype=np.uint8), square).shape == (112, 112, 3)


def test_eye_distance() -> None:
    points = np.array([[0, 0], [3, 4], [0, 0], [0, 0], [0, 0]], dtype=np.float32)
    assert eye_distance(points) == 5.0


def test_a_large_face_is_averaged_down_not_sampled() -> None:
    # Stripes of one pixel, eight times finer than the crop can show, have to come out grey.
    stripes = np.zeros((900, 900, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    crop = align(stripes, (CROP_LANDMARKS * 8).astype(np.float32))
    assert np.abs(crop[2:-2, 2:-2].astype(int) - 127).max() <= 2


def test_averaging_down_moves_nothing() -> None:
    rng = np.random.default_rng(0)
    coarse = cv2.resize(rng.integers(0, 256, (28, 28, 3), dtype=np.uint8), (112, 112))
    large = cv2.resize(coarse, (896, 896), interpolation=cv2.INTER_CUBIC)
    middle_of_pixels = ((CROP_LANDMARKS + 0.5) * 8 - 0.5).astype(np.float32)
    crop = align(np.asarray(large, dtype=np.uint8), middle_of_pixels)
    inside = (slice(4, -4), slice(4, -4))
    assert np.abs(crop[inside].astype(int) - coarse[inside]).mean() < 2


def test_a_large_photo_is_cut_around_the_face_before_it_is_shrunk() -> None:
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (60, 80, 3)).astype(np.uint8)
    photo = np.asarray(
        cv2.resize(small, (3200, 2400), interpolation=cv2.INTER_CUBIC), dtype=np.uint8
    )
    for middle in ((1600, 1200), (40, 30), (3190, 2390)):
        points = (CROP_LANDMARKS - 56) * 9 + np.array(middle, dtype=np.float32)
        cut = align(photo, points.astype(np.float32))
        canvas = np.zeros((2400 + 2000, 3200 + 2000, 3), dtype=np.uint8)
        canvas[1000:3400, 1000:4200] = photo
        framed = align(canvas, (points + 1000).astype(np.float32))
        assert np.abs(cut.astype(int) - framed.astype(int)).mean() < 2.5


def test_the_visible_share_is_what_the_crop_shows_of_the_image() -> None:
    white = np.full((400, 400, 3), 255, dtype=np.uint8)
    upright = CROP_LANDMARKS - 56
    for angle in (0.0, 30.0, 100.0):
        turn = np.radians(angle)
        matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        for middle in ((200, 200), (10, 200), (0, 0), (395, 390), (-100, 200)):
            points = (upright @ matrix.T + middle).astype(np.float32)
            shown = float((align(white, points)[..., 0] > 127).mean())
            assert visible_share(white.shape, points) == pytest.approx(shown, abs=0.02)
