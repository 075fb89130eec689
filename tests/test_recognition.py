from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import cos, radians, sin
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steadyface.errors import (
    CalibrationError,
    GalleryModelError,
    ImageNotFoundError,
    NoFaceError,
    UsageError,
)
from steadyface.gallery import Counts, Gallery, open_gallery
from steadyface.gallery.values import Changes
from steadyface.imaging.geometry import CROP_LANDMARKS, CROP_SIZE
from steadyface.matching.calibration import DecisionRule, rule_for
from steadyface.models.catalog import load_catalog
from steadyface.models.face_network import NetworkOutput
from steadyface.pipeline import Analyzer
from steadyface.recognition import ProbeMatch, Recognizer, verify
from steadyface.types import Box, Detection, RGBImage

MODEL = "colours"
RULE = DecisionRule(0.9, 1e-3, "by hand/1")


class Finder:
    """Finds the face that fills the left of an image, and a smaller one where it is wide."""

    def find(self, image: RGBImage) -> list[Detection]:
        faces = []
        for index in range(image.shape[1] // CROP_SIZE if image.any() else 0):
            shift = np.array([index * CROP_SIZE, 0], dtype=np.float32)
            box = Box(float(shift[0]), 0, CROP_SIZE - index, CROP_SIZE)
            faces.append(Detection(box, CROP_LANDMARKS + shift, 0.9))
        return faces[::-1]


class Network:
    """Reads a direction in red and green."""

    def __init__(self, model_id: str = MODEL) -> None:
        self.model_id = model_id

    def run(self, crops: Sequence[RGBImage]) -> NetworkOutput:
        directions = np.stack([crop[:, :, :2].mean(axis=(0, 1)) - 128 for crop in crops])
        vectors = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        return NetworkOutput(vectors.astype(np.float32), None)


def analyzer(**options: object) -> Analyzer:
    return Analyzer(Finder(), Network(), **options)  # type: ignore[arg-type]


def shown(*degrees: float) -> RGBImage:
    """A picture of people at these directions, side by side."""
    people = [
        np.full((CROP_SIZE, CROP_SIZE, 3), (128 + 100 * cos(a), 128 + 100 * sin(a), 0))
        for a in map(radians, degrees)
    ]
    return np.hstack(people).round().astype(np.uint8)


class Blind:
    """Finds nothing."""

    def find(self, image: RGBImage) -> list[Detection]:
        return []


def faceless() -> RGBImage:
    """Too narrow for the finder, in the colour of someone at 20 degrees."""
    return shown(20)[:, : CROP_SIZE - 1]


def black() -> RGBImage:
    return np.zeros((CROP_SIZE, CROP_SIZE, 3), dtype=np.uint8)


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    with open_gallery(tmp_path / "people.db", model_id=MODEL, mode="create") as opened:
        yield opened


@pytest.fixture
def recognizer(gallery: Gallery) -> Recognizer:
    """One who knows Ann at 0 degrees and Ben at 90."""
    known = Recognizer(gallery, analyzer=analyzer(), rule=RULE)
    known.enroll("Ann", [shown(-10), shown(10)])
    known.enroll("Ben", [shown(90)])
    return known


# --- verify ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("degrees", "label"), [(20, 1), (30, 0)])
def test_verify_compares_the_largest_faces(degrees: float, label: int) -> None:
    answer = verify(shown(0, 90), shown(degrees, 0), analyzer=analyzer(), rule=RULE)
    decision = answer.comparison
    assert decision.label == label
    assert decision.similarity == pytest.approx(cos(radians(degrees)), abs=0.01)
    assert (decision.threshold, decision.fmr, decision.calibration) == (0.9, 1e-3, "by hand/1")
    np.testing.assert_allclose(answer.first.embedding.vector, [1, 0], atol=0.01)
    assert answer.second.embedding.vector[1] == pytest.approx(sin(radians(degrees)), abs=0.01)


def test_verify_says_which_image_cannot_be_used(tmp_path: Path) -> None:
    missing = tmp_path / "missing.jpg"
    for pair in ((missing, shown(0)), (shown(0), missing)):
        with pytest.raises(ImageNotFoundError) as caught:
            verify(*pair, analyzer=analyzer(), rule=RULE)
        assert caught.value.source == str(missing)
    with pytest.raises(NoFaceError):
        verify(shown(0), black(), analyzer=analyzer(detection="require"), rule=RULE)


def test_verify_decides_at_the_calibrated_threshold_unless_told() -> None:
    model_id = load_catalog().default("face-network").id
    expected = rule_for(model_id)
    answer = verify(shown(0), shown(0), analyzer=Analyzer(Finder(), Network(model_id)))
    assert answer.comparison.threshold == expected.threshold
    assert answer.comparison.fmr == 1e-3
    with pytest.raises(CalibrationError) as caught:
        verify(shown(0), shown(0), analyzer=analyzer())
    assert str(caught.value) == (
        "no calibration is packaged for model 'colours'; give a threshold by hand"
    )


def test_two_images_without_a_face_are_not_compared(tmp_path: Path) -> None:
    with pytest.raises(NoFaceError) as caught:
        verify(black() + 1, black() + 1, analyzer=Analyzer(Blind(), Network()), rule=RULE)
    assert str(caught.value) == (
        "<array> and <array>: no face was found in either image; use clearer ones, or detection "
        "'skip' if both are face crops"
    )


def test_one_image_without_a_face_is_compared_at_the_threshold_for_it() -> None:
    strict = DecisionRule(0.9, 1e-3, "c", (0.9,), (0.9999,))
    answers = [
        verify(shown(0), second, analyzer=analyzer(detection=how), rule=strict).comparison
        for how, second in (("auto", faceless()), ("skip", faceless()))
    ]
    assert [answer.threshold for answer in answers] == [0.9999, 0.9]


def test_verify_takes_a_rate_or_a_threshold() -> None:
    pair = shown(0), shown(30)
    assert verify(*pair, analyzer=analyzer(), threshold=0.5).comparison.label == 1
    model_id = load_catalog().default("face-network").id
    eyes = Analyzer(Finder(), Network(model_id))
    assert verify(*pair, analyzer=eyes, fmr=1e-4).comparison.fmr == 1e-4
    with pytest.raises(CalibrationError, match="give one of a target FMR, a threshold and a rule"):
        verify(*pair, analyzer=analyzer(), rule=RULE, threshold=0.5)


# --- enrol ----------------------------------------------------------------------------------------


def test_enrolling_stores_the_largest_face_of_every_image(gallery: Gallery, tmp_path: Path) -> None:
    missing = tmp_path / "missing.jpg"
    outcome = Recognizer(gallery, analyzer=analyzer(), rule=RULE).enroll(
        "Ann", [shown(30, 90), missing, black()]
    )
    assert (outcome.identity, outcome.enrolled) == ("Ann", 1)
    error, faceless = outcome.errors
    assert isinstance(error, ImageNotFoundError)
    assert str(error).startswith(f"{missing}: ")
    assert str(faceless) == (
        "<array>: no face was found; use a clearer image, or detection 'skip' if it is a face crop"
    )
    (first,) = gallery.references("Ann")
    expected = [cos(radians(30)), sin(radians(30))]
    np.testing.assert_allclose(first.embedding.vector, expected, atol=0.01)
    assert first.source == "<array>"


def test_an_analyzer_of_all_faces_still_enrols_the_largest(gallery: Gallery) -> None:
    everyone = Recognizer(gallery, analyzer=analyzer(faces="all"), rule=RULE)
    assert everyone.enroll("Ann", [shown(0, 90, 180)]).enrolled == 1
    (reference,) = gallery.references("Ann")
    np.testing.assert_allclose(reference.embedding.vector, [1, 0], atol=0.01)


def test_nobody_is_enrolled_without_a_usable_image(gallery: Gallery) -> None:
    recognizer = Recognizer(gallery, analyzer=analyzer(detection="require"), rule=RULE)
    outcome = recognizer.enroll("Ann", [black(), b""])
    assert (outcome.enrolled, len(outcome.errors)) == (0, 2)
    assert recognizer.enroll("Ben", []).enrolled == 0
    assert gallery.count() == Counts(0, 0)


def test_a_face_crop_is_enrolled_where_the_caller_says_that_it_is_one(gallery: Gallery) -> None:
    recognizer = Recognizer(gallery, analyzer=analyzer(detection="skip"), rule=RULE)
    outcome = recognizer.enroll("Ann", [shown(0)])
    assert (outcome.enrolled, outcome.errors) == (1, ())


def test_references_tell_the_calibration_in_force(gallery: Gallery) -> None:
    Recognizer(gallery, analyzer=analyzer(), rule=RULE).enroll("Ann", [shown(0)])
    Recognizer(gallery, analyzer=analyzer(), threshold=0.9).enroll("Ann", [shown(5)])
    assert [r.calibration for r in gallery.references("Ann")] == ["by hand/1", None]


def test_enrolling_again_adds_references(recognizer: Recognizer, gallery: Gallery) -> None:
    # How many were stored by this call, not how many there are.
    assert recognizer.enroll("Ann", [shown(5)]).enrolled == 1
    assert gallery.count() == Counts(2, 4)


def test_the_same_image_is_enrolled_once_and_named_where_it_is_anothers(
    recognizer: Recognizer, gallery: Gallery
) -> None:
    again = recognizer.enroll("Ann", [shown(-10), shown(40)])
    assert (again.enrolled, again.held, again.duplicates) == (1, 1, ())
    assert len(gallery.references("Ann")) == 3
    (duplicate,) = recognizer.enroll("Cy", [shown(90)]).duplicates
    assert (duplicate.source, duplicate.identity) == ("<array>", "Ben")


def test_one_image_is_no_list_of_images(recognizer: Recognizer, tmp_path: Path) -> None:
    for one in ("ann.jpg", tmp_path / "ann.jpg", b"\xff\xd8"):
        with pytest.raises(UsageError, match="give a list of images"):
            recognizer.enroll("Ann", one)  # type: ignore[arg-type]


def test_a_gallery_of_another_model_is_refused(gallery: Gallery) -> None:
    other = Recognizer(gallery, analyzer=Analyzer(Finder(), Network("other")), rule=RULE)
    with pytest.raises(GalleryModelError, match="'other'"):
        other.enroll("Ann", [shown(0)])
    with pytest.raises(GalleryModelError) as caught:
        other.match(shown(0))
    assert str(caught.value) == (
        "the probe was embedded by 'other' and the gallery by 'colours'; use one model for both"
    )


# --- match ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("degrees", "label", "identity"), [(15, 1, "Ann"), (80, 1, "Ben"), (50, 0, None)]
)
def test_a_probe_is_a_known_person_or_nobody(
    recognizer: Recognizer, degrees: float, label: int, identity: str | None
) -> None:
    answer = recognizer.match(shown(degrees, 90))
    assert (answer.label, answer.identity) == (label, identity)
    to_ann, to_ben = cos(radians(degrees)), sin(radians(degrees))
    assert answer.similarity == pytest.approx(max(to_ann, to_ben), abs=0.01)
    scores = {c.identity: c.similarity for c in answer.candidates}
    assert scores == pytest.approx({"Ann": to_ann, "Ben": to_ben}, abs=0.01)
    assert answer.candidates[0].similarity >= answer.candidates[1].similarity
    assert (answer.threshold, answer.fmr, answer.calibration) == (0.9, 1e-3, "by hand/1")


