"""Conformance of every store of the factory: opening, sharing and closing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.gallery.shared import MODEL, MODES, MakeReferences, OpenAgain, names, unit

from steadyface.errors import GalleryError, GalleryModelError, GalleryNotFoundError, UsageError
from steadyface.gallery import Counts, Gallery, open_gallery
from steadyface.types import Embedding, Reference


def test_gallery_that_nobody_made(gallery_url: str) -> None:
    for mode in ("read", "write"):
        with pytest.raises(GalleryNotFoundError, match=r"run `steadyface enroll` first$"):
            open_gallery(gallery_url, model_id=MODEL, mode=mode)


def test_gallery_opened_again_has_everything(
    gallery: Gallery, make_references: MakeReferences, open_again: OpenAgain
) -> None:
    gallery.enroll("Ann", make_references(3))
    gallery.enroll("Ben", make_references(2, seed=1))
    expected = gallery.templates()
    for mode in ("read", "write", "create"):
        templates = open_again(mode).templates()
        assert templates.names == expected.names
        assert np.array_equal(templates.vectors, expected.vectors)
        assert np.array_equal(templates.owners, expected.owners)


def test_reader_sees_what_is_enrolled_after_it_opened(
    gallery: Gallery, open_again: OpenAgain
) -> None:
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
        "and their embeddings do not compare; bring the gallery over with `steadyface gallery "
        "re-embed --images DIR`, DIR holding the enrolled images, or name its model"
    )


def test_no_model_in_use_is_the_gallery_s_own(gallery: Gallery, gallery_url: str) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    for mode in MODES[:2]:
        with open_gallery(gallery_url, model_id=None, mode=mode) as opened:
            assert opened.model_id == opened.stats().model_id == MODEL
            assert names(opened) == ["Ann"]
    with open_gallery(gallery_url, model_id=None, mode="write") as opened:
        with pytest.raises(GalleryModelError, match="holds embeddings of 'face-v1'"):
            opened.enroll("Ben", [Reference(Embedding(np.array([1, 0], np.float32), "face-v2"))])
        assert opened.remove("Ann") == 1


def test_a_new_gallery_needs_a_model(gallery_url: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_gallery(gallery_url, model_id=None, mode="create")
    assert str(caught.value) == "model_id is None; give the id of the model in use"
    with pytest.raises(GalleryNotFoundError):
        open_gallery(gallery_url, model_id=None, mode="write")


def test_gallery_opened_for_reading_refuses_changes(
    gallery: Gallery, open_again: OpenAgain
) -> None:
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
        gallery.stats,
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
