from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from steadyface.distortions import KINDS
from steadyface.distortions.tools import REFERENCE_SIDE
from steadyface.models.plain import PlainDetector
from steadyface.training.detector_frames import FrameSet
from steadyface.training.detector_measure import (
    CLEAN,
    WIPED,
    HeldFrame,
    held_frames,
    measure,
)
from steadyface.types import Box, Detection, FloatArray, RGBImage

MAIN = np.array([[100, 110], [140, 110], [120, 130], [105, 150], [135, 150]], dtype=np.float32)
OTHER = MAIN - 90
EYES = 40.0


class Says:
    """A detector that gives the same faces for every frame, or what a function of it says."""

    model_id = "says"

    def __init__(self, *faces: FloatArray, score: float = 0.9) -> None:
        self._faces = [Detection(Box(0, 0, 1, 1), face, score) for face in faces]

    def find(self, image: RGBImage) -> list[Detection]:
        return self._faces

    def detect(self, frames: Sequence[RGBImage], threshold: float) -> list[list[Detection]]:
        return [[f for f in self._faces if f.score >= threshold] for _ in frames]


class Depends:
    """A detector whose faces depend on the frame."""

    def __init__(self, faces: Callable[[RGBImage], list[Detection]]) -> None:
        self._faces = faces

    def find(self, image: RGBImage) -> list[Detection]:
        return self._faces(image)


@pytest.fixture
def frames() -> list[HeldFrame]:
    rng = np.random.default_rng(0)
    return [
        HeldFrame(str(n), rng.integers(0, 256, (250, 250, 3), dtype=np.uint8), MAIN, (OTHER,))
        for n in range(4)
    ]


def test_every_kind_is_measured_at_every_severity(frames: list[HeldFrame]) -> None:
    figures = measure({"says": Says(MAIN)}, frames, sure=0.8)["says"]
    assert set(figures) == {CLEAN, WIPED, *(f"{k} {s}" for k in KINDS for s in (3, 5))}


def test_a_face_is_found_where_all_its_points_are_near(frames: list[HeldFrame]) -> None:
    near, one_off = MAIN + np.float32(0.1 * EYES), MAIN.copy()
    one_off[3] += np.float32(0.3 * EYES)
    finders = {"near": Says(near), "one off": Says(one_off), "none": Says()}
    figures = {
        name: found[CLEAN]
        for name, found in measure(finders, frames, sure=0.8, severities=()).items()
    }
    assert figures["near"]["found"] == 1
    assert figures["near"]["point_error"] == pytest.approx(0.1 * np.sqrt(2), rel=1e-4)
    assert figures["one off"]["found"] == 0
    assert figures["one off"]["point_error"] is None
    assert figures["none"]["found"] == 0


def test_detections_that_are_no_face_are_counted_and_other_faces_are_not(
    frames: list[HeldFrame],
) -> None:
    finders = {"all": Says(MAIN, OTHER), "false": Says(MAIN, MAIN + 90, MAIN - 200)}
    figures = measure(finders, frames, sure=0.8, severities=())
    assert figures["all"][CLEAN]["false"] == 0
    assert figures["false"][CLEAN]["false"] == 2
    assert figures["all"][WIPED] == {"found": None, "point_error": None, "false": 1, "sure": 1}
    assert figures["false"][WIPED]["false"] == 3


def test_sure_is_the_share_whose_best_face_scores_high(frames: list[HeldFrame]) -> None:
    sure, unsure = Says(MAIN, score=0.8), Says(MAIN, score=0.79)
    figures = measure({"sure": sure, "unsure": unsure, "none": Says()}, frames, sure=0.8)
    assert [figures[name][CLEAN]["sure"] for name in ("sure", "unsure", "none")] == [1, 0, 0]


def test_all_detectors_see_the_same_distorted_frames(frames: list[HeldFrame]) -> None:
    seen: dict[str, list[bytes]] = {"one": [], "two": []}

    def watch(name: str) -> Depends:
        def find(image: RGBImage) -> list[Detection]:
            seen[name].append(image.tobytes())
            return []

        return Depends(find)

    measure({name: watch(name) for name in seen}, frames, sure=0.8, severities=(3,))
    assert seen["one"] == seen["two"]
    assert len(set(seen["one"])) == len(frames) * (2 + len(KINDS))


def test_held_frames_come_in_the_reference_size_with_their_points() -> None:
    image = np.zeros((round(2 * REFERENCE_SIDE), 600, 3), dtype=np.uint8)
    points = MAIN * 2
    held = FrameSet(
        pixels=image.reshape(-1),
        starts=np.array([0]),
        sizes=np.array([image.shape[:2]]),
        points=points[None],
        names=("a.jpg",),
        held=np.array([True]),
        left_out=(),
    )
    (frame,) = held_frames(held, [0], PlainDetector(Says(MAIN, OTHER, OTHER - 300), 0.5))
    assert min(frame.image.shape[:2]) == REFERENCE_SIDE
    np.testing.assert_allclose(frame.main, MAIN)
    assert len(frame.others) == 2
    assert frame.name == "a.jpg"
    assert not held_frames(held, [0], PlainDetector(Says(MAIN, OTHER, score=0.4), 0.5))[0].others
