from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from steadyface.training.detector_losses import TAUGHT_SCORE, detector_losses, weighted_terms
from steadyface.training.detector_recipe import DetectorRecipe
from steadyface.training.yunet_torch import CHANNELS

#: Where the face is in the maps of `teacher`: stride, row, column.
FACE = (1, 2, 3)
POINTS = torch.tensor([[-1.0, -1], [1, -1], [0, 0], [-1, 1], [1, 1]])
#: No main face is known: the teacher's points are taught.
NOWHERE = torch.full((1, 5, 2), math.nan)
#: The cell's corner in pixels and its points there.
CORNER, STRIDE = torch.tensor([3.0 * 16, 2 * 16]), 16
AGREED = (CORNER + STRIDE * POINTS)[None]


def teacher(logit: float = 3.0) -> list[Tensor]:
    """Maps of one frame, in which one cell sees a face and no other does."""
    maps = [torch.zeros(1, CHANNELS, side, side) for side in (16, 8, 4)]
    for level in maps:
        level[:, :2] = -8.0
    stride, row, column = FACE
    cell = torch.cat(
        [torch.full((2,), logit), torch.tensor([0.5, 0.5, 1.0, 1.0]), POINTS.flatten()]
    )
    maps[stride][0, :, row, column] = cell
    return maps


def changed(channels: slice, by: float, place: tuple[int, int, int] = FACE) -> list[Tensor]:
    maps = teacher()
    stride, row, column = place
    maps[stride][0, channels, row, column] += by
    return maps


def test_the_teachers_own_answer_costs_nothing() -> None:
    for value in detector_losses(teacher(), teacher(), NOWHERE).values():
        assert float(value) == pytest.approx(0.0, abs=1e-4)


def test_a_missed_face_and_a_false_one_cost() -> None:
    missed = detector_losses(changed(slice(0, 2), -6.0), teacher(), NOWHERE)
    false = detector_losses(changed(slice(0, 2), 12.0, (0, 5, 5)), teacher(), NOWHERE)
    for terms in (missed, false):
        assert float(terms["face"]) > 1.0
        assert float(terms["box"]) == pytest.approx(0.0, abs=1e-4)
        assert float(terms["points"]) == pytest.approx(0.0, abs=1e-4)
    one_logit = [
        float(detector_losses(changed(slice(c, c + 1), -6.0), teacher(), NOWHERE)["face"])
        for c in (0, 1)
    ]
    assert min(one_logit) > 0.5


def test_points_are_judged_by_the_eyes_distance_and_boxes_by_their_size() -> None:
    score = 1 / (1 + math.exp(-3.0))
    moved = detector_losses(changed(slice(6, 8), 0.3), teacher(), NOWHERE)
    # One of five points is 0.3 strides away in x and y, the eyes are 2 strides apart.
    expected = score * (0.3 * math.sqrt(2) / 5 / 2)
    assert float(moved["points"]) == pytest.approx(expected / 1.0, abs=1e-4)
    assert float(moved["box"]) == pytest.approx(0.0, abs=1e-4)
    shifted = detector_losses(changed(slice(2, 4), 0.5), teacher(), NOWHERE)
    assert float(shifted["box"]) == pytest.approx(score * 0.5 / math.e, abs=1e-4)
    grown = detector_losses(changed(slice(4, 6), 0.5), teacher(), NOWHERE)
    assert float(grown["box"]) == pytest.approx(score * 0.5, abs=1e-4)


def test_boxes_and_points_count_only_where_the_teacher_sees_a_face() -> None:
    background = detector_losses(changed(slice(2, CHANNELS), 5.0, (2, 0, 0)), teacher(), NOWHERE)
    assert float(background["box"]) == pytest.approx(0.0, abs=1e-4)
    assert float(background["points"]) == pytest.approx(0.0, abs=1e-4)
    weak = math.log(TAUGHT_SCORE / (1 - TAUGHT_SCORE))
    for logit, taught in ((weak + 0.1, True), (weak - 0.1, False)):
        student = teacher(logit)
        student[1][0, 6:, 2, 3] += 1.0
        points = float(detector_losses(student, teacher(logit), NOWHERE)["points"])
        assert (points > 0.01) == taught


def test_frames_without_faces_teach_quiet() -> None:
    empty = teacher(-8.0)
    student = teacher(3.0)
    terms = detector_losses(student, empty, NOWHERE)
    assert float(terms["face"]) > 2.0
    assert float(terms["points"]) == 0.0


def test_terms_are_weighted_by_the_recipe() -> None:
    terms = {name: torch.tensor(1.0) for name in ("face", "box", "points")}
    recipe = DetectorRecipe(face=0.5, box=0.25, points=0.125)
    assert float(weighted_terms(terms, recipe)) == pytest.approx(0.875)


def test_cells_that_see_the_main_face_are_taught_the_agreed_points() -> None:
    moved = AGREED + torch.tensor([4.0, 0.0])
    score = 1 / (1 + math.exp(-3.0))
    # A quarter of a stride off in every point, the eyes 2 strides apart.
    told = detector_losses(teacher(), teacher(), moved)
    assert float(told["points"]) == pytest.approx(score * 0.25 / 2, abs=1e-4)
    assert float(told["face"]) == pytest.approx(0.0, abs=1e-4)
    assert float(told["box"]) == pytest.approx(0.0, abs=1e-4)
    obeyed = teacher()
    obeyed[1][0, 6::2, 2, 3] += 0.25
    assert float(detector_losses(obeyed, teacher(), moved)["points"]) == pytest.approx(0, abs=1e-4)


def test_cells_that_see_another_face_keep_the_teachers_points() -> None:
    eyes = 2.0 * STRIDE
    for away, taught in ((0.45, True), (0.55, False)):
        elsewhere = AGREED + torch.tensor([away * eyes, 0.0])
        points = float(detector_losses(teacher(), teacher(), elsewhere)["points"])
        assert (points > 0.01) == taught
