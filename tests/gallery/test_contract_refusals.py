"""Conformance of every store of the factory: what is refused, and leaves nothing behind."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from tests.gallery.shared import MODEL, OpenAgain, names, unit

from steadyface.errors import GalleryError, GalleryModelError, UsageError
from steadyface.gallery import Counts, Gallery
from steadyface.types import Embedding, Reference


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (
            Reference(Embedding(np.array([0.6, 0.8], np.float32), "other"), "b.jpg"),
            GalleryModelError,
            "reference 2 of 'Ann' (b.jpg) was embedded by the model 'other', but the gallery holds "
            "embeddings of 'face-v1'; embed the image with 'face-v1'",
        ),
        (
            unit(math.nan, 1),
            GalleryError,
            "reference 2 of 'Ann' holds numbers that are not finite (NaN or infinity); embed the "
            "image again",
        ),
        (
            unit(math.inf, 1),
            GalleryError,
            "reference 2 of 'Ann' holds numbers that are not finite (NaN or infinity); embed the "
            "image again",
        ),
        (
            unit(3, 4),
            GalleryError,
            "reference 2 of 'Ann' has the Euclidean length 5 instead of 1; divide the vector by it",
        ),
        (
            unit(0.6, 0.802),
            GalleryError,
            "reference 2 of 'Ann' has the Euclidean length 1.002 instead of 1; divide the vector "
            "by it",
        ),
        (
            unit(0, 0),
            GalleryError,
            "reference 2 of 'Ann' has the Euclidean length 0 instead of 1; divide the vector by it",
        ),
        (
            unit(),
            GalleryError,
            "reference 2 of 'Ann' is not a vector of floats but an array of shape (0,) and dtype "
            "float32; give the D float32 of one embedding",
        ),
        (
            Reference(Embedding(np.eye(2, dtype=np.float32), MODEL)),
            GalleryError,
            "reference 2 of 'Ann' is not a vector of floats but an array of shape (2, 2) and dtype "
            "float32; give the D float32 of one embedding",
        ),
        (
            Reference(Embedding(np.array([1, 0]), MODEL)),
            GalleryError,
            "reference 2 of 'Ann' is not a vector of floats but an array of shape (2,) and dtype "
            "int64; give the D float32 of one embedding",
        ),
        (
            unit(1, 0, 0),
            GalleryError,
            "reference 2 of 'Ann' has 3 numbers where other references of the same model have 2; "
            "the model's id must change when its output does",
        ),
    ],
)
def test_one_bad_reference_keeps_all_out(
    gallery: Gallery, bad: Reference, error: type[GalleryError], message: str
) -> None:
    with pytest.raises(GalleryError) as caught:
        gallery.enroll("Ann", [unit(1, 0), bad, unit(0, 1)])
    assert type(caught.value) is error
    assert str(caught.value) == f"{gallery.location}: {message}"
    assert gallery.count() == Counts(identities=0, references=0)


def test_vector_off_by_rounding_is_accepted(gallery: Gallery) -> None:
    assert gallery.enroll("Ann", [unit(0.6, 0.8005)]).added == 1


def test_vector_of_another_length_than_the_gallery_s(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    with pytest.raises(GalleryError) as caught:
        gallery.enroll("Ben", [unit(1, 0, 0)])
    assert str(caught.value) == (
        f"{gallery.location}: a reference of 'Ben' has 3 numbers where other references of the "
        "same model have 2; the model's id must change when its output does"
    )
    assert names(gallery) == ["Ann"]


@pytest.mark.parametrize("quality", [-0.1, 1.01, float("nan")])
def test_a_quality_that_is_no_share(gallery: Gallery, quality: float) -> None:
    vector = np.array([1, 0], dtype=np.float32)
    with pytest.raises(UsageError) as caught:
        gallery.enroll("Ann", [Reference(Embedding(vector, MODEL), "a.jpg", quality=quality)])
    assert str(caught.value) == (
        f"{gallery.location}: reference 1 of 'Ann' (a.jpg) has the quality {quality}; give 0 to 1, "
        "or None"
    )
    assert gallery.count().references == 0


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"x": math.nan}, "Out of range float values are not JSON compliant"),
        ({"x": b"bytes"}, "Object of type bytes is not JSON serializable"),
    ],
)
def test_metadata_that_json_cannot_hold(
    gallery: Gallery, metadata: Mapping[str, Any], reason: str
) -> None:
    vector = np.array([1, 0], dtype=np.float32)
    with pytest.raises(UsageError) as caught:
        gallery.enroll("Ann", [Reference(Embedding(vector, MODEL), "a.jpg", metadata)])
    message = str(caught.value)
    assert message.startswith(
        f"{gallery.location}: reference 1 of 'Ann' (a.jpg) has metadata that JSON cannot hold "
        f"({reason}"
    )
    assert message.endswith("; use text, finite numbers, true, false, null, lists and objects")
    assert gallery.count().identities == 0


def test_no_references(gallery: Gallery) -> None:
    with pytest.raises(UsageError) as caught:
        gallery.enroll("Ann", [])
    assert str(caught.value) == (
        f"{gallery.location}: no references of 'Ann' were given; give at least one"
    )
    assert gallery.count().identities == 0


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\0b"])
def test_names_that_are_refused(gallery: Gallery, name: str) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    with pytest.raises(UsageError, match="is no name for an identity"):
        gallery.enroll(name, [unit(1, 0)])
    with pytest.raises(UsageError, match="is no name for an identity"):
        gallery.rename("Ann", name)
    assert names(gallery) == ["Ann"]


@pytest.mark.parametrize(
    "name",
    [
        "Zoë Żółć",
        "山田 太郎",
        "محمد",
        "👩‍🚀",
        'O\'Brien "Bob"',
        "'; DROP TABLE identity; --",
        "../../etc/passwd",
        r"back\slash",
        "100% _*?",
        "x" * 255,
        " padded ",
    ],
)
def test_unusual_names_come_back_as_they_were(
    gallery: Gallery, name: str, open_again: OpenAgain
) -> None:
    gallery.enroll(name, [unit(1, 0)])
    reopened = open_again()
    assert names(reopened) == [name]
    assert reopened.templates().names == (name,)
    assert len(reopened.references(name)) == 1
    gallery.rename(name, "plain")
    gallery.rename("plain", name)
    assert gallery.remove(name) == 1
    assert names(reopened) == []


def test_composed_and_decomposed_name_are_one_identity(gallery: Gallery) -> None:
    composed, decomposed = "Jos\u00e9", "Jose\u0301"
    gallery.enroll(decomposed, [unit(1, 0)])
    assert gallery.enroll(composed, [unit(0, 1)]).references == 2
    assert names(gallery) == [composed]
    assert len(gallery.references(decomposed)) == 2
    assert gallery.remove(decomposed) == 2


def test_source_that_is_not_utf8_is_kept_readable(gallery: Gallery) -> None:
    vector = np.array([1, 0], dtype=np.float32)
    gallery.enroll("Ann", [Reference(Embedding(vector, MODEL), "caf\udce9\0.jpg")])
    assert gallery.references("Ann")[0].source == r"caf\udce9\x00.jpg"
