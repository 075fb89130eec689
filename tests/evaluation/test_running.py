from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from steadyface.errors import NoFaceError, NotAnImageError, SteadyfaceError
from steadyface.evaluation.embedding import (
    Outcome,
    detection_counts,
    embeddings_of,
    failures_of,
    run_all,
)
from steadyface.imaging.decode import decode
from steadyface.imaging.geometry import CROP_LANDMARKS, CROP_SIZE
from steadyface.models.face_network import NetworkOutput
from steadyface.pipeline import Analyzer
from steadyface.types import Box, Detection, Embedding, Face, RGBImage

Colours = Callable[..., Analyzer]
Paint = Callable[..., Path]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class FakeNetwork:
    model_id = "fake"

    def run(self, crops: Sequence[RGBImage]) -> NetworkOutput:
        return NetworkOutput(np.ones((len(crops), 1), dtype=np.float32), None)


def outcome(name: str, *vector: float, error: SteadyfaceError | None = None) -> Outcome:
    if error is not None:
        return Outcome(name, None, error)
    embedding = Embedding(np.array(vector, dtype=np.float32), "m")
    return Outcome(name, Face("assumed", Box(0, 0, 1, 1), None, None, None, embedding, None), None)


def broken(name: str) -> Outcome:
    return outcome(name, error=NotAnImageError(name, "not: an image"))


def test_every_item_has_its_outcome_in_order(
    tmp_path: Path, colours: Colours, paint: Paint, paint_black: Paint, break_image: Paint
) -> None:
    files = [
        paint(tmp_path / "a.png"),
        break_image(tmp_path / "b.png"),
        paint_black(tmp_path / "c.png"),
        paint(tmp_path / "d.png", degrees=90),
    ]
    analyzer = colours(detection="require")
    outcomes = run_all(analyzer, files, load=decode, name=lambda f: f.name, label="x")
    assert [o.source for o in outcomes] == ["a.png", "b.png", "c.png", "d.png"]
    assert [o.detection for o in outcomes] == ["found", "undecodable", "undetected", "found"]
    vectors = embeddings_of(outcomes)
    assert np.isnan(vectors[1:3]).all()
    np.testing.assert_allclose(vectors[[0, 3]], [[1, 0], [0, 1]], atol=1e-6)
    assert vectors.dtype == np.float32


class TwoFaces:
    """Sees the whole image as a face, and its left half as another."""

    def find(self, image: RGBImage) -> list[Detection]:
        height, width = image.shape[:2]
        small = Detection(Box(0, 0, width / 2, height), CROP_LANDMARKS, 0.95)
        return [small, Detection(Box(0, 0, width, height), CROP_LANDMARKS, 0.9)]


def test_the_largest_face_of_an_image_counts(tmp_path: Path, paint: Paint) -> None:
    everyone = Analyzer(TwoFaces(), FakeNetwork(), faces="all")
    file = paint(tmp_path / "a.png")
    (found,) = run_all(everyone, [file], load=decode, name=str, label="x")
    assert found.face is not None
    assert found.face.box.width == CROP_SIZE


@pytest.mark.parametrize("on_a_terminal", [True, False])
def test_progress_shows_on_a_terminal_and_not_in_a_pipe(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    colours: Colours,
    paint: Paint,
    on_a_terminal: bool,
) -> None:
    stream = Terminal() if on_a_terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    files = [paint(tmp_path / f"{i}.png") for i in range(3)]
    run_all(colours(), files, load=decode, name=str, label="probes")
    shown = stream.getvalue()
    assert ("probes" in shown and "3/3" in shown) if on_a_terminal else shown == ""


def test_embeddings_of_nobody_have_the_length_that_is_asked_for() -> None:
    lost = [broken("a"), broken("b")]
    assert embeddings_of(lost, 7).shape == (2, 7)
    assert np.isnan(embeddings_of(lost)).all()
    assert embeddings_of([], 7).shape == (0, 7)
    assert embeddings_of([broken("a"), outcome("b", 0, 0, 1)]).shape == (2, 3)


def test_detections_are_counted_with_the_failures() -> None:
    lost = outcome("c", error=NoFaceError("c", "none"))
    counts = detection_counts([outcome("a", 1), broken("b"), lost, outcome("d", 1)])
    assert counts == {
        "found": 0,
        "rescued": 0,
        "assumed": 2,
        "skipped": 0,
        "undetected": 1,
        "undecodable": 1,
    }


def test_failures_are_named_once_each_with_the_reason_alone() -> None:
    other = outcome("a", error=NoFaceError("a", "none"))
    no_image_error = outcome("c", error=SteadyfaceError("c: whole message"))
    assert failures_of([broken("a"), outcome("b", 1), broken("a"), other, no_image_error]) == [
        {"source": "a", "what": "undecodable", "reason": "not: an image"},
        {"source": "a", "what": "undetected", "reason": "none"},
        {"source": "c", "what": "undecodable", "reason": "c: whole message"},
    ]
