from __future__ import annotations

import numpy as np
import pytest

from steadyface.imaging.geometry import CROP_LANDMARKS
from steadyface.models.turns import (
    TURNS,
    from_patch,
    turned,
    turned_back,
    upright_patch,
)
from steadyface.types import Box, Detection


@pytest.mark.parametrize("degrees", [*TURNS, 30])
def test_points_come_back_to_where_they_are_in_the_frame(degrees: float) -> None:
    frame = np.zeros((90, 160, 3), dtype=np.uint8)
    spots = [(20, 15), (130, 70), (75, 40)]
    for x, y in spots:
        frame[y - 2 : y + 3, x - 2 : x + 3] = 255
    moved, back = turned(frame, degrees)
    for x, y in spots:
        there = np.linalg.inv(np.vstack([back, [0, 0, 1]])) @ [x, y, 1]
        column, row = (round(float(value)) for value in there[:2])
        assert moved[row, column, 0] > 200
        points = np.tile(there[:2], (5, 1)).astype(np.float32)
        box = Box(float(there[0]) - 10, float(there[1]) - 5, 20, 10)
        face = turned_back(Detection(box, points, 0.8), back, degrees)
        np.testing.assert_allclose(face.landmarks, np.tile([x, y], (5, 1)), atol=1e-3)
        assert face.box.centre == pytest.approx((x, y), abs=1e-3)
        assert face.view == f"turned {degrees}"
        assert face.score == 0.8


def test_nothing_of_the_frame_is_cut_off() -> None:
    frame = np.full((90, 160, 3), 200, dtype=np.uint8)
    for degrees in TURNS:
        moved, _ = turned(frame, degrees)
        assert abs(moved.astype(np.int64).sum() / frame.astype(np.int64).sum() - 1) < 0.02
    assert turned(frame, 90)[0].shape == (160, 90, 3)


def test_the_sides_of_a_box_are_swapped_where_the_frame_lies_on_its_side() -> None:
    frame = np.zeros((90, 160, 3), dtype=np.uint8)
    face = Detection(Box(10, 10, 20, 30), np.zeros((5, 2), dtype=np.float32), 0.9)
    sides = {
        degrees: turned_back(face, turned(frame, degrees)[1], degrees).box for degrees in TURNS
    }
    assert (sides[90].width, sides[90].height) == (30, 20)
    assert (sides[180].width, sides[180].height) == (20, 30)


@pytest.mark.parametrize("degrees", [-40, 0, 15, 90])
def test_a_leaning_face_stands_upright_in_its_patch_and_comes_back(degrees: float) -> None:
    frame = np.zeros((300, 400, 3), dtype=np.uint8)
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = ((CROP_LANDMARKS - 56) @ turn.T + (200, 150)).astype(np.float32)
    face = Detection(Box(160, 110, 80, 80), points, 0.8)
    x, y = (round(float(v)) for v in points[0])
    frame[y - 2 : y + 3, x - 2 : x + 3] = 255
    patch, back = upright_patch(frame, face)
    row, column = np.unravel_index(int(patch[..., 0].argmax()), patch.shape[:2])
    there = np.array([[column, row]] * 5, dtype=np.float32)
    seen = from_patch(Detection(Box(float(column) - 30, float(row) - 20, 60, 40), there, 0.9), back)
    np.testing.assert_allclose(seen.landmarks[0], points[0], atol=4)
    assert seen.box.centre == pytest.approx((x, y), abs=4)
    assert seen.box.width / seen.box.height == pytest.approx(1.5)
    across, down = (points[1] - points[0]) @ np.linalg.inv(back[:, :2]).T
    assert abs(down) < 0.03 * across
