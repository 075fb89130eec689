from __future__ import annotations

import numpy as np
import pytest

from steadyface.models.turns import TURNS, turned, turned_back
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
