"""Conformance of every store of the factory: an index that is kept in step with a gallery."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from tests.gallery.shared import MODEL, OpenAgain, names, unit

from steadyface.errors import GalleryError, GalleryModelError, UsageError
from steadyface.gallery import START, Changes, Gallery, Mark
from steadyface.types import Embedding, Reference


class Index:
    """What a reader of changes knows of a gallery: name and vectors by id."""

    def __init__(self) -> None:
        self.mark = START
        self.people: dict[int, tuple[str, list[list[float]]]] = {}

    def apply(self, page: Changes) -> None:
        templates = page.templates
        assert len(page.ids) == len(templates.names)
        for row, (number, name) in enumerate(zip(page.ids.tolist(), templates.names, strict=True)):
            vectors = templates.vectors[templates.owners == row]
            self.people[number] = (name, vectors.tolist())
        for number in page.removed:
            self.people.pop(number, None)
        self.mark = page.mark

    def catch_up(self, gallery: Gallery, limit: int = 4096) -> list[Changes]:
        pages = []
        while True:
            pages.append(gallery.changes(self.mark, limit=limit))
            self.apply(pages[-1])
            if pages[-1].complete:
                return pages

    def check(self, gallery: Gallery) -> None:
        templates = gallery.templates()
        assert {one.id: one.name for one in gallery.identities()} == {
            number: name for number, (name, _) in self.people.items()
        }
        people = [self.people[number] for number in sorted(self.people)]
        assert templates.names == tuple(name for name, _ in people)
        assert templates.vectors.tolist() == [vector for _, held in people for vector in held]
        assert templates.owners.tolist() == [n for n, (_, held) in enumerate(people) for _ in held]


def in_step(gallery: Gallery) -> Index:
    index = Index()
    index.catch_up(gallery)
    index.check(gallery)
    return index


def number_of(gallery: Gallery, name: str) -> int:
    return gallery.identity(name).id


def test_an_empty_gallery_has_nothing_new(gallery: Gallery) -> None:
    page = gallery.changes()
    assert (page.mark, page.complete, page.removed, page.ids.tolist()) == (START, True, (), [])
    assert page.templates.names == ()


def test_a_page_has_whole_identities(gallery: Gallery, open_again: OpenAgain) -> None:
    ann = replace(unit(1, 0), quality=0.5)
    gallery.enroll("Ann", [ann, unit(0, 1)])
    gallery.enroll("Ben", [unit(0, -1)])
    page = open_again().changes()
    assert page.ids.tolist() == [number_of(gallery, "Ann"), number_of(gallery, "Ben")]
    assert page.ids.dtype == np.int64
    templates = page.templates
    assert (templates.names, templates.model_id) == (("Ann", "Ben"), MODEL)
    assert templates.vectors.tolist() == [[1, 0], [0, 1], [0, -1]]
    assert templates.owners.tolist() == [0, 0, 1]
    assert templates.qualities is not None
    assert np.array_equal(templates.qualities, [0.5, np.nan, np.nan], equal_nan=True)
    for array in (page.ids, templates.vectors, templates.owners):
        assert not array.flags.writeable
    assert page.complete
    assert page.removed == ()


def test_pages_are_in_the_order_of_change(gallery: Gallery) -> None:
    for name in ("Ann", "Ben", "Cleo", "Dan"):
        gallery.enroll(name, [unit(1, 0)])
    gallery.enroll("Ann", [unit(0, 1)])
    cleo = number_of(gallery, "Cleo")
    gallery.remove("Cleo")
    pages = Index().catch_up(gallery, limit=1)
    assert [page.templates.names for page in pages] == [("Ben",), ("Dan",), ("Ann",), ()]
    assert pages[-1].removed == (cleo,)
    marks = [page.mark for page in pages]
    assert all(one < other for one, other in pairwise(marks))
    assert [page.complete for page in pages] == [False, False, False, True]
    (whole,) = Index().catch_up(gallery, limit=4)
    assert whole.templates.names == ("Ben", "Dan", "Ann")
    assert whole.mark == marks[-1]


def test_whoever_is_up_to_date_hears_nothing(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    index = in_step(gallery)
    before = index.mark
    gallery.enroll("Ann", [unit(1, 0)])
    gallery.rename("Ann", "Ann")
    gallery.describe("Ann", {"a": 1})
    (page,) = index.catch_up(gallery)
    assert (page.mark, page.complete, page.removed, page.ids.tolist()) == (before, True, (), [])
    assert page.templates.vectors.shape == (0, 2)


def test_every_kind_of_change_is_told(gallery: Gallery, open_again: OpenAgain) -> None:
    for name in ("Ann", "Ben", "Cleo"):
        gallery.enroll(name, [unit(1, 0), unit(0, 1)])
    index, writer = in_step(gallery), open_again("write")
    ann = number_of(gallery, "Ann")
    changes: list[Callable[[], object]] = [
        lambda: writer.enroll("Ann", [unit(-1, 0)]),
        lambda: writer.rename("Ann", "Zoe"),
        lambda: writer.remove_references("Zoe", [gallery.references("Zoe")[0].id]),
        lambda: writer.remove_references("Zoe", [r.id for r in gallery.references("Zoe")]),
    ]
    for change in changes:
        change()
        (page,) = index.catch_up(gallery)
        assert (page.ids.tolist(), page.removed) == ([ann], ())
        index.check(gallery)
    writer.remove("Cleo", "Zoe")
    (page,) = index.catch_up(gallery)
    assert (page.ids.tolist(), sorted(page.removed)) == ([], [ann, ann + 2])
    index.check(gallery)
    writer.prune(datetime.now(UTC) + timedelta(hours=1))
    (page,) = index.catch_up(gallery)
    assert page.removed == (ann + 1,)
    assert index.people == {}


def test_what_pruning_leaves_is_told(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    gallery.enroll("Ben", [unit(1, 0)])
    moment = gallery.references("Ben")[0].enrolled_at + timedelta(microseconds=1)
    while datetime.now(UTC) <= moment:
        pass
    gallery.enroll("Ann", [unit(0, 1)])
    index, ben = in_step(gallery), number_of(gallery, "Ben")
    gallery.prune(moment)
    (page,) = index.catch_up(gallery)
    assert (page.templates.names, page.removed) == (("Ann",), (ben,))
    index.check(gallery)


def test_a_name_that_comes_back_is_another_identity(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    index, before = in_step(gallery), number_of(gallery, "Ann")
    gallery.remove("Ann")
    gallery.enroll("Ann", [unit(0, 1)])
    for limit in (1, 4096):
        late = Index()
        late.mark, late.people = index.mark, dict(index.people)
        pages = late.catch_up(gallery, limit)
        assert [number for page in pages for number in page.removed] == [before]
        assert late.people == {number_of(gallery, "Ann"): ("Ann", [[0, 1]])}


def test_re_embedding_makes_everybody_newer(gallery: Gallery) -> None:
    for name in ("Ann", "Ben", "Cleo"):
        gallery.enroll(name, [unit(1, 0), unit(0, 1)])
    index = in_step(gallery)
    kept = gallery.references("Ann") + gallery.references("Cleo")[:1]
    vector = np.array([0, 0, 1], dtype=np.float32)
    gallery.replace_all("face-v2", {r.id: Reference(Embedding(vector, "face-v2")) for r in kept})
    pages = index.catch_up(gallery, limit=2)
    assert [page.templates.names for page in pages] == [("Ann", "Ben"), ("Cleo",)]
    assert {page.templates.model_id for page in pages} == {"face-v2"}
    index.check(gallery)


def test_others_hear_of_another_model(gallery: Gallery, open_again: OpenAgain) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    reader = open_again()
    index = in_step(reader)
    gallery.replace_all("face-v2", {})
    with pytest.raises(GalleryModelError, match="somebody has gone over to 'face-v2' since"):
        index.catch_up(reader)


@pytest.mark.parametrize("seed", range(3))
def test_any_changes_by_several_end_in_step(
    gallery: Gallery, open_again: OpenAgain, seed: int
) -> None:
    chance = random.Random(seed)
    writers = [gallery, open_again("write"), open_again("write")]
    readers = [(Index(), open_again(), limit) for limit in (1, 2, 5)]

    def some() -> str:
        return chance.choice(names(gallery) or ["nobody"])

    def vector() -> Reference:
        angle = chance.uniform(0, 6.3)
        return unit(np.cos(angle), np.sin(angle))

    def enroll(writer: Gallery) -> None:
        name = chance.choice([some(), f"person {chance.randrange(12)}"])
        writer.enroll(name, [vector() for _ in range(chance.randrange(1, 4))])

    def rename(writer: Gallery) -> None:
        taken = {*names(gallery)}
        free = [name for n in range(20) if (name := f"person {n}") not in taken]
        if taken:
            writer.rename(some(), chance.choice(free))

    def remove(writer: Gallery) -> None:
        if held := names(gallery):
            writer.remove(*chance.sample(held, min(len(held), chance.randrange(1, 3))))

    def remove_references(writer: Gallery) -> None:
        if held := [r.id for r in gallery.references(name)] if (name := some()) != "nobody" else []:
            writer.remove_references(name, chance.sample(held, chance.randrange(1, len(held) + 1)))

    def prune(writer: Gallery) -> None:
        moments = [r.enrolled_at for name in names(gallery) for r in gallery.references(name)]
        if moments:
            writer.prune(sorted(moments)[len(moments) // 3])

    def replace_all(writer: Gallery) -> None:
        held = [r.id for name in names(gallery) for r in gallery.references(name)]
        writer.replace_all(MODEL, {number: vector() for number in held if chance.random() < 0.9})

    def describe(writer: Gallery) -> None:
        if names(gallery):
            writer.describe(some(), {"n": chance.random()})

    changes = [enroll] * 8 + [rename] * 2 + [remove, remove_references, prune, describe]
    for number in range(60):
        (replace_all if number % 25 == 24 else chance.choice(changes))(chance.choice(writers))
        for index, reader, limit in readers:
            if chance.random() < 0.15:
                # A page alone: the next are asked for after more changes.
                page = reader.changes(index.mark, limit=limit)
                assert len(page.ids) + len(page.removed) <= limit
                index.apply(page)
            elif chance.random() < 0.15:
                index.catch_up(reader, limit)
                index.check(reader)
    for index, reader, limit in readers:
        index.catch_up(reader, limit)
        index.check(reader)


def test_reading_amid_writers_ends_in_step(gallery: Gallery, open_again: OpenAgain) -> None:
    def work(mine: Gallery, name: str) -> None:
        for number in range(20):
            mine.enroll(f"{name} {number % 7}", [unit(np.cos(number), np.sin(number))])
            if number % 7 == 6:
                mine.rename(f"{name} 3", f"{name} {number + 10}")

    threads = [threading.Thread(target=work, args=(open_again("write"), n)) for n in "ab"]
    for thread in threads:
        thread.start()
    index, reader = Index(), open_again()
    while any(thread.is_alive() for thread in threads):
        index.catch_up(reader, limit=3)
    for thread in threads:
        thread.join()
    index.catch_up(reader, limit=3)
    index.check(gallery)
    assert len(index.people) > 10


def test_pages_that_are_none(gallery: Gallery) -> None:
    for limit in (0, -1, 2**63):
        with pytest.raises(UsageError) as caught:
            gallery.changes(limit=limit)
        assert str(caught.value) == f"limit is {limit}; give a number from 1 on"
    for mark in (Mark(-1, 0), Mark(2**63, 0)):
        with pytest.raises(UsageError) as caught:
            gallery.changes(mark)
        assert str(caught.value) == f"revision is {mark.revision}; give a number from 0 on"


def test_what_is_closed(gallery: Gallery) -> None:
    gallery.close()
    with pytest.raises(GalleryError, match="this gallery was closed"):
        gallery.changes()
