"""Conformance of every store of the factory: what is enrolled, and what is looked at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from tests.gallery.shared import MODEL, MakeReferences, OpenAgain, unit

from steadyface.errors import UsageError
from steadyface.gallery import Counts, Enrolled, Gallery
from steadyface.types import Embedding, Reference


def test_new_gallery_is_empty(gallery: Gallery) -> None:
    assert gallery.model_id == MODEL
    assert gallery.count() == Counts(identities=0, references=0)
    assert gallery.identities() == []
    templates = gallery.templates()
    assert templates.names == ()
    assert templates.vectors.shape == (0, 0)
    assert templates.vectors.dtype == np.dtype(np.float32)
    assert templates.owners.shape == (0,)
    assert templates.owners.dtype == np.dtype(np.int64)
    assert templates.model_id == MODEL


def test_stored_reference_is_what_was_enrolled(gallery: Gallery) -> None:
    metadata = {"camera": "été", "tags": ["a", None, True], "pose": {"yaw": -3.5}}
    vector = np.array([0.6, -0.8], dtype=np.float32)
    before = datetime.now(UTC)
    reference = Reference(Embedding(vector, MODEL), "photos/ann 1.jpg", metadata, 0.625)
    gallery.enroll("Ann", [reference])
    (stored,) = gallery.references("Ann")
    assert stored.embedding.vector.tolist() == vector.tolist()
    assert stored.embedding.vector.dtype == np.float32
    assert stored.embedding.model_id == MODEL
    assert stored.source == "photos/ann 1.jpg"
    assert stored.metadata == metadata
    assert stored.quality == 0.625
    assert before <= stored.enrolled_at <= datetime.now(UTC)
    assert stored.enrolled_at.utcoffset() == timedelta(0)
    assert gallery.identities()[0].enrolled_at == stored.enrolled_at


def test_a_quality_of_numpys_is_a_number(gallery: Gallery) -> None:
    embedding = Embedding(np.array([0.6, -0.8], dtype=np.float32), MODEL)
    gallery.enroll("Ann", [Reference(embedding, quality=np.float32(0.5))])  # type: ignore[arg-type]
    (stored,) = gallery.references("Ann")
    assert stored.quality == 0.5
    assert isinstance(stored.quality, float)
    qualities = gallery.templates().qualities
    assert qualities is not None and qualities.tolist() == [0.5]


def test_enrolling_again_appends(
    gallery: Gallery, make_references: MakeReferences, vectors_of: Callable[..., list[list[float]]]
) -> None:
    first, second = make_references(2, seed=1), make_references(3, seed=2)
    assert gallery.enroll("Ann", first) == Enrolled(added=2, held=0, references=2)
    assert gallery.enroll("Ann", second) == Enrolled(added=3, held=0, references=5)
    stored = [reference.embedding.vector.tolist() for reference in gallery.references("Ann")]
    assert stored == vectors_of([*first, *second])
    assert gallery.count() == Counts(identities=1, references=5)


def test_ids_of_references_rise_and_are_never_given_again(
    gallery: Gallery, open_again: OpenAgain
) -> None:
    gallery.enroll("Ann", [unit(1, 0), unit(0, 1)])
    gallery.enroll("Ben", [unit(-1, 0)])
    gallery.enroll("Ann", [unit(0, -1)])
    before = {name: [r.id for r in gallery.references(name)] for name in ("Ann", "Ben")}
    assert [*before["Ann"][:2], *before["Ben"], *before["Ann"][2:]] == sorted(
        {*before["Ann"], *before["Ben"]}
    )
    gallery.remove("Ann")
    gallery.rename("Ben", "Zoe")
    gallery.enroll("Ann", [unit(1, 0)])
    reopened = open_again()
    assert [r.id for r in reopened.references("Zoe")] == before["Ben"]
    assert reopened.references("Ann")[0].id > max(before["Ann"])


def test_stats_count_what_there_is_and_what_it_takes(
    gallery: Gallery, make_references: MakeReferences
) -> None:
    empty = gallery.stats()
    assert empty.counts == Counts(identities=0, references=0)
    assert empty.model_id == MODEL
    assert empty.schema_version >= 1
    gallery.enroll("Ann", make_references(1000, dimension=128))
    full = gallery.stats()
    assert full.counts == Counts(identities=1, references=1000)
    assert full.schema_version == empty.schema_version
    assert full.size - empty.size >= 1000 * 128 * 4


def test_templates_are_grouped_by_identity_in_order_of_enrolment(gallery: Gallery) -> None:
    gallery.enroll("Zoe", [unit(1, 0)])
    gallery.enroll("Ann", [unit(0, 1), unit(0, -1)])
    gallery.enroll("Zoe", [unit(-1, 0)])
    templates = gallery.templates()
    assert templates.names == ("Zoe", "Ann")
    assert templates.vectors.tolist() == [[1, 0], [-1, 0], [0, 1], [0, -1]]
    assert templates.owners.tolist() == [0, 0, 1, 1]
    assert templates.vectors.dtype == np.dtype(np.float32)
    assert templates.owners.dtype == np.dtype(np.int64)
    assert templates.vectors.flags.c_contiguous


def test_templates_cannot_be_written_to(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    templates = gallery.templates()
    with pytest.raises(ValueError, match="read-only"):
        templates.vectors[0, 0] = 0
    with pytest.raises(ValueError, match="read-only"):
        templates.owners[0] = 1


def test_templates_of_more_references_than_are_decoded_at_a_time(
    gallery: Gallery, make_references: MakeReferences
) -> None:
    references = make_references(5000, dimension=2)
    gallery.enroll("many", references[:4999])
    gallery.enroll("one", references[4999:])
    templates = gallery.templates()
    expected = np.stack([reference.embedding.vector for reference in references])
    assert np.array_equal(templates.vectors, expected)
    assert templates.owners.tolist() == [0] * 4999 + [1]


def test_identities_are_listed_by_name(gallery: Gallery, make_references: MakeReferences) -> None:
    for number, name in enumerate(["b", "É", "a", "Z", "z"], start=1):
        gallery.enroll(name, make_references(number))
    found = [(identity.name, identity.references) for identity in gallery.identities()]
    assert found == [("Z", 4), ("a", 3), ("b", 1), ("z", 5), ("É", 2)]


@pytest.mark.parametrize(
    ("limit", "offset", "expected"),
    [
        (2, 0, ["a", "b"]),
        (2, 1, ["b", "c"]),
        (2, 3, ["d"]),
        (2, 4, []),
        (0, 0, []),
        (None, 2, ["c", "d"]),
    ],
)
def test_identities_by_page(
    gallery: Gallery, limit: int | None, offset: int, expected: list[str]
) -> None:
    for name in "dbca":
        gallery.enroll(name, [unit(1, 0)])
    page = gallery.identities(limit=limit, offset=offset)
    assert [identity.name for identity in page] == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit": -1}, "limit is -1; give a number from 0 on"),
        ({"offset": -2}, "offset is -2; give a number from 0 on"),
        ({"limit": 2**63}, "limit is 9223372036854775808; give a number from 0 on"),
    ],
)
def test_pages_that_are_refused(gallery: Gallery, options: dict[str, int], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        gallery.identities(**options)
    assert str(caught.value) == message
