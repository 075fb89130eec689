from __future__ import annotations

from typing import Any, cast

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from steadyface.models.catalog import Preprocessing, load_catalog
from steadyface.models.session import OnnxSession
from steadyface.models.store import default_store
from steadyface.models.yunet import STRIDES, YuNetDetector, suppress
from steadyface.types import Box, Detection, RGBImage

POINTS = np.zeros((5, 2), dtype=np.float32)


def frame(height: int, width: int, seed: int = 0) -> RGBImage:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


# --- decoding, by a network that sees what it is told to ------------------------------------------


class FakeSession:
    """Sees faces in cells: (frame of the batch, stride, row, column) -> numbers of the cell."""

    def __init__(self, cells: dict[tuple[int, int, int, int], dict[str, Any]]) -> None:
        self.cells = cells
        self.batch: NDArray[np.float32] = np.zeros(0, dtype=np.float32)

    def run(self, batch: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        self.batch = batch
        n, _, height, width = batch.shape
        outputs = {}
        for stride in STRIDES:
            rows, columns = height // stride, width // stride
            for name, depth in {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}.items():
                grid = np.zeros((n, rows, columns, depth), dtype=np.float32)
                for (index, of_stride, row, column), numbers in self.cells.items():
                    if of_stride == stride:
                        grid[index, row, column] = numbers[name]
                outputs[f"{name}_{stride}"] = grid.reshape(n, -1, depth)
        return outputs


CELL = {
    "cls": 0.9,
    "obj": 0.4,
    "bbox": (0.5, 0.25, np.log(2), np.log(3)),
    "kps": np.arange(10) / 10,
}


def detector_of(session: FakeSession, max_side: int = 640) -> YuNetDetector:
    recipe = Preprocessing("BGR", (0, 0, 0), (1, 1, 1))
    return YuNetDetector(cast(OnnxSession, session), recipe, model_id="fake", max_side=max_side)


@pytest.mark.parametrize("stride", STRIDES)
def test_cell_is_decoded_as_published(stride: int) -> None:
    session = FakeSession({(0, stride, 1, 2): CELL})
    ((face,),) = detector_of(session).detect([frame(96, 160)], 0.5)
    # centre (2 + 0.5, 1 + 0.25) cells, extent (2, 3) cells
    expected = np.array([2.5 - 1, 1.25 - 1.5, 2, 3]) * stride
    box = face.box
    assert [box.x, box.y, box.width, box.height] == pytest.approx(expected.tolist(), rel=1e-6)
    points = (np.arange(10).reshape(5, 2) / 10 + [2, 1]) * stride
    np.testing.assert_allclose(face.landmarks, points, rtol=1e-6)
    assert face.landmarks.dtype == np.float32
    assert face.score == pytest.approx(0.6)
    assert face.view == "raw"


def test_faces_go_to_their_frame_of_the_batch() -> None:
    session = FakeSession({(0, 8, 0, 0): CELL, (2, 32, 1, 1): CELL})
    found = detector_of(session).detect([frame(64, 64, seed) for seed in range(3)], 0.5)
    assert [[face.box.width for face in faces] for faces in found] == [[16.0], [], [64.0]]


def test_score_at_the_threshold_is_a_face_and_below_it_none() -> None:
    session = FakeSession({(0, 8, 0, 0): CELL | {"cls": 1.0, "obj": 0.25}})
    assert len(detector_of(session).detect([frame(32, 32)], 0.5)[0]) == 1
    assert detector_of(session).detect([frame(32, 32)], 0.5001) == [[]]


@pytest.mark.parametrize(("cls", "obj", "score"), [(1.7, 1.2, 1.0), (1.5, 0.25, 0.5)])
def test_scores_are_clipped_to_one(cls: float, obj: float, score: float) -> None:
    session = FakeSession({(0, 8, 0, 0): CELL | {"cls": cls, "obj": obj}})
    assert detector_of(session).detect([frame(32, 32)], 0.4)[0][0].score == pytest.approx(score)


def test_overlapping_sightings_are_one_face_the_best() -> None:
    weak = CELL | {"cls": 0.8}
    session = FakeSession({(0, 8, 2, 2): weak, (0, 8, 2, 3): CELL, (0, 8, 2, 10): weak})
    found = detector_of(session).detect([frame(96, 96)], 0.3)[0]
    assert [face.box.x for face in found] == [20.0, 76.0]
    assert [face.score for face in found] == pytest.approx([0.6, 0.32**0.5])


@pytest.mark.parametrize(
    ("height", "width", "padded"),
    [(32, 64, (32, 64)), (33, 65, (64, 96)), (1, 1, (32, 32)), (250, 250, (256, 256))],
)
def test_frames_are_padded_with_black_at_the_right_and_below(
    height: int, width: int, padded: tuple[int, int]
) -> None:
    session = FakeSession({})
    image = frame(height, width)
    assert detector_of(session).detect([image], 0.5) == [[]]
    assert session.batch.shape == (1, 3, *padded)
    inside = session.batch[0].transpose(1, 2, 0)[:height, :width, ::-1]
    np.testing.assert_array_equal(inside, image)
    assert session.batch.sum(dtype=np.float64) == image.sum()


@pytest.mark.parametrize(
    ("height", "width", "shrunk"),
    [(200, 400, (32, 64)), (401, 200, (64, 32)), (1000, 3, (64, 1)), (7, 300, (1, 64))],
)
def test_large_frames_are_shrunk_and_faces_mapped_back(
    height: int, width: int, shrunk: tuple[int, int]
) -> None:
    session = FakeSession({(0, 8, 1, 2): CELL})
    ((face,),) = detector_of(session, max_side=64).detect([frame(height, width)], 0.5)
    assert session.batch.shape[2:] == tuple(-(-side // 32) * 32 for side in shrunk)
    across, down = width / shrunk[1], height / shrunk[0]
    box = face.box
    expected = [12.0 * across, -2.0 * down, 16.0 * across, 24.0 * down]
    assert [box.x, box.y, box.width, box.height] == pytest.approx(expected, rel=1e-5)
    points = (np.arange(10).reshape(5, 2) / 10 + [2, 1]) * 8 * [across, down]
    np.testing.assert_allclose(face.landmarks, points, rtol=1e-5)


def test_frames_up_to_the_limit_keep_their_pixels() -> None:
    session = FakeSession({})
    image = frame(64, 32)
    detector_of(session, max_side=64).detect([image], 0.5)
    np.testing.assert_array_equal(session.batch[0].transpose(1, 2, 0)[..., ::-1], image)


# --- overlaps -------------------------------------------------------------------------------------

#: Whole numbers, so that no overlap comes near the odd limit that the tests use.
BOXES = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 12), st.integers(1, 12)),
    max_size=12,
)
LIMIT = 0.3000123


