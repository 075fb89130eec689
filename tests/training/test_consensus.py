from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from steadyface.training.consensus import agreed_points, eye_distance, mirrored
from steadyface.types import Box, Detection, FloatArray, RGBImage

FACE = np.array([[40, 50], [60, 50], [52, 62], [43, 70], [58, 70]], dtype=np.float32)
FRAME = np.zeros((100, 120, 3), dtype=np.uint8)


class Sees:
    """A detector that sees this face in every view, and in straight ones a stranger first.

    Args:
        off: view number -> how far off its points are, in pixels of the frame.
        blind: views in which it sees nothing.
    """

    model_id = "sees"

    def __init__(self, off: Sequence[float] = (0,) * 6, blind: Sequence[int] = ()) -> None:
        self._off, self._blind = off, blind
        self.widths: list[int] = []

    def detect(self, frames: Sequence[RGBImage], threshold: float) -> list[list[Detection]]:
        return [self._face(frame) for frame in frames]

    def _face(self, view: RGBImage) -> list[Detection]:
        number = len(self.widths)
        self.widths.append(view.shape[1])
        if number in self._blind:
            return []
        zoom = np.array(view.shape[1::-1]) / np.array(FRAME.shape[1::-1])
        points = np.asarray((FACE + self._off[number]) * zoom, dtype=np.float32)
        turned = number % 2 == 1
        stranger = np.asarray(points + 60 * zoom, dtype=np.float32)
        seen = [mirrored(points, view.shape[1])] if turned else [stranger, points]
        return [Detection(Box(0, 0, 1, 1), face, 0.9) for face in seen]


def test_points_of_mirrored_and_resized_views_come_back_to_their_place() -> None:
    detector = Sees()
    np.testing.assert_allclose(agreed_points(FRAME, FACE, detector), FACE, atol=1e-4)
    assert [width / 120 * 20 for width in detector.widths] == pytest.approx(
        [28, 28, 40, 40, 56, 56], abs=0.1
    )


def test_the_median_is_taken_and_the_first_look_is_one_sighting_of_it() -> None:
    detector = Sees(off=(1, 2, 3, 4, 5, 6))
    np.testing.assert_allclose(agreed_points(FRAME, FACE, detector), FACE + 3, atol=1e-3)


def test_views_without_the_face_say_nothing() -> None:
    detector = Sees(off=(1, 9, 9, 9, 9, 9), blind=(1, 2, 3, 4, 5))
    np.testing.assert_allclose(agreed_points(FRAME, FACE, detector), FACE + 0.5, atol=1e-3)
    alone = Sees(blind=range(6))
    np.testing.assert_array_equal(agreed_points(FRAME, FACE, alone), FACE)


def test_mirroring_exchanges_left_and_right() -> None:
    turned = mirrored(FACE, 120)
    assert turned[:, 0].tolist() == [59, 79, 67, 61, 76]
    assert turned[0, 0] < turned[1, 0] and turned[3, 0] < turned[4, 0]
    np.testing.assert_array_equal(mirrored(turned, 120), FACE)


def test_eyes_are_a_pixel_apart_at_least() -> None:
    same: FloatArray = np.zeros((5, 2), dtype=np.float32)
    assert eye_distance(same) == 1.0
    assert eye_distance(FACE) == pytest.approx(20.0)
