from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from steadyface.errors import DatasetLayoutError
from steadyface.training.detector_frames import LONGEST_SIDE, held_out, prepare_frames
from steadyface.training.sources import LabelledFace
from steadyface.types import Box, Detection, RGBImage


class Brightest:
    """Finds a small face amid a frame and a large one at its corner, if it is not blank."""

    model_id = "brightest"

    def __init__(self) -> None:
        self.asked = 0

    def detect(self, frames: Sequence[RGBImage], threshold: float) -> list[list[Detection]]:
        self.asked += len(frames)
        return [self._faces(frame) for frame in frames]

    def _faces(self, image: RGBImage) -> list[Detection]:
        if np.ptp(image) == 0:
            return []
        sizes = ((image.shape[1] / 2, 5.0), (0.0, 10.0))
        return [
            Detection(Box(at, at, side, side), np.full((5, 2), at, dtype=np.float32), 0.9)
            for at, side in sizes
        ]


def faces_in(folder: Path, names: Sequence[str]) -> list[LabelledFace]:
    return [LabelledFace(folder / name, "folder", None, name) for name in names]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "faces"
    made.mkdir()
    rng = np.random.default_rng(0)
    for name, size in {"a.png": (30, 40), "b.png": (1300, 650), "d.png": (21, 11)}.items():
        pixels = rng.integers(1, 256, (*size[::-1], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(made / name)
    Image.new("RGB", (8, 8)).save(made / "black.png")
    (made / "broken.png").write_bytes(b"no image")
    return made


NAMES = ("a.png", "b.png", "black.png", "broken.png", "d.png")


def test_frames_are_kept_whole_beside_their_largest_face(folder: Path, tmp_path: Path) -> None:
    frames = prepare_frames(faces_in(folder, NAMES), Brightest(), folder, tmp_path / "cache")
    assert frames.names == ("a.png", "b.png", "d.png")
    for number in (0, 2):
        stored = np.asarray(Image.open(folder / frames.names[number]))
        np.testing.assert_array_equal(frames.frame(number), stored)
    assert frames.frame(1).shape == (LONGEST_SIDE // 2, LONGEST_SIDE, 3)
    np.testing.assert_array_equal(frames.points, np.zeros((3, 5, 2)))


def test_the_points_are_those_that_many_views_agree_on(folder: Path, tmp_path: Path) -> None:
    detector = Brightest()
    faces = faces_in(folder, ["a.png"])
    plain = prepare_frames(faces, detector, folder, tmp_path / "cache")
    looks = detector.asked

    class Unsteady(Brightest):
        """Is off by a fifth of a pixel in every view but the frame itself."""

        def _faces(self, image: RGBImage) -> list[Detection]:
            off = 0.2 if image.shape[:2] != (40, 30) else 0.0
            return [
                Detection(face.box, face.landmarks + np.float32(off * image.shape[1] / 30), 0.9)
                for face in super()._faces(image)
            ]

    moved = prepare_frames(faces, Unsteady(), folder, tmp_path / "other")
    assert looks > 1
    assert 0 < np.abs(moved.points - plain.points).max() < 0.25


def test_images_left_out_are_named(folder: Path, tmp_path: Path) -> None:
    frames = prepare_frames(faces_in(folder, NAMES), Brightest(), folder, tmp_path / "cache")
    assert [error.source for error in frames.left_out] == [
        str(folder / "black.png"),
        str(folder / "broken.png"),
    ]
    assert frames.left_out[0].reason == "no face was found; leave it out or use a clearer image"
    assert frames.left_out[1].reason.startswith("not an image in a known format; ")


def test_the_same_images_are_read_once(folder: Path, tmp_path: Path) -> None:
    finder, cache = Brightest(), tmp_path / "cache"
    first = prepare_frames(faces_in(folder, NAMES), finder, folder, cache)
    asked = finder.asked
    again = prepare_frames(faces_in(folder, NAMES), finder, folder, cache)
    assert finder.asked == asked > 0
    assert again.names == first.names
    assert [str(e) for e in again.left_out] == [str(e) for e in first.left_out]
    np.testing.assert_array_equal(again.frame(2), first.frame(2))
    other = prepare_frames(faces_in(folder, NAMES[:1]), finder, folder, cache)
    assert other.names == ("a.png",)
    assert finder.asked > asked


def test_a_cache_that_was_not_finished_is_not_used(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    prepare_frames(faces_in(folder, NAMES), Brightest(), folder, cache)
    index = cache / "frames.json"
    stored = json.loads(index.read_text())
    assert stored["kept"] == [0, 1, 4]
    index.unlink()
    finder = Brightest()
    prepare_frames(faces_in(folder, NAMES), finder, folder, cache)
    assert finder.asked > 0


def test_without_any_face_the_folder_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetLayoutError) as caught:
        prepare_frames(faces_in(folder, ["black.png"]), Brightest(), folder, tmp_path / "cache")
    assert str(caught.value) == f"{folder}: no face was found in any image; give images of faces"


def test_a_part_keeps_what_belongs_together(folder: Path, tmp_path: Path) -> None:
    frames = prepare_frames(faces_in(folder, NAMES), Brightest(), folder, tmp_path / "cache")
    part = frames.part(np.array([False, True, True]))
    assert part.names == ("b.png", "d.png")
    assert len(part) == 2
    np.testing.assert_array_equal(part.frame(1), frames.frame(2))
    assert part.left_out == frames.left_out


def test_one_person_in_twenty_is_held_out_with_all_images() -> None:
    people = [LabelledFace(Path("x"), "celeba", None, str(number)) for number in range(4000)]
    assert 0.04 < np.mean([held_out(face) for face in people]) < 0.06
    other = [LabelledFace(Path("y"), "celeba", True, face.identity) for face in people]
    assert [held_out(face) for face in people] == [held_out(face) for face in other]


def test_frames_know_whether_they_are_held_out(folder: Path, tmp_path: Path) -> None:
    held, taught = (
        next(
            str(n)
            for n in range(999)
            if held_out(LabelledFace(Path(), "folder", None, str(n))) is is_held
        )
        for is_held in (True, False)
    )
    faces = [
        LabelledFace(folder / "a.png", "folder", None, held),
        LabelledFace(folder / "black.png", "folder", None, held),
        LabelledFace(folder / "d.png", "folder", None, taught),
    ]
    frames = prepare_frames(faces, Brightest(), folder, tmp_path / "cache")
    assert frames.held.tolist() == [True, False]