def test_a_probe_without_a_face(gallery: Gallery) -> None:
    strict = Recognizer(gallery, analyzer=analyzer(detection="require"), rule=RULE)
    with pytest.raises(NoFaceError):
        strict.match(black())
    (answer,) = strict.match_many([black()])
    assert isinstance(answer.error, NoFaceError)
    assert (answer.source, answer.match, answer.face) == ("<array>", None, None)


def test_candidates_are_as_many_as_asked_for(recognizer: Recognizer) -> None:
    assert [c.identity for c in recognizer.match(shown(0), top=1).candidates] == ["Ann"]
    (answer,) = recognizer.match_many([shown(80)], top=1)
    assert answer.match is not None
    assert [c.identity for c in answer.match.candidates] == ["Ben"]
    for attempt in (recognizer.match, lambda i, top: list(recognizer.match_many([i], top=top))):
        with pytest.raises(UsageError) as caught:
            attempt(shown(0), top=0)
        assert str(caught.value) == "top is 0: give 1 or more"


def test_many_probes_have_their_answers_in_order(recognizer: Recognizer, tmp_path: Path) -> None:
    missing = tmp_path / "missing.jpg"
    probes: list[RGBImage | Path] = [shown(0), missing, shown(90), shown(180)]
    answers = list(recognizer.match_many(probes))
    assert [a.source for a in answers] == ["<array>", str(missing), "<array>", "<array>"]
    assert [identity(a) for a in answers] == ["Ann", "failed", "Ben", None]
    assert [a.error is None for a in answers] == [a.face is not None for a in answers]


