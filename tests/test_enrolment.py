from __future__ import annotations

from collections.abc import Iterator
from math import cos, radians, sin
from pathlib import Path

import numpy as np
import pytest
from tests.colours import ColourFinder, ColourNetwork

from steadyface.enrolment import EnrolmentTerms, LookalikePolicy, Person
from steadyface.errors import GalleryModelError, LookalikeError, UsageError
from steadyface.gallery import Counts, Gallery, open_gallery
from steadyface.imaging.geometry import CROP_SIZE
from steadyface.matching.calibration import DecisionRule
from steadyface.pipeline import Analyzer
from steadyface.recognition import Recognizer
from steadyface.types import RGBImage

MODEL = "colours"
RULE = DecisionRule(0.9, 1e-3, "by hand/1")


def shown(degrees: float) -> RGBImage:
    angle = radians(degrees)
    colour = 128 + 100 * cos(angle), 128 + 100 * sin(angle), 0
    return np.full((CROP_SIZE, CROP_SIZE, 3), np.round(colour)).astype(np.uint8)


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    with open_gallery(tmp_path / "people.db", model_id=MODEL, mode="create") as opened:
        yield opened


@pytest.fixture
def recognizer(gallery: Gallery) -> Recognizer:
    return Recognizer(gallery, analyzer=Analyzer(ColourFinder(), ColourNetwork()), rule=RULE)


def test_metadata_and_sources_come_with_a_person(recognizer: Recognizer, gallery: Gallery) -> None:
    ann = Person("Ann", [shown(0), shown(20)], {"team": "blue"}, ["a", "b"])
    (done,) = recognizer.enroll_many([ann])
    assert (done.identity, done.enrolled, done.errors) == ("Ann", 2, ())
    assert [reference.source for reference in gallery.references("Ann")] == ["a", "b"]
    assert gallery.identity("Ann").metadata == {"team": "blue"}
    recognizer.enroll("Ann", [shown(0)], metadata={})
    assert gallery.identity("Ann").metadata == {}


@pytest.mark.parametrize("sources", [[], ["a"], ["a", "b", "c"]])
def test_sources_that_do_not_pair_with_the_images(
    recognizer: Recognizer, gallery: Gallery, sources: list[str]
) -> None:
    for images in ([shown(0), shown(90)], iter([shown(0), shown(90)])):
        with pytest.raises(UsageError) as caught:
            recognizer.enroll_many([Person("Ann", images, sources=sources)])
        assert str(caught.value) == (
            f"'Ann': {len(sources)} sources for 2 images; give one for each, or None for their "
            "paths"
        )
    assert gallery.count() == Counts(0, 0)


def test_a_single_enrolment_names_lookalikes(recognizer: Recognizer, gallery: Gallery) -> None:
    assert recognizer.enroll("Ann", [shown(0)]).lookalikes == ()
    done = recognizer.enroll("Ben", [shown(10), shown(90)])
    (one,) = done.lookalikes
    assert (one.identity, one.threshold) == ("Ann", 0.9)
    assert one.similarity == pytest.approx(cos(radians(10)), abs=0.01)
    assert gallery.count() == Counts(2, 3)


def test_lookalikes_are_not_looked_for_unasked(
    recognizer: Recognizer, gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognizer.enroll("Ann", [shown(0)])
    monkeypatch.setattr(type(gallery), "templates", lambda self: pytest.fail("it was read"))
    done = recognizer.enroll("Ben", [shown(0)], terms=EnrolmentTerms(lookalikes="ignore"))
    assert done.lookalikes == ()
    assert [duplicate.identity for duplicate in done.duplicates] == ["Ann"]


def test_refused_lookalikes_leave_the_rest(recognizer: Recognizer, gallery: Gallery) -> None:
    recognizer.enroll("Ann", [shown(0)])
    terms = EnrolmentTerms(lookalikes="refuse")
    done = recognizer.enroll("Ben", [shown(10), shown(90)], terms=terms)
    (error,) = done.errors
    assert isinstance(error, LookalikeError)
    assert (done.enrolled, len(done.lookalikes)) == (1, 1)
    assert gallery.count() == Counts(2, 2)


def test_a_dry_run_stores_nothing(recognizer: Recognizer, gallery: Gallery) -> None:
    recognizer.enroll("Ann", [shown(0)])
    people = [Person("Ann", [shown(0), shown(5)]), Person("Ben", [shown(5), shown(5)])]
    ann, ben = recognizer.enroll_many(people, terms=EnrolmentTerms(dry_run=True))
    assert (ann.enrolled, ann.held, ann.duplicates) == (1, 1, ())
    assert (ben.enrolled, ben.held) == (1, 1)
    assert {duplicate.identity for duplicate in ben.duplicates} == {"Ann"}
    assert {one.identity for one in ben.lookalikes} == {"Ann"}
    assert gallery.count() == Counts(1, 1)


def test_people_are_stored_one_after_another(recognizer: Recognizer, gallery: Gallery) -> None:
    def interrupted() -> Iterator[Person]:
        yield Person("Ann", [shown(0)])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recognizer.enroll_many(interrupted())
    assert gallery.count() == Counts(1, 1)


def test_a_trial_with_another_model_is_refused(gallery: Gallery) -> None:
    eyes = Analyzer(ColourFinder(), ColourNetwork("other"))
    other = Recognizer(gallery, analyzer=eyes, rule=RULE)
    policies: tuple[LookalikePolicy, ...] = "report", "ignore"
    for policy in policies:
        terms = EnrolmentTerms(lookalikes=policy, dry_run=True)
        with pytest.raises(GalleryModelError, match="'other'"):
            other.enroll("Ann", [shown(0)], terms=terms)


def test_terms_that_make_no_sense() -> None:
    for options in ({"warn_below": 1.1}, {"refuse_below": -0.1}, {"lookalikes": "maybe"}):
        with pytest.raises(UsageError, match=next(iter(options))):
            EnrolmentTerms(**options)
