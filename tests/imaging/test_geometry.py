from __future__ import annotations

import numpy as np
import pytest

from steadyface.imaging.geometry import (
    CROP_LANDMARKS,
    align,
    assumed_square,
    centre_square,
    crop_square,
    eye_distance,
    similarity_transform,
)


def test_similarity_transform_recovers_a_known_motion() -> None:
    angle, scale, shift = np.deg2rad(20), 1.7, np.array([3.0, -8.0])
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (scale * CROP_LANDMARKS @ rotation.T + shift).astype(np.float32)
    matrix = similarity_transform(CROP_LANDMARKS, moved)
    np.testing.assert_allclose(matrix[:, :2], scale * rotation, atol=1e-5)
    np.testing.assert_allclose(matrix[:, 2], shift, atol=1e-3)


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


def test_crop_square_takes_the_middle() -> None:
    image = np.zeros((100, 300, 3), dtype=np.uint8)
    image[:, 100:200] = 200
    square = centre_square(100, 300)
    assert (square.x, square.y, square.width) == (100, 0, 100)
    np.testing.assert_array_equal(crop_square(image, square), 200)


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
