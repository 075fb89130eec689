from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from steadyface.models.looks import (
    LEAST_SEEN,
    ONE_LOOK,
    TILE,
    TILE_OVERLAP,
    Sighting,
    least_face,
    look_scales,
    merged,
    seen_in,
    shrunk,
    tiles,
)
from steadyface.types import Box, Detection, RGBImage

POINTS = np.array([[10, 10], [30, 10], [20, 20], [12, 30], [28, 30]], dtype=np.float32)


def face(x: float, y: float, side: float, score: float = 0.9) -> Detection:
    return Detection(
        Box(x, y, side, side),
        (POINTS + np.array([x, y], dtype=np.float32)).astype(np.float32),
        score,
    )


class Spots:
    """Finds every white pixel of a frame as a face of 20 pixels around it."""

    model_id = "spots"

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []

    def detect(self, frames: Sequence[RGBImage], threshold: float) -> list[list[Detection]]:
        self.sizes += [(frame.shape[0], frame.shape[1]) for frame in frames]
        return [
            [face(float(x) - 10, float(y) - 10, 20) for y, x in np.argwhere(frame[..., 0] == 255)]
            for frame in frames
        ]


def test_a_face_of_40_pixels_in_12_megapixels_is_looked_for() -> None:
    assert least_face((3000, 4000)) == pytest.approx(40, abs=0.5)
    assert least_face((3000, 4000), 30) == 30


def test_no_face_smaller_than_detectors_see_is_looked_for() -> None:
    assert least_face((250, 250)) == least_face((250, 250), 1) == LEAST_SEEN


@pytest.mark.parametrize("shape", [(250, 250), (678, 1011), (1000, 15000), (6000, 8000)])
def test_the_first_look_shows_the_least_face_and_the_last_fits_one_look(
    shape: tuple[int, int],
) -> None:
    scales = look_scales(shape)
    assert scales[0] == pytest.approx(min(1.0, LEAST_SEEN / least_face(shape)))
    assert max(shape) * scales[-1] <= ONE_LOOK
    assert all(b == a / 2 for a, b in itertools.pairwise(scales))


def test_a_small_frame_is_looked_at_once_as_it_is() -> None:
    assert look_scales((250, 250)) == [1.0]


def test_a_wish_for_smaller_faces_makes_the_first_look_larger() -> None:
    assert look_scales((3000, 4000), 24)[0] == 1.0 > look_scales((3000, 4000))[0]


@pytest.mark.parametrize(("height", "width"), [(100, 100), (TILE, TILE + 1), (5000, 900)])
def test_tiles_cover_the_frame_and_overlap(height: int, width: int) -> None:
    frame = np.zeros((height, width, 3), dtype=np.uint8)
    covered = np.zeros((height, width), dtype=np.int64)
    for x, y, tile in tiles(frame):
        assert max(tile.shape) <= TILE
        covered[y : y + tile.shape[0], x : x + tile.shape[1]] += 1
    assert covered.min() == 1
    for length, axis in ((height, 0), (width, 1)):
        if length > TILE:  # every line between tiles is shared by enough pixels
            assert (covered > covered.min(axis=axis, keepdims=True)).sum(axis=axis).max() >= (
                TILE_OVERLAP - 1
            )


def test_faces_of_tiles_come_in_pixels_of_the_frame() -> None:
    frame = np.zeros((300, 4000, 3), dtype=np.uint8)
    frame[150, 20] = frame[150, 3900] = 255
    spots = Spots()
    found = seen_in(spots, frame, 0.5)
    assert max(side for size in spots.sizes for side in size) <= TILE
    assert sorted(round(f.box.centre[0]) for f in found) == [20, 3900]
    last = max(found, key=lambda f: f.box.x)
    np.testing.assert_allclose(last.landmarks[0], [3900, 150], atol=1)


def test_shrinking_averages_and_never_enlarges() -> None:
    frame = np.zeros((100, 200, 3), dtype=np.uint8)
    frame[:, ::2] = 200
    assert shrunk(frame, 0.5).shape == (50, 100, 3)
    assert np.unique(shrunk(frame, 0.5)) == [100]
    assert shrunk(frame, 2.0) is frame


def test_one_face_seen_often_is_one_face_by_its_best_sighting() -> None:
    best, worse = face(0, 0, 40), face(3, 2, 38)
    part, other = face(10, 10, 12), face(200, 0, 40)
    found = merged(
        [Sighting(worse, 0.7), Sighting(part, 0.6), Sighting(other, 0.5), Sighting(best, 0.9)]
    )
    assert found == [best, other]


def test_a_sighting_that_does_not_fit_counts_only_where_no_other_shows_the_face() -> None:
    large, fitting, alone = face(0, 0, 40), face(2, 2, 38), face(500, 0, 300)
    found = merged(
        [Sighting(large, 0.9, fits=False), Sighting(fitting, 0.6), Sighting(alone, 0.8, fits=False)]
    )
    assert found == [alone, fitting]