def faces_of(boxes: list[tuple[int, int, int, int]]) -> list[Detection]:
    """Detections with scores that are all different, in no order."""
    scores = np.random.default_rng(len(boxes)).permutation(len(boxes)) + 1
    return [
        Detection(Box(*map(float, box)), POINTS, float(score) / 100)
        for box, score in zip(boxes, scores, strict=True)
    ]


@given(BOXES)
def test_suppress_keeps_what_opencv_keeps(boxes: list[tuple[int, int, int, int]]) -> None:
    faces = faces_of(boxes)
    rectangles = [list(map(float, box)) for box in boxes]
    expected = cv2.dnn.NMSBoxes(rectangles, [face.score for face in faces], 0.0, LIMIT)
    assert suppress(faces, LIMIT) == [faces[i] for i in np.asarray(expected, dtype=int).ravel()]


@given(BOXES)
def test_suppress_does_not_depend_on_order_and_is_final(
    boxes: list[tuple[int, int, int, int]],
) -> None:
    faces = faces_of(boxes)
    kept = suppress(faces)
    assert [face.score for face in kept] == sorted((face.score for face in kept), reverse=True)
    assert suppress(faces[::-1]) == kept
    assert suppress(kept) == kept


def test_overlap_of_just_the_limit_is_kept() -> None:
    faces = [Detection(Box(x, 0, 10, 10), POINTS, 0.9 - x / 100) for x in (0.0, 5.0)]
    assert len(suppress(faces, 1 / 3)) == 2  # 50 of 150 square pixels
    assert len(suppress(faces, 0.333)) == 1