def test_every_face_of_a_probe_has_an_answer(gallery: Gallery, recognizer: Recognizer) -> None:
    everyone = Recognizer(gallery, analyzer=analyzer(faces="all"), rule=RULE)
    answers = list(everyone.match_many([shown(90, 0, 180), shown(0)]))
    assert [identity(a) for a in answers] == ["Ben", "Ann", None, "Ann"]
    assert [a.face.box.x for a in answers if a.face] == [0, CROP_SIZE, 2 * CROP_SIZE, 0]
    # `match` answers for the largest alone.
    assert everyone.match(shown(90, 0)).identity == "Ben"
    assert recognizer.match(shown(0, 90)).identity == "Ann"


def test_an_empty_gallery_knows_nobody(gallery: Gallery) -> None:
    answer = Recognizer(gallery, analyzer=analyzer(), rule=RULE).match(shown(0))
    assert (answer.label, answer.identity, answer.similarity) == (0, None, None)


def test_people_enrolled_later_are_known_to_the_next_call(recognizer: Recognizer) -> None:
    assert recognizer.match(shown(180)).identity is None
    recognizer.enroll("Cy", [shown(180)])
    assert recognizer.match(shown(180)).identity == "Cy"
    assert [identity(a) for a in recognizer.match_many([shown(180)])] == ["Cy"]


