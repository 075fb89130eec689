from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from steadyface.errors import ImageNotFoundError, NoFaceError, UnknownModelError, UsageError
from steadyface.imaging.geometry import CROP_LANDMARKS
from steadyface.models.face_network import NetworkOutput
from steadyface.pipeline import Analyzer, estimate_gender
from steadyface.types import Box, Detection, DistortionEstimate, FaceChoice, RGBImage

POINTS = np.array([[10, 10], [30, 10], [20, 20], [12, 30], [28, 30]], dtype=np.float32)


def detection(side: float = 40.0, view: str = "raw", points: object = None) -> Detection:
    landmarks = POINTS if points is None else np.asarray(points, dtype=np.float32)
    return Detection(Box(0, 0, side, side), landmarks, 0.9, view)


class FakeFinder:
    """Finds what it was told to, except in black images."""

    def __init__(self, faces: list[Detection]) -> None:
        self.faces = faces

    def find(self, image: RGBImage) -> list[Detection]:
        return self.faces if image.any() else []


class FakeNetwork:
    """Embeds a crop as its mean brightness, and records the batches."""

    model_id = "fake"

    def __init__(self) -> None:
        self.batches: list[int] = []

    def run(self, crops: Sequence[RGBImage]) -> NetworkOutput:
        self.batches.append(len(crops))
        means = np.array([[crop.mean(), 1.0] for crop in crops], dtype=np.float32)
        return NetworkOutput(means, np.linspace(0.1, 0.9, len(crops)).astype(np.float32))


def grey(value: int = 100) -> RGBImage:
    return np.full((60, 60, 3), value, dtype=np.uint8)


def test_largest_face_is_the_default_and_all_come_largest_first() -> None:
    finder = FakeFinder([detection(20), detection(40), detection(30)])
    largest = Analyzer(finder, FakeNetwork()).analyze(grey())
    assert [face.box.width for face in largest] == [40]
    everyone = Analyzer(finder, FakeNetwork(), faces="all").analyze(grey())
    assert [face.box.width for face in everyone] == [40, 30, 20]


@pytest.mark.parametrize("choice", ["largest", "central"])
def test_a_doubtful_face_never_beats_a_clear_one(choice: FaceChoice) -> None:
    clear = replace(detection(20), score=0.9, p_face=0.99)
    for doubtful in (
        replace(detection(60), score=0.6, p_face=0.99),
        replace(detection(60), score=0.9, p_face=0.6),
    ):
        analyzer = Analyzer(FakeFinder([doubtful, clear]), FakeNetwork(), faces=choice)
        assert [face.box.width for face in analyzer.analyze(grey())] == [20]
    nearly = replace(detection(60), score=0.85, p_face=0.95)
    faces = Analyzer(FakeFinder([clear, nearly]), FakeNetwork(), faces=choice).analyze(grey())
    assert [(face.box.width, face.p_face) for face in faces] == [(60, 0.95)]


def test_the_least_face_is_for_detectors_of_the_catalog() -> None:
    with pytest.raises(UsageError, match="min_face is 0: give 1 pixel or more"):
        Analyzer(min_face=0)
    with pytest.raises(UsageError, match="beside a detector of your own"):
        Analyzer(FakeFinder([]), min_face=20)


def test_the_result_says_how_the_face_was_come_by() -> None:
    finder = FakeFinder([detection(view="smoothed")])
    black = grey(0)
    rescued = Analyzer(finder, FakeNetwork()).analyze(grey())[0]
    assert (rescued.detection, rescued.view, rescued.score) == ("rescued", "smoothed", 0.9)
    found = Analyzer(FakeFinder([detection()]), FakeNetwork()).analyze(grey())[0]
    assert (found.detection, found.view) == ("found", "raw")
    assumed = Analyzer(finder, FakeNetwork()).analyze(black)[0]
    assert (assumed.detection, assumed.view, assumed.landmarks) == ("assumed", None, None)
    skipped = Analyzer(finder, FakeNetwork(), detection="skip").analyze(grey())[0]
    assert (skipped.detection, skipped.score) == ("skipped", None)


