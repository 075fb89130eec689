from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from scipy.special import expit

from steadyface.errors import ModelError
from steadyface.imaging.geometry import eye_distance
from steadyface.models.defaults import load_detector
from steadyface.models.face_check import CHECK_FRAMING
from steadyface.models.session import OnnxSession
from steadyface.training.detector_frames import FrameSet, prepare_frames, prepare_photos
from steadyface.training.face_check_network import FaceCheckNetwork, face_check_graph, halved
from steadyface.training.face_check_pool import (
    KINDS,
    Sources,
    anywhere,
    crops_of,
    edge_drawing,
    misplaced,
    occluded,
    prepare_pool,
    shaken,
    turned,
    upright,
)
from steadyface.training.sources import LabelledFace
from steadyface.training.train_face_check import (
    Crops,
    FaceCheckRecipe,
    fitted_evidence,
    fitted_temperature,
    held_out_figures,
    train_face_check,
)
from steadyface.types import Detection, RGBImage

POINTS = np.array([[80, 100], [120, 100], [100, 122], [85, 144], [115, 144]], dtype=np.float32)


@pytest.fixture(scope="module")
def sources(identities: Path, tmp_path_factory: pytest.TempPathFactory) -> Sources:
    cache = tmp_path_factory.mktemp("frames")
    files = sorted(identities.rglob("*_0001.jpg"))[:6]
    faces = [LabelledFace(file, "samples", None, file.stem) for file in files]
    frames = prepare_frames(faces, load_detector("yunet-steady-1"), identities, cache / "faces")
    empty = cache / "empty"
    empty.mkdir()
    from PIL import Image

    rng = np.random.default_rng(0)
    for number in range(3):
        Image.fromarray(rng.integers(0, 256, (90, 120, 3)).astype(np.uint8)).save(
            empty / f"{number}.png"
        )
    photos = prepare_photos(identities, cache / "photos")
    backgrounds = prepare_photos(empty, cache / "backgrounds")
    return Sources(frames, photos, backgrounds, photos, backgrounds)


class Sees:
    """Proposes the same faces in every frame."""

    model_id = "sees"

    def __init__(self, *faces: Detection) -> None:
        self.faces = faces

    def detect(self, frames: Sequence[RGBImage], threshold: float) -> list[list[Detection]]:
        return [list(self.faces) for _ in frames]


def test_every_kind_of_window_gives_crops_and_only_known_faces_are_faces(
    sources: Sources,
) -> None:
    detectors = [load_detector("yunet-steady-1")]
    seen = {}
    for kind in KINDS:
        labelled = [
            one
            for number in range(8)
            for one in crops_of(kind, sources, detectors, np.random.default_rng(number))
        ]
        assert all(crop.shape == (64, 64, 3) for crop, _, _ in labelled), kind
        seen[kind] = {face for _, face, _ in labelled}
    assert True in seen["face"] and True in seen["turned"] and True in seen["photo"]
    for kind in ("negative", "edges", "background", "made", "drawing"):
        assert seen[kind] == {False}, kind


def test_a_pool_is_kept_and_comes_from_its_seed_alone(sources: Sources, tmp_path: Path) -> None:
    first = prepare_pool(sources, tmp_path / "a", share=0.0005, workers=2)
    again = prepare_pool(sources, tmp_path / "b", share=0.0005, workers=1)
    np.testing.assert_array_equal(first.crops, again.crops)
    np.testing.assert_array_equal(first.face, again.face)
    stamp = (tmp_path / "a" / "crops.bin").stat().st_mtime_ns
    prepare_pool(sources, tmp_path / "a", share=0.0005)
    assert (tmp_path / "a" / "crops.bin").stat().st_mtime_ns == stamp
    assert len(first.crops) == len(first.face) == len(first.kind) == len(first.score)


def test_held_out_windows_are_of_photographs_that_no_other_is_of(sources: Sources) -> None:
    frames: set[int] = set()

    class Noting(FrameSet):
        def frame(self, index: int) -> RGBImage:
            frames.add(index)
            return super().frame(index)

    faces = sources.faces
    noting = Noting(faces.pixels, faces.starts, faces.sizes, faces.points, faces.names, faces.held)
    seen = []
    for held in (True, False):
        frames.clear()
        for number in range(30):
            rng = np.random.default_rng(number)
            crops_of("face", Sources(noting), [Sees()], rng, held=held)
        seen.append(set(frames))
    assert seen[0] and seen[1] and not seen[0] & seen[1]


def test_framings_that_miss_the_face_do() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        near = np.linalg.norm(shaken(POINTS, rng) - POINTS, axis=1).mean() / 40
        away = np.linalg.norm(misplaced(POINTS, rng) - POINTS, axis=1).mean() / 40
        assert near < 0.3 < away
        assert eye_distance(upright(POINTS, rng)) == pytest.approx(40, rel=0.5)
        assert eye_distance(anywhere((200, 300), rng)) >= 5.9


