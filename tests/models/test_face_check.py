"""The packaged face check on the sample identities and on what is no face."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest

from steadyface.distortions import KINDS, apply, rng_for
from steadyface.imaging.decode import decode
from steadyface.models.catalog import load_catalog
from steadyface.models.defaults import load_detector, load_face_check
from steadyface.models.face_check import CHECK_FRAMING, FaceCheck, check_crop, log_odds
from steadyface.models.search import SURE_P_FACE
from steadyface.models.session import OnnxSession
from steadyface.models.turns import turned, turned_back
from steadyface.types import Box, Detection, FloatArray, RGBImage


@pytest.fixture(scope="module")
def check() -> FaceCheck:
    return load_face_check()


@pytest.fixture(scope="module")
def portraits(identities: Path) -> list[tuple[RGBImage, Detection]]:
    detector = load_detector("yunet-steady-1")
    photos = [decode(file) for file in sorted(identities.rglob("*_0001.jpg"))]
    return [(photo, detector.detect([photo], 0.5)[0][0]) for photo in photos]


def told(check: FaceCheck, image: RGBImage, *points: FloatArray) -> FloatArray:
    box = Box(0, 0, 1, 1)
    return check.probabilities(image, [Detection(box, p.astype(np.float32), 0.9) for p in points])


def test_sample_faces_are_faces(
    check: FaceCheck, portraits: list[tuple[RGBImage, Detection]]
) -> None:
    assert min(float(told(check, photo, f.landmarks)[0]) for photo, f in portraits) > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_distorted_sample_faces_are_faces(
    check: FaceCheck, portraits: list[tuple[RGBImage, Detection]], kind: str
) -> None:
    shown = [
        (apply(photo, kind, 3, rng_for(number, kind)), f.landmarks)
        for number, (photo, f) in enumerate(portraits)
    ]
    believed = [float(told(check, photo, points)[0]) for photo, points in shown]
    assert np.mean([p >= 0.5 for p in believed]) > 0.9


def test_a_face_framed_upside_down_is_never_sure_and_one_turned_upright_is(
    check: FaceCheck, portraits: list[tuple[RGBImage, Detection]]
) -> None:
    wrong, right = [], []
    for photo, face in portraits:
        upside_down, back = turned(photo, 180)
        wrong.append(float(told(check, upside_down, face.landmarks)[0]))
        there = turned_back(face, back, 180).landmarks
        right.append(float(told(check, upside_down, there)[0]))
    assert np.mean(wrong) < 0.3
    assert max(wrong) < SURE_P_FACE < min(right)


def test_negatives_and_backgrounds_are_no_faces(
    check: FaceCheck, portraits: list[tuple[RGBImage, Detection]]
) -> None:
    rng = np.random.default_rng(0)
    for photo, face in portraits:
        assert told(check, np.asarray(255 - photo, dtype=np.uint8), face.landmarks)[0] < 0.5
        noise = rng.integers(0, 256, photo.shape).astype(np.uint8)
        flat = np.full_like(photo, int(rng.integers(256)))
        for nothing in (noise, flat):
            assert told(check, nothing, face.landmarks)[0] < 0.5


def test_many_detections_are_told_one_by_one(
    check: FaceCheck, portraits: list[tuple[RGBImage, Detection]]
) -> None:
    photo, face = portraits[0]
    points = [
        face.landmarks + np.array([shift, 0], dtype=np.float32) for shift in np.linspace(0, 60, 150)
    ]
    together = told(check, photo, *points)
    assert together.shape == (150,)
    apart = [float(told(check, photo, p)[0]) for p in points[::30]]
    np.testing.assert_allclose(together[::30], apart, atol=1e-4)
    assert together[0] > 0.9
    assert together[-1] < 0.5


def test_eyes_that_coincide_are_no_face(check: FaceCheck) -> None:
    image = np.zeros((50, 50, 3), dtype=np.uint8)
    assert told(check, image, np.full((5, 2), 20.0)).tolist() == [0.0]
    assert check.probabilities(image, []).shape == (0,)


def test_the_crop_shows_the_points_where_they_belong() -> None:
    image = np.zeros((200, 200, 3), dtype=np.uint8)
    points = np.array([[80, 80], [120, 80], [100, 100], [85, 125], [115, 125]], dtype=np.float32)
    image[78:83, 78:83] = 255
    crop = check_crop(image, points)
    assert crop.shape == (CHECK_FRAMING.size, CHECK_FRAMING.size, 3)
    row, column = np.unravel_index(int(crop[..., 0].argmax()), crop.shape[:2])
    np.testing.assert_allclose((column, row), CHECK_FRAMING.landmarks[0], atol=2)


@pytest.mark.parametrize("evidence", [(1.0, 0.0, 0.0), (0.8, 0.6, -1.0)])
def test_the_detectors_score_counts_as_the_catalog_says(
    portraits: list[tuple[RGBImage, Detection]], evidence: tuple[float, float, float]
) -> None:
    class Half:
        def run(self, batch: FloatArray) -> dict[str, FloatArray]:
            return {"p_face": np.full(len(batch), 0.7, dtype=np.float32)}

    recipe = load_catalog().default("face-check").preprocessing
    check = FaceCheck(cast(OnnxSession, Half()), recipe, model_id="half", evidence=evidence)
    photo, face = portraits[0]
    told = check.probabilities(photo, [face])[0]
    odds = evidence[0] * log_odds(0.7) + evidence[1] * log_odds(face.score) + evidence[2]
    assert told == pytest.approx(1 / (1 + np.exp(-odds)), abs=1e-6)


def test_log_odds_take_nothing_for_certain() -> None:
    assert np.isfinite(log_odds([0.0, 1.0])).all()
    np.testing.assert_allclose(log_odds([0.5, 0.9]), [0.0, np.log(9)])