def test_a_batch_reads_the_gallery_once(
    recognizer: Recognizer, gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes, reads = gallery.changes, []

    def counted(*arguments: Any, **options: Any) -> Changes:
        reads.append(1)
        return changes(*arguments, **options)

    monkeypatch.setattr(gallery, "changes", counted)
    answers = recognizer.match_many([shown(0)] * 40)
    assert reads == []
    assert len(list(answers)) == 40
    assert reads == [1]


def test_a_recognizer_decides_at_its_gallerys_calibrated_threshold_unless_told(
    gallery: Gallery, tmp_path: Path
) -> None:
    model_id = load_catalog().default("face-network").id
    with open_gallery(tmp_path / "real.db", model_id=model_id, mode="create") as real:
        eyes = Analyzer(Finder(), Network(model_id))
        answer = Recognizer(real, analyzer=eyes).match(shown(0))
        assert answer.threshold == rule_for(model_id).threshold
    with pytest.raises(CalibrationError, match="for model 'colours'"):
        Recognizer(gallery, analyzer=analyzer())


def identity(answer: ProbeMatch) -> str | None:
    return "failed" if answer.match is None else answer.match.identity


class Judging(Network):
    """Also tells a quality."""

    def run(self, crops: Sequence[RGBImage]) -> NetworkOutput:
        return replace(super().run(crops), quality=np.full(len(crops), 0.75, dtype=np.float32))


def test_a_references_quality_is_kept(tmp_path: Path) -> None:
    with open_gallery(tmp_path / "q.db", model_id=MODEL, mode="create") as gallery:
        for network in (Network(), Judging()):
            Recognizer(gallery, analyzer=Analyzer(Finder(), network), rule=RULE).enroll(
                type(network).__name__, [shown(10)]
            )
        kept = [gallery.references(name)[0].quality for name in ("Network", "Judging")]
    assert kept == [None, 0.75]