def test_turning_takes_the_points_along(identities: Path) -> None:
    frame = np.zeros((250, 220, 3), dtype=np.uint8)
    frame[98:103, 78:83] = 255
    moved, there = turned(frame, POINTS, 90.0)
    x, y = (round(float(v)) for v in there[0])
    assert moved[y, x, 0] > 200
    np.testing.assert_allclose(there.mean(axis=0), POINTS.mean(axis=0), atol=1e-3)


def test_what_is_before_a_face_covers_some_of_it_and_nothing_of_the_source() -> None:
    frame = np.full((250, 220, 3), 90, dtype=np.uint8)
    kept = frame.copy()
    shares = []
    for seed in range(20):
        covered = occluded(frame, POINTS, np.random.default_rng(seed))
        shares.append((covered != frame).any(axis=2).mean())
    assert min(shares) > 0.005 and max(shares) < 0.9
    np.testing.assert_array_equal(frame, kept)


def test_an_edge_drawing_is_grey_and_shows_edges() -> None:
    frame = np.full((100, 100, 3), 40, dtype=np.uint8)
    frame[:, 50:] = 220
    for seed in range(8):
        drawn = edge_drawing(frame, np.random.default_rng(seed))
        assert (drawn[..., 0] == drawn[..., 2]).all()
        line, flat = drawn[:, 44:56, 0].astype(float), drawn[:, 10:30, 0].astype(float)
        assert abs(line - flat.mean()).max() > 50


def test_faces_and_others_are_drawn_alike_often_and_held_ones_never(
    sources: Sources, tmp_path: Path
) -> None:
    pool = prepare_pool(sources, tmp_path, share=0.001)
    crops = Crops(pool, 0, 0, 40)
    faces = [float(crops[number][1]) for number in range(40)]
    assert np.mean(faces) == 0.5
    first, again = crops[7][0], Crops(pool, 0, 0, 40)[7][0]
    assert torch.equal(first, again)
    assert float(first.min()) >= 0 and float(first.max()) <= 255


def test_torch_and_onnx_agree_and_a_difference_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = halved(FaceCheckNetwork()).eval()
    pixels = torch.rand(5, 3, CHECK_FRAMING.size, CHECK_FRAMING.size) * 255
    graph = face_check_graph(network, 1.7)
    onnx.checker.check_model(graph)
    said = OnnxSession(graph.SerializeToString()).run(pixels.numpy())["p_face"]
    with torch.no_grad():
        expected = torch.sigmoid(network(pixels) / 1.7).numpy()
    np.testing.assert_allclose(said, expected, atol=1e-4)
    assert np.ptp(said) > 0 and said.shape == (5,)
    from steadyface.training import face_check_network

    monkeypatch.setattr(face_check_network, "PARITY", -1.0)
    crops = np.zeros((2, 64, 64, 3), dtype=np.uint8)
    with pytest.raises(ModelError, match="not exported"):
        face_check_network.write_face_check(network, 1.7, crops, Path("nowhere.onnx"))


def test_the_temperature_is_found_again() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(0, 2, 20_000)
    face = rng.random(20_000) < expit(true)
    assert fitted_temperature(true * 2.5, face) == pytest.approx(2.5, rel=0.1)


def test_evidence_is_weighed_as_it_was_made() -> None:
    rng = np.random.default_rng(0)
    face = rng.random(40_000) < 0.5
    check = rng.normal(np.where(face, 1.0, -1.0), 1.0)  # log odds of the label: 2 x
    score = expit(rng.normal(np.where(face, 0.5, -0.5), 1.0))  # log odds: 1 x
    score[::5] = np.nan
    weights = fitted_evidence(check, score, face)
    np.testing.assert_allclose(weights, (2.0, 1.0, 0.0), atol=0.1)


def test_figures_say_who_was_told_wrongly() -> None:
    logits = np.array([3.0, -1.0, -3.0, 2.0])
    face = np.array([True, True, False, False])
    figures = held_out_figures(logits, face, np.array([0, 0, 5, 5]))
    assert figures["by_kind"]["face"]["faces_refused"] == 0.5
    assert figures["by_kind"]["background"]["others_accepted"] == 0.5
    assert figures["by_kind"]["made"]["faces_refused"] is None
    assert figures["roc_auc"] == 0.75


@pytest.mark.slow
def test_a_short_run_is_exported_measured_and_gone_on_with(
    sources: Sources, tmp_path: Path
) -> None:
    recipe = FaceCheckRecipe(steps=3, batch=8, warmup=1, share=0.002)
    file = train_face_check(sources, tmp_path, recipe)
    crops = np.zeros((2, 3, 64, 64), dtype=np.float32)
    assert OnnxSession(file.read_bytes()).run(crops)["p_face"].shape == (2,)
    assert (tmp_path / "face-check.json").is_file()
    before = file.read_bytes()
    assert train_face_check(sources, tmp_path, recipe).read_bytes() == before
