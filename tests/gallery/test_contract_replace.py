"""Conformance of every store of the factory: going over to another model."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.gallery.shared import MODEL, OpenAgain, names, unit

from steadyface.errors import GalleryError, GalleryModelError, UsageError
from steadyface.gallery import Counts, Gallery, Replaced, codec, open_gallery
from steadyface.types import Embedding, Reference

NEW = "face-v2"


def new(*numbers: float, **values: Any) -> Reference:
    """A reference by the new model."""
    return Reference(Embedding(np.array(numbers, dtype=np.float32), NEW), **values)


def test_every_embedding_is_exchanged_and_the_rest_stays(
    gallery: Gallery, gallery_url: str
) -> None:
    old = Reference(unit(1, 0).embedding, "a.jpg", {"n": 1}, 0.5, "old/1")
    gallery.enroll("Ann", [old, unit(0, 1, source="b.jpg")], metadata={"a": 1})
    gallery.enroll("Ben", [unit(0, -1, source="c.jpg")])
    people = gallery.identities()
    before = {name: gallery.references(name) for name in names(gallery)}
    a, b, c = (reference.id for name in before for reference in before[name])
    gallery.close()
    with open_gallery(gallery_url, model_id=None, mode="write") as opened:
        references = {
            c: new(0, 0, 1),
            a: new(1, 0, 0, quality=0.25, calibration="new/1", source="x", metadata={"x": 1}),
            b: new(0, 1, 0),
        }
        assert opened.replace_all(NEW, references) == Replaced(replaced=3, removed=0)
        assert opened.model_id == opened.stats().model_id == NEW
        assert opened.enroll("Cleo", [new(0, 0, -1)]).added == 1
        opened.remove("Cleo")
    with pytest.raises(GalleryModelError, match="made with the model 'face-v2'"):
        open_gallery(gallery_url, model_id=MODEL)
    with open_gallery(gallery_url, model_id=NEW) as opened:
        templates = opened.templates()
        assert templates.model_id == NEW
        assert templates.names == ("Ann", "Ben")
        assert templates.vectors.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
        assert opened.identities() == people
        for name, references_before in before.items():
            for was, now in zip(references_before, opened.references(name), strict=True):
                assert (now.id, now.source, now.metadata, now.enrolled_at) == (
                    *(was.id, was.source, was.metadata, was.enrolled_at),
                )
                assert now.embedding.model_id == NEW
        first, second = opened.references("Ann")
        assert (first.quality, first.calibration) == (0.25, "new/1")
        assert (second.quality, second.calibration) == (None, None)


def test_references_that_are_not_given_are_removed(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0), unit(0, 1)])
    gallery.enroll("Ben", [unit(0, -1)])
    kept = gallery.references("Ann")[1].id
    assert gallery.replace_all(NEW, {kept: new(0, 1)}) == Replaced(replaced=1, removed=2)
    assert [reference.id for reference in gallery.references("Ann")] == [kept]
    assert gallery.references("Ben") == []
    assert gallery.count() == Counts(identities=2, references=1)
    assert gallery.replace_all("face-v3", {}) == Replaced(replaced=0, removed=1)
    assert gallery.model_id == "face-v3"
    assert gallery.count() == Counts(identities=2, references=0)


def test_an_empty_gallery_goes_over_to_vectors_of_another_length(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    gallery.remove("Ann")
    assert gallery.replace_all(NEW, {}) == Replaced(0, 0)
    assert gallery.enroll("Ann", [new(0, 1, 0)]).added == 1
    assert gallery.templates().vectors.tolist() == [[0, 1, 0]]


def test_what_is_new_is_found_when_it_is_offered_again(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    gallery.replace_all(NEW, {gallery.references("Ann")[0].id: new(0, 1)})
    assert gallery.enroll("Ann", [new(0, 1)]).held == 1
    assert gallery.enroll("Ann", [new(1, 0)]).added == 1


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (
            unit(1, 0),
            GalleryModelError,
            "was embedded by the model 'face-v1', but the gallery is to go over to 'face-v2'; "
            "embed the image with 'face-v2'",
        ),
        (new(3, 4), GalleryError, "has the Euclidean length 5 instead of 1; divide the vector by"),
        (new(math.nan, 0), GalleryError, "holds numbers that are not finite (NaN or infinity)"),
        (new(1, 0, 0), GalleryError, "has 3 numbers where other references of the same model have"),
        (new(1, 0, quality=2.0), UsageError, "has the quality 2.0; give 0 to 1, or None"),
    ],
)
def test_one_bad_reference_keeps_all_as_they_were(
    gallery: Gallery, bad: Reference, error: type[Exception], message: str
) -> None:
    gallery.enroll("Ann", [unit(1, 0), unit(0, 1)])
    first, second = (reference.id for reference in gallery.references("Ann"))
    with pytest.raises(error) as caught:
        gallery.replace_all(NEW, {first: new(0, 1), second: bad})
    what = f"{gallery.location}: what is to replace reference {second} {message}"
    assert str(caught.value).startswith(what)
    assert gallery.model_id == MODEL
    assert gallery.templates().vectors.tolist() == [[1, 0], [0, 1]]


def test_ids_that_the_gallery_lacks(gallery: Gallery, open_again: OpenAgain) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    held = gallery.references("Ann")[0].id
    with pytest.raises(GalleryError) as caught:
        gallery.replace_all(NEW, {held: new(0, 1), 10**30: new(0, 1), held + 5: new(0, 1)})
    assert str(caught.value) == (
        f"{gallery.location}: the gallery has no reference with the id {held + 5}, {10**30}; "
        "nothing was changed; `steadyface gallery show` shows the ids of an identity's references"
    )
    with pytest.raises(UsageError) as caught_usage:
        gallery.replace_all(" ", {})
    assert str(caught_usage.value) == "model_id is ' '; give the id of the new model"
    for opened in (gallery, open_again()):
        assert opened.model_id == MODEL
        assert opened.templates().vectors.tolist() == [[1, 0]]


def test_others_that_have_it_open_are_told(gallery: Gallery, open_again: OpenAgain) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    reader, writer = open_again(), open_again("write")
    gallery.replace_all(NEW, {gallery.references("Ann")[0].id: new(0, 1)})
    calls: list[Callable[[], object]] = [
        reader.templates,
        reader.revision,
        lambda: reader.references("Ann"),
        lambda: writer.enroll("Ann", [unit(0, 1)]),
        lambda: writer.replace_all(MODEL, {}),
    ]
    for call in calls:
        with pytest.raises(GalleryModelError) as caught:
            call()
        assert str(caught.value) == (
            f"{gallery.location}: opened with the model 'face-v1', and somebody has gone over to "
            "'face-v2' since; open it again with that model"
        )
    assert gallery.templates().vectors.tolist() == [[0, 1]]


def test_what_others_enrol_between_the_look_and_the_change_stays(
    gallery: Gallery, open_again: OpenAgain, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    other, encode = open_again("write"), codec.encode_replacements
    revision, held = gallery.revision(), gallery.references("Ann")[0].id

    def late(*arguments: Any, **options: Any) -> Any:
        """The last that is done before the transaction."""
        other.enroll("Ben", [unit(0, 1)])
        return encode(*arguments, **options)

    monkeypatch.setattr(codec, "encode_replacements", late)
    with pytest.raises(GalleryError) as caught:
        gallery.replace_all(NEW, {held: new(0, 0, 1)}, revision=revision)
    assert str(caught.value) == (
        f"{gallery.location}: the gallery was changed meanwhile, so nothing was changed by this; "
        "run it again"
    )
    monkeypatch.undo()
    assert gallery.model_id == MODEL
    assert gallery.revision() == revision + 1
    assert gallery.templates().vectors.tolist() == [[1, 0], [0, 1]]
    done = gallery.replace_all(NEW, {held: new(0, 0, 1)}, revision=revision + 1)
    assert done == Replaced(replaced=1, removed=1)


def test_what_is_opened_for_reading_or_closed(gallery: Gallery, open_again: OpenAgain) -> None:
    with pytest.raises(UsageError, match="was opened for reading"):
        open_again().replace_all(NEW, {})
    gallery.close()
    with pytest.raises(GalleryError, match="this gallery was closed"):
        gallery.replace_all(NEW, {})
