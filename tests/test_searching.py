"""The index of a gallery answers as the gallery's own templates do, whoever changes it."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from steadyface.errors import GalleryModelError
from steadyface.gallery import Gallery, GalleryMode, open_gallery
from steadyface.matching.calibration import DecisionRule
from steadyface.matching.decide import match
from steadyface.matching.scores import ready
from steadyface.searching import GallerySearch
from steadyface.types import Embedding, FloatArray, Match, Reference

MODEL = "m"
RULE = DecisionRule(0.4, 1e-3, "c", (0.4, 0.45, 0.5), (0.6,), 0.3)


def unit(rng: np.random.Generator, dimension: int = 6) -> FloatArray:
    vector = rng.standard_normal(dimension).astype(np.float32)
    return np.asarray(vector / np.linalg.norm(vector))


def reference(rng: np.random.Generator, model: str = MODEL) -> Reference:
    quality = None if rng.random() < 0.2 else float(rng.random())
    return Reference(Embedding(unit(rng), model), quality=quality)


def opened(path: Path, mode: GalleryMode = "write") -> Gallery:
    return open_gallery(path, model_id=MODEL, mode=mode)


def expected(gallery: Gallery, probe: Embedding, quality: float | None) -> Match:
    return match(probe, ready(gallery.templates()), RULE, top=4, quality=quality)


def change(gallery: Gallery, rng: np.random.Generator) -> None:
    """Do something to somebody, mostly enrol."""
    names = [one.name for one in gallery.identities()]
    some = names[rng.integers(len(names))] if names else "nobody"
    what = rng.random()
    if what < 0.5 or not names:
        who = f"p{rng.integers(1_000_000)}" if what < 0.35 or not names else some
        gallery.enroll(who, [reference(rng) for _ in range(rng.integers(1, 4))])
    elif what < 0.65:
        gallery.remove(some)
    elif what < 0.8:
        gallery.rename(some, f"renamed {rng.integers(1_000_000)}")
    else:
        ids = [one.id for one in gallery.references(some)]
        if ids:
            gallery.remove_references(some, ids[:1])


@pytest.mark.parametrize("page", [1, 3, 4096])
def test_answers_are_those_of_the_templates_whoever_changes_them(tmp_path: Path, page: int) -> None:
    rng = np.random.default_rng(page)
    path = tmp_path / "people.db"
    with opened(path, "create") as gallery, opened(path) as other:
        for _ in range(15):
            change(gallery, rng)
        search = GallerySearch(gallery, page=page)
        for turn in range(40):
            for _ in range(rng.integers(4)):
                change(other if turn % 2 else gallery, rng)
            probe = Embedding(unit(rng), MODEL)
            quality = None if turn % 3 else float(rng.random())
            found = search.index().match(probe, RULE, top=4, quality=quality)
            assert found == expected(gallery, probe, quality)
        assert len(search.index()) == gallery.count().identities


def test_an_empty_gallery_matches_nobody_and_one_that_was_emptied(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    probe = Embedding(unit(rng), MODEL)
    with opened(tmp_path / "people.db", "create") as gallery:
        search = GallerySearch(gallery)
        assert search.index().match(probe, RULE).similarity is None
        gallery.enroll("Ann", [Reference(probe)])
        assert search.index().match(probe, RULE).identity == "Ann"
        gallery.remove("Ann")
        assert search.index().match(probe, RULE).similarity is None


def test_only_who_was_changed_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    with opened(tmp_path / "people.db", "create") as gallery:
        for number in range(30):
            gallery.enroll(f"p{number}", [reference(rng)])
        search = GallerySearch(gallery, page=10)
        search.index()
        seen: list[int] = []
        ask = gallery.changes

        def counting(*arguments: object, **options: object) -> object:
            page = ask(*arguments, **options)  # type: ignore[arg-type]
            seen.append(len(page.ids))
            return page

        monkeypatch.setattr(gallery, "changes", counting)
        search.index()
        gallery.enroll("p7", [reference(rng)])
        search.index()
        assert seen == [1]


def test_a_gallery_of_another_model_is_read_anew(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "people.db"
    with opened(path, "create") as gallery, opened(path) as other:
        gallery.enroll("Ann", [reference(rng)])
        search, theirs = GallerySearch(gallery), GallerySearch(other)
        search.index()
        theirs.index()
        (stored,) = gallery.references("Ann")
        new = Reference(Embedding(unit(rng), "n"))
        gallery.replace_all("n", {stored.id: new})
        index = search.index()
        assert index.model_id == "n"
        assert index.match(new.embedding, RULE).identity == "Ann"
        with pytest.raises(GalleryModelError):
            theirs.index()


@pytest.mark.parametrize("page", [1, 4096])
def test_vectors_of_another_length_under_the_same_id(tmp_path: Path, page: int) -> None:
    rng = np.random.default_rng(0)
    with opened(tmp_path / "people.db", "create") as gallery:
        for name in ("Ann", "Ben", "Cy"):
            gallery.enroll(name, [reference(rng)])
        search = GallerySearch(gallery, page=page)
        before = search.index()
        new = [Reference(Embedding(unit(rng, 9), MODEL)) for _ in range(3)]
        held = [gallery.references(name)[0].id for name in ("Ann", "Ben", "Cy")]
        gallery.replace_all(MODEL, dict(zip(held, new, strict=True)))
        for _ in range(2):
            assert search.index().match(new[1].embedding, RULE).identity == "Ben"
        assert search.index().dimension == 9
        assert (before.dimension, len(before)) == (6, 3)
        # Nobody has a vector, then one has one of yet another length.
        gallery.replace_all(MODEL, {})
        assert search.index().match(new[1].embedding, RULE).identity is None
        probe = reference(rng)
        gallery.enroll("Ben", [probe])
        assert search.index().match(probe.embedding, RULE).identity == "Ben"
        assert len(search.index()) == 3


def test_a_gallery_that_was_brought_back_from_an_older_copy(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "people.db"
    with opened(path, "create") as gallery:
        ann, ben = reference(rng), reference(rng)
        gallery.enroll("Ann", [ann])
        search = GallerySearch(gallery)
        with (
            closing(sqlite3.connect(path)) as file,
            closing(sqlite3.connect(":memory:")) as copy,
        ):
            file.backup(copy)
            gallery.enroll("Ben", [ben])
            gallery.rename("Ann", "Anna")
            assert search.index().match(ann.embedding, RULE).identity == "Anna"
            copy.backup(file)
        assert search.index().match(ann.embedding, RULE).identity == "Ann"
        assert len(search.index()) == 1


def test_threads_may_search_while_others_enrol(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    probe = Embedding(unit(np.random.default_rng(1)), MODEL)
    wrong: list[object] = []
    with opened(path, "create") as gallery:
        gallery.enroll("Ann", [Reference(probe)])
        search = GallerySearch(gallery, page=5)
        done = threading.Event()

        def look() -> None:
            while not done.is_set():
                found = search.index().match(probe, RULE)
                if found.identity != "Ann":
                    wrong.append(found)

        threads = [threading.Thread(target=look) for _ in range(3)]
        for thread in threads:
            thread.start()
        rng = np.random.default_rng(2)
        for number in range(40):
            gallery.enroll(f"p{number}", [reference(rng)])
        done.set()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert len(search.index()) == 41