class TellingNetwork(FakeNetwork):
    """Also tells quality and distortion, which differ by crop."""

    def run(self, crops: Sequence[RGBImage]) -> NetworkOutput:
        rows: list[list[float]] = [[0.75, 0.25, 0.0], [0.125, 0.25, 0.625]]
        return replace(
            super().run(crops),
            quality=np.array([0.9, 0.4], dtype=np.float32),
            distortion=np.array(rows, dtype=np.float32),
            distortion_labels=("clean", "foggy", "noisy"),
            strength=np.array([0.0, 0.5], dtype=np.float32),
        )


def test_quality_and_distortion_are_those_of_the_face() -> None:
    finder = FakeFinder([detection(side, points=POINTS + 60) for side in (40, 20)])
    frame = np.full((200, 200, 3), 100, dtype=np.uint8)
    faces = Analyzer(finder, TellingNetwork(), faces="all").analyze(frame)
    assert [face.quality for face in faces] == [pytest.approx(0.9), pytest.approx(0.4)]
    assert [face.distortion for face in faces] == [
        DistortionEstimate("clean", 0.75, 0.0),
        DistortionEstimate("noisy", 0.625, 0.5),
    ]
    silent = Analyzer(finder, FakeNetwork()).analyze(grey())[0]
    assert (silent.quality, silent.distortion) == (None, None)


def test_no_face_where_one_is_required() -> None:
    analyzer = Analyzer(FakeFinder([]), FakeNetwork(), detection="require")
    with pytest.raises(NoFaceError) as caught:
        analyzer.analyze(grey())
    assert str(caught.value) == (
        "<array>: no face was found; use a clearer image, or detection 'skip' if it is a face crop"
    )


def test_a_face_too_small_to_align_is_not_a_face() -> None:
    tiny = detection(points=POINTS / 100)
    result = Analyzer(FakeFinder([tiny]), FakeNetwork()).analyze(grey())
    assert result[0].detection == "assumed"


def test_a_batch_loses_nothing_and_keeps_its_order(tmp_path: Path) -> None:
    inputs: list[RGBImage | Path] = [grey(i + 1) for i in range(50)]
    for position in (0, 17, 49):
        inputs[position] = tmp_path / f"missing{position}.jpg"
    analyzer = Analyzer(FakeFinder([]), FakeNetwork())
    results = list(analyzer.analyze_many(inputs, batch_size=8))
    assert len(results) == 50
    failed = [i for i, r in enumerate(results) if r.error is not None]
    assert failed == [0, 17, 49]
    assert all(isinstance(results[i].error, ImageNotFoundError) for i in failed)
    brightness = [r.faces[0].embedding.vector[0] for r in results if r.faces]
    assert brightness == [i + 1 for i in range(50) if i not in failed]


def test_batches_hold_batch_size_crops() -> None:
    network = FakeNetwork()
    analyzer = Analyzer(FakeFinder([]), network)
    assert len(list(analyzer.analyze_many([grey()] * 20, batch_size=8))) == 20
    assert network.batches == [8, 8, 4]


def test_inputs_are_read_only_a_little_ahead_and_threads_end() -> None:
    taken: list[int] = []

    def endless() -> object:
        for i in range(10_000):
            taken.append(i)
            yield grey()

    before = threading.active_count()
    results = Analyzer(FakeFinder([]), FakeNetwork()).analyze_many(endless(), batch_size=4)  # type: ignore[arg-type]
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert len(taken) < 30
    assert threading.active_count() == before


def test_only_broken_inputs_never_reach_the_network() -> None:
    network = FakeNetwork()
    results = list(Analyzer(FakeFinder([]), network).analyze_many([b""] * 100, batch_size=4))
    assert all(result.error is not None for result in results)
    assert network.batches == []


def test_an_error_that_is_no_bad_input_is_not_swallowed() -> None:
    def broken(_: object) -> RGBImage:
        raise ZeroDivisionError

    analyzer = Analyzer(FakeFinder([]), FakeNetwork())
    with pytest.raises(ZeroDivisionError):
        list(analyzer.analyze_many([grey()], load=broken))


