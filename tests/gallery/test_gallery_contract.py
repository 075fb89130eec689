"""The conformance tests: what `Gallery` promises, for every store of the factory."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from steadyface.errors import (
    GalleryError,
    GalleryModelError,
    GalleryNotFoundError,
    UnknownIdentityError,
    UsageError,
)
from steadyface.gallery import Counts, Gallery, open_gallery
from steadyface.types import Embedding, Reference

MODEL = "face-v1"
Make = Callable[..., list[Reference]]
Again = Callable[..., Gallery]


def unit(*numbers: float) -> Reference:
    return Reference(Embedding(np.array(numbers, dtype=np.float32), MODEL))


def names(gallery: Gallery) -> list[str]:
    return [identity.name for identity in gallery.identities()]


# --- enrolling and looking --------------------------------------------------------------------


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
    gallery.enroll("Ann", [Reference(Embedding(vector, MODEL), "photos/ann 1.jpg", metadata)])
    (stored,) = gallery.references("Ann")
    assert stored.embedding.vector.tolist() == vector.tolist()
    assert stored.embedding.vector.dtype == np.float32
    assert stored.embedding.model_id == MODEL
    assert stored.source == "photos/ann 1.jpg"
    assert stored.metadata == metadata
    assert stored.quality is None
    assert before <= stored.enrolled_at <= datetime.now(UTC)
    assert stored.enrolled_at.utcoffset() == timedelta(0)
    assert gallery.identities()[0].enrolled_at == stored.enrolled_at


def test_enrolling_again_appends(
    gallery: Gallery, make_references: Make, vectors_of: Callable[..., list[list[float]]]
) -> None:
    first, second = make_references(2, seed=1), make_references(3, seed=2)
    assert gallery.enroll("Ann", first) == 2
    assert gallery.enroll("Ann", second) == 5
    stored = [reference.embedding.vector.tolist() for reference in gallery.references("Ann")]
    assert stored == vectors_of([*first, *second])
    assert gallery.count() == Counts(identities=1, references=5)


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
    gallery: Gallery, make_references: Make
) -> None:
    references = make_references(5000, dimension=2)
    gallery.enroll("many", references[:4999])
    gallery.enroll("one", references[4999:])
    templates = gallery.templates()
    expected = np.stack([reference.embedding.vector for reference in references])
    assert np.array_equal(templates.vectors, expected)
    assert templates.owners.tolist() == [0] * 4999 + [1]


def test_identities_are_listed_by_name(gallery: Gallery, make_references: Make) -> None:
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


# --- what is refused, and leaves nothing behind -------------------------------------------------


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
    assert gallery.enroll("Ann", [unit(0.6, 0.8005)]) == 1


def test_vector_of_another_length_than_the_gallery_s(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    with pytest.raises(GalleryError) as caught:
        gallery.enroll("Ben", [unit(1, 0, 0)])
    assert str(caught.value) == (
        f"{gallery.location}: a reference of 'Ben' has 3 numbers where other references of the "
        "same model have 2; the model's id must change when its output does"
    )
    assert names(gallery) == ["Ann"]


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
    gallery: Gallery, name: str, open_again: Again
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
    assert gallery.enroll(composed, [unit(0, 1)]) == 2
    assert names(gallery) == [composed]
    assert len(gallery.references(decomposed)) == 2
    assert gallery.remove(decomposed) == 2


def test_source_that_is_not_utf8_is_kept_readable(gallery: Gallery) -> None:
    vector = np.array([1, 0], dtype=np.float32)
    gallery.enroll("Ann", [Reference(Embedding(vector, MODEL), "caf\udce9\0.jpg")])
    assert gallery.references("Ann")[0].source == r"caf\udce9\x00.jpg"


# --- removing and renaming ----------------------------------------------------------------------


def test_removed_identity_is_gone(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0), unit(0, 1)])
    gallery.enroll("Ben", [unit(-1, 0)])
    gallery.enroll("Cleo", [unit(0, -1)])
    assert gallery.remove("Ann") == 2
    assert gallery.count() == Counts(identities=2, references=2)
    templates = gallery.templates()
    assert templates.names == ("Ben", "Cleo")
    assert templates.vectors.tolist() == [[-1, 0], [0, -1]]
    assert templates.owners.tolist() == [0, 1]


def test_removed_identity_comes_back_at_the_end(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    gallery.enroll("Ben", [unit(0, 1)])
    gallery.remove("Ben")
    gallery.remove("Ann")
    assert gallery.templates().vectors.shape == (0, 2)
    gallery.enroll("Ben", [unit(-1, 0)])
    assert gallery.enroll("Ann", [unit(1, 0)]) == 1
    assert gallery.templates().names == ("Ben", "Ann")


def test_removing_several_is_all_or_none(gallery: Gallery) -> None:
    for name in ("Ann", "Ben", "Cleo"):
        gallery.enroll(name, [unit(1, 0)])
    with pytest.raises(UnknownIdentityError):
        gallery.remove("Ann", "Dora")
    assert names(gallery) == ["Ann", "Ben", "Cleo"]
    assert gallery.remove("Ann", "Cleo", "Ann") == 2
    assert names(gallery) == ["Ben"]
    with pytest.raises(UsageError) as caught:
        gallery.remove()
    assert str(caught.value) == (
        f"{gallery.location}: nobody to remove was named; give at least one name"
    )


def test_unknown_identity_names_the_closest(gallery: Gallery) -> None:
    for name in ("Jo Smith", "john smith", "Maria"):
        gallery.enroll(name, [unit(1, 0)])
    close = (
        f"{gallery.location}: no identity is called 'Jon Smith'; did you mean 'john smith' or "
        "'Jo Smith'?"
    )
    far = (
        f"{gallery.location}: no identity is called 'Xu'; no name in it comes close; see which it "
        "holds, and check the spelling"
    )
    calls: list[Callable[[str], object]] = [
        gallery.references,
        gallery.remove,
        lambda name: gallery.rename(name, "new"),
    ]
    for call in calls:
        for name, message in (("Jon Smith", close), ("Xu", far)):
            with pytest.raises(UnknownIdentityError) as caught:
                call(name)
            assert str(caught.value) == message
    assert gallery.count().identities == 3


def test_renamed_identity_keeps_references_and_place(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    gallery.enroll("Ben", [unit(0, 1)])
    enrolled = gallery.identities()[0].enrolled_at
    gallery.rename("Ann", "Zoe")
    assert gallery.templates().names == ("Zoe", "Ben")
    assert names(gallery) == ["Ben", "Zoe"]
    assert gallery.identities()[1].enrolled_at == enrolled
    gallery.rename("Zoe", "Zoe")
    assert names(gallery) == ["Ben", "Zoe"]


def test_renaming_onto_another_identity(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    gallery.enroll("Ben", [unit(0, 1)])
    with pytest.raises(GalleryError) as caught:
        gallery.rename("Ann", "Ben")
    assert str(caught.value) == (
        f"{gallery.location}: cannot rename 'Ann': another identity is called 'Ben'; choose "
        "another name, or remove that identity first"
    )
    assert gallery.templates().names == ("Ann", "Ben")


# --- opening ------------------------------------------------------------------------------------


def test_gallery_that_nobody_made(gallery_url: str) -> None:
    for mode in ("read", "write"):
        with pytest.raises(GalleryNotFoundError, match=r"run `steadyface enroll` first$"):
            open_gallery(gallery_url, model_id=MODEL, mode=mode)


def test_gallery_opened_again_has_everything(
    gallery: Gallery, make_references: Make, open_again: Again
) -> None:
    gallery.enroll("Ann", make_references(3))
    gallery.enroll("Ben", make_references(2, seed=1))
    expected = gallery.templates()
    for mode in ("read", "write", "create"):
        templates = open_again(mode).templates()
        assert templates.names == expected.names
        assert np.array_equal(templates.vectors, expected.vectors)
        assert np.array_equal(templates.owners, expected.owners)


def test_reader_sees_what_is_enrolled_after_it_opened(gallery: Gallery, open_again: Again) -> None:
    reader = open_again()
    gallery.enroll("Ann", [unit(1, 0)])
    assert names(reader) == ["Ann"]


@pytest.mark.parametrize("mode", ["read", "write", "create"])
def test_another_model_in_use(gallery: Gallery, gallery_url: str, mode: Any) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    with pytest.raises(GalleryModelError) as caught:
        open_gallery(gallery_url, model_id="face-v2", mode=mode)
    assert str(caught.value) == (
        f"{gallery.location}: made with the model 'face-v1', but the model in use is 'face-v2', "
        "and their embeddings do not compare; enrol the people again with `steadyface enroll` "
        "into a new gallery"
    )


def test_gallery_opened_for_reading_refuses_changes(gallery: Gallery, open_again: Again) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    reader = open_again()
    changes: list[Callable[[], object]] = [
        lambda: reader.enroll("Ben", [unit(1, 0)]),
        lambda: reader.remove("Ann"),
        lambda: reader.rename("Ann", "Ben"),
    ]
    for change in changes:
        with pytest.raises(UsageError) as caught:
            change()
        assert str(caught.value) == (
            f"{gallery.location}: was opened for reading; open it with mode='write' to change it"
        )
    assert names(reader) == ["Ann"]


def test_closed_gallery_says_so(gallery: Gallery) -> None:
    gallery.close()
    gallery.close()
    calls: list[Callable[[], object]] = [
        lambda: gallery.enroll("Ann", [unit(1, 0)]),
        lambda: gallery.remove("Ann"),
        lambda: gallery.rename("Ann", "Ben"),
        lambda: gallery.references("Ann"),
        gallery.identities,
        gallery.count,
        gallery.templates,
    ]
    for call in calls:
        with pytest.raises(GalleryError) as caught:
            call()
        assert str(caught.value) == f"{gallery.location}: this gallery was closed; open it again"


def test_leaving_the_block_closes(gallery_url: str) -> None:
    with open_gallery(gallery_url, model_id=MODEL, mode="create") as gallery:
        assert gallery.count().identities == 0
    with pytest.raises(GalleryError, match="was closed"):
        gallery.count()


def test_threads_take_turns_on_one_gallery(gallery: Gallery) -> None:
    problems: list[BaseException] = []

    def work(thread: int) -> None:
        try:
            for number in range(10):
                gallery.enroll(f"{thread}-{number}", [unit(1, 0)])
                templates = gallery.templates()
                assert len(templates.names) == len(templates.owners)
        except BaseException as error:  # noqa: BLE001 (reported below)
            problems.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert gallery.count() == Counts(identities=40, references=40)
