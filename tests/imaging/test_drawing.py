from __future__ import annotations

import numpy as np
import pytest

from steadyface import draw_faces
from steadyface.types import Box, Detection, Embedding, Face, RGBImage

POINTS = np.array([[30, 40], [60, 40], [45, 55], [33, 70], [57, 70]], dtype=np.float32)


def grey(height: int = 120, width: int = 100) -> RGBImage:
    return np.full((height, width, 3), 128, dtype=np.uint8)


def test_box_and_points_are_drawn_into_a_copy() -> None:
    image = grey()
    drawn = draw_faces(image, [Detection(Box(20, 25, 50, 60), POINTS, 0.97, p_face=0.99)])
    assert (image == 128).all()
    assert drawn.shape == image.shape and drawn.dtype == np.uint8
    for x, y in POINTS.astype(int):
        assert drawn[y, x].tolist() == [255, 230, 60]
    assert drawn[85, 45, 1] > 200 > drawn[85, 45, 0]  # green: a clear face
    assert (drawn[100:] == 128).all()


def test_a_doubtful_face_has_another_colour() -> None:
    doubtful = draw_faces(grey(), [Detection(Box(20, 25, 50, 60), POINTS, 0.97, p_face=0.6)])
    assert doubtful[85, 45].tolist() == [255, 170, 30]


def test_a_face_without_points_or_score_gets_its_box() -> None:
    vector = np.zeros(4, dtype=np.float32)
    face = Face("assumed", Box(20, 25, 50, 60), None, None, None, Embedding(vector, "m"), None)
    assert (draw_faces(grey(), [face])[85, 45] != 128).any()


@pytest.mark.parametrize("box", [Box(-30, -20, 60, 60), Box(80, 100, 90, 90), Box(-500, 0, 20, 20)])
def test_boxes_past_the_edge_do_no_harm(box: Box) -> None:
    assert draw_faces(grey(), [Detection(box, POINTS + 500, 0.9)]).shape == (120, 100, 3)


@pytest.mark.parametrize("side", [60, 200, 3000])
def test_lines_grow_with_the_image(side: int) -> None:
    box = Box(side * 0.3, side * 0.3, side * 0.4, side * 0.4)
    drawn = draw_faces(grey(side, side), [Detection(box, POINTS * 0 + side / 2, 0.99)])
    column = drawn[round(side * 0.7) - side // 10 :, round(side * 0.5)]
    share = (column != 128).any(axis=1).sum() / side
    assert 0.001 < share < 0.06


def test_no_faces_give_the_same_picture_in_a_new_array() -> None:
    image = grey()
    drawn = draw_faces(image, [])
    assert drawn is not image
    np.testing.assert_array_equal(drawn, image)
