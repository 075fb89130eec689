"""The pure parts of faces composed into scenes."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.photos_composed import (
    EYES,
    Portrait,
    compose,
    found_and_beyond,
    line,
    near,
    soft_ellipse,
)

from steadyface.imaging.geometry import eye_distance
from steadyface.types import Box, Detection, FloatArray

POINTS = np.array([[105, 110], [145, 110], [125, 132], [108, 155], [142, 155]], dtype=np.float32)
WHITE = Portrait(np.full((250, 250, 3), 255, dtype=np.uint8), POINTS)
SCENE = np.full((321, 481, 3), 20, dtype=np.uint8)


def detection(points: FloatArray) -> Detection:
    return Detection(Box(0, 0, 10, 10), points, 0.9)


@pytest.mark.parametrize("eyes", EYES)
def test_a_face_has_the_size_that_was_asked_for_and_lies_in_the_frame(eyes: int) -> None:
    for seed in range(5):
        frame, points = compose(SCENE, WHITE, eyes, np.random.default_rng(seed))
        assert frame.shape == SCENE.shape
        assert eye_distance(points) == pytest.approx(eyes, rel=0.01)
        x, y = points.mean(axis=0).round().astype(int)
        assert frame[y, x, 0] > 240  # the middle is the face's
        edge = np.concatenate([frame[0], frame[-1], frame[:, 0], frame[:, -1]])
        assert (edge == 20).all()  # no face is cut


def test_points_stay_on_what_they_were_on() -> None:
    image = np.full((250, 250, 3), 60, dtype=np.uint8)
    for x, y in POINTS.astype(int):
        image[y - 3 : y + 4, x - 3 : x + 4] = 255
    frame, points = compose(SCENE, Portrait(image, POINTS), 20, np.random.default_rng(3))
    for x, y in points.round().astype(int):
        assert frame[y, x, 0] > 200


def test_the_place_comes_from_the_seed() -> None:
    first, same, other = (
        compose(SCENE, WHITE, 12, np.random.default_rng(seed))[1] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


def test_a_scene_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="holds no face of 80"):
        compose(SCENE[:200], WHITE, 80, np.random.default_rng(0))


def test_the_edge_is_soft_and_follows_the_eyes() -> None:
    mask = soft_ellipse((250, 250), POINTS, 40)
    middle = POINTS.mean(axis=0)
    x, y = round(float(middle[0])), round(float(middle[1]))
    assert mask[y, x] == pytest.approx(1.0, abs=1e-3)
    assert mask[y, x + 52] < 0.05 < mask[y + 52, x]  # taller than wide
    assert 0.3 < mask[y, x + 40] < 0.7
    lying = np.stack([-(POINTS - middle)[:, 1], (POINTS - middle)[:, 0]], axis=1) + middle
    turned = soft_ellipse((250, 250), lying.astype(np.float32), 40)
    assert turned[y + 52, x] < 0.05 < turned[y, x + 52]


def test_a_face_is_found_once_and_the_rest_is_beyond() -> None:
    away = detection(POINTS + 60)
    assert found_and_beyond([], POINTS) == (False, 0)
    assert found_and_beyond([detection(POINTS + 5)], POINTS) == (True, 0)
    assert found_and_beyond([away], POINTS) == (False, 1)
    assert found_and_beyond([away, detection(POINTS), detection(POINTS + 3)], POINTS) == (True, 2)


@pytest.mark.parametrize(
    ("factor", "same"), [(0.45, False), (0.6, True), (1.9, True), (2.2, False)]
)
def test_points_of_another_size_are_another_thing(factor: float, same: bool) -> None:
    middle = POINTS.mean(axis=0)
    assert near(((POINTS - middle) * factor + middle).astype(np.float32), POINTS) is same


def test_the_line_tells_the_ratio_of_misses() -> None:
    row = {
        name: {"recall": r, "beyond_a_frame": 0.0}
        for name, r in (("defaults", 0.9), ("opencv", 0.8))
    }
    assert "misses ratio 0.50" in line(row)
    row["opencv"]["recall"] = 1.0
    assert "ratio" not in line(row)