# --- the real detector ----------------------------------------------------------------------------


def theirs(image: RGBImage, threshold: float = 0.5) -> list[Detection]:
    """The faces as OpenCV's own implementation finds them."""
    catalog = load_catalog()
    weights = default_store().ensure(catalog.weight_file(catalog.model("yunet-base").weights))
    size = image.shape[1], image.shape[0]
    detector = cv2.FaceDetectorYN.create(str(weights), "", size, threshold, 0.3, 5000)
    _, rows = detector.detect(np.ascontiguousarray(image[..., ::-1]))
    return [
        Detection(Box(*map(float, row[:4])), row[4:14].reshape(5, 2), float(row[14]))
        for row in (rows if rows is not None else [])
    ]


def corners(face: Detection) -> list[float]:
    box = face.box
    return [box.x, box.y, box.x + box.width, box.y + box.height]


def same(ours: Detection, other: Detection, pixels: float) -> None:
    assert corners(ours) == pytest.approx(corners(other), abs=pixels)
    np.testing.assert_allclose(ours.landmarks, other.landmarks, atol=pixels)
    assert ours.score == pytest.approx(other.score, abs=0.01)


@pytest.fixture(scope="module")
def group(photos: list[RGBImage]) -> RGBImage:
    """Six faces in one frame whose sides are no multiples of 32."""
    rows = [np.hstack(photos[start : start + 3]) for start in (0, 3)]
    return np.ascontiguousarray(np.vstack(rows)[5:, :-9])


@pytest.mark.models
def test_faces_are_those_of_opencvs_detector(
    photos: list[RGBImage], group: RGBImage, detector: YuNetDetector
) -> None:
    for image in (*photos, photos[0][3:, :-21], group):
        ours, expected = detector.detect([image], 0.5)[0], theirs(image)
        assert len(ours) == len(expected) >= 1
        for one, other in zip(ours, expected, strict=True):
            same(one, other, pixels=1.0)
    assert len(detector.detect([group], 0.5)[0]) == 6


@pytest.mark.models
def test_batch_finds_what_one_by_one_finds(photos: list[RGBImage], detector: YuNetDetector) -> None:
    frames = [photos[0], np.zeros_like(photos[0]), *photos[1:5]]
    together = detector.detect(frames, 0.5)
    assert together[1] == []
    for image, faces in zip(frames, together, strict=True):
        alone = detector.detect([image], 0.5)[0]
        assert len(faces) == len(alone)
        for one, other in zip(faces, alone, strict=True):
            same(one, other, pixels=0.01)


@pytest.mark.models
@pytest.mark.parametrize(("left", "top"), [(0, 0), (700, 400), (1400, 750)])
def test_faces_in_large_frames_come_in_pixels_of_the_frame(
    photos: list[RGBImage], detector: YuNetDetector, left: int, top: int
) -> None:
    side = 3 * photos[0].shape[0]
    image = np.full((1333, 2001, 3), 90, dtype=np.uint8)
    image[top : top + side, left : left + side] = cv2.resize(photos[0], (side, side))
    (ours,), (small,) = detector.detect([image], 0.5)[0], detector.detect([photos[0]], 0.5)[0]
    expected = 3 * small.landmarks + [left, top]
    np.testing.assert_allclose(ours.landmarks, expected, atol=0.1 * ours.box.width)


@pytest.mark.models
@pytest.mark.parametrize("shape", [(1, 1), (1, 2000), (3000, 2), (31, 33)])
@pytest.mark.parametrize("value", [0, 255])
def test_frames_without_room_for_a_face(
    detector: YuNetDetector, shape: tuple[int, int], value: int
) -> None:
    assert detector.detect([np.full((*shape, 3), value, dtype=np.uint8)], 0.5) == [[]]