@pytest.mark.parametrize(
    ("p_female", "minimum", "label", "probability"),
    [
        (0.5, None, "female", 0.5),
        (0.49, None, "male", 0.51),
        (0.8, 0.9, "uncertain", 0.8),
        (0.9, 0.9, "female", 0.9),
        (0.02, 0.9, "male", 0.98),
    ],
)
def test_gender_estimate(
    p_female: float, minimum: float | None, label: str, probability: float
) -> None:
    estimate = estimate_gender(p_female, minimum)
    assert estimate.label == label
    assert estimate.probability == pytest.approx(probability)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"detection": "maybe"}, "detection is 'maybe': give 'auto', 'require' or 'skip'"),
        ({"faces": "some"}, "faces is 'some': give 'largest', 'central' or 'all'"),
        (
            {"min_gender_confidence": 0.2},
            "min_gender_confidence is 0.2: give a probability 0.5 to 1",
        ),
    ],
)
def test_wrong_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Analyzer(**arguments)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_wrong_batch_size() -> None:
    with pytest.raises(UsageError, match="batch_size is 0: give 1 or more"):
        list(Analyzer(FakeFinder([]), FakeNetwork()).analyze_many([grey()], batch_size=0))


def test_no_detector_is_loaded_where_none_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(model_id: str | None, **_: object) -> FakeFinder:
        raise AssertionError("the detector was loaded")

    monkeypatch.setattr("steadyface.pipeline.load_finder", load)
    result = Analyzer(network=FakeNetwork(), detection="skip").analyze(grey())
    assert result[0].detection == "skipped"
    with pytest.raises(AssertionError, match="was loaded"):
        Analyzer(network=FakeNetwork()).analyze(grey())


def test_models_are_loaded_by_their_names_when_first_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str | None] = []

    def finder(model_id: str | None, **_: object) -> FakeFinder:
        asked.append(model_id)
        return FakeFinder([])

    def network(model_id: str | None) -> FakeNetwork:
        asked.append(model_id)
        return FakeNetwork()

    monkeypatch.setattr("steadyface.pipeline.load_finder", finder)
    monkeypatch.setattr("steadyface.pipeline.load_network", network)
    analyzer = Analyzer("yunet-base", "sface-base")
    assert asked == []
    analyzer.analyze(grey())
    analyzer.analyze(grey())
    assert sorted(name or "" for name in asked) == ["sface-base", "yunet-base"]
    asked.clear()
    Analyzer().analyze(grey())
    assert asked == [None, None]


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ({"network": "sface-bas"}, "no model 'sface-bas', there are "),
        ({"detector": "sface-base"}, "model 'sface-base' is a face-network, not a detector; "),
        ({"network": "yunet-base"}, "model 'yunet-base' is a detector, not a face-network; "),
    ],
)
def test_models_that_do_not_exist_are_refused_at_once(models: dict[str, str], message: str) -> None:
    with pytest.raises(UnknownModelError) as caught:
        Analyzer(**models)  # type: ignore[arg-type]
    assert str(caught.value).startswith(message)


def test_the_most_central_face_is_taken_where_asked() -> None:
    large_aside = Detection(Box(0, 0, 30, 30), POINTS, 0.9)
    small_middle = Detection(Box(22, 24, 14, 14), POINTS, 0.8)
    finder = FakeFinder([large_aside, small_middle])
    choices: tuple[tuple[FaceChoice, list[int]], ...] = (
        ("largest", [30]),
        ("central", [14]),
        ("all", [30, 14]),
    )
    for choice, widths in choices:
        faces = Analyzer(finder, FakeNetwork(), faces=choice).analyze(grey())
        assert [face.box.width for face in faces] == widths


def test_quality_falls_with_what_lies_past_the_edge_of_the_image() -> None:
    class Telling(FakeNetwork):
        def run(self, crops: Sequence[RGBImage]) -> NetworkOutput:
            return replace(super().run(crops), quality=np.full(len(crops), 0.8, dtype=np.float32))

    frame = np.full((400, 400, 3), 100, dtype=np.uint8)
    upright = (CROP_LANDMARKS - 56).astype(np.float32)
    told = []
    for x in (200, 0):  # in the middle, and half of it cut away
        finder = FakeFinder([detection(points=upright + np.array([x, 200], dtype=np.float32))])
        told.append(Analyzer(finder, Telling()).analyze(frame)[0].quality)
    assert told[0] == pytest.approx(0.8)
    assert told[1] == pytest.approx(0.4, abs=0.03)
