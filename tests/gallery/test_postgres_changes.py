"""What PostgreSQL does of its own about changes: the audit's trigger, the index, erasing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import numpy as np
import psycopg
import pytest
from benchmarks.postgres_server import Server, raw_postgres
from tests.gallery.shared import (
    MODEL,
    MakeReferences,
    erasing_is_due,
    place_of,
    postgres_files,
    unit,
)

from steadyface.errors import GalleryCorruptError, GalleryError, GalleryModelError
from steadyface.gallery import open_gallery
from steadyface.gallery.postgres import PostgresGallery
from steadyface.gallery.postgres_open import open_postgres
from steadyface.types import Embedding, Reference

NEW = "face-v2"


@pytest.fixture
def open_here(postgres_url: str) -> Iterator[Callable[[], PostgresGallery]]:
    """Open the gallery once more for writing, as its own class."""
    opened: list[PostgresGallery] = []

    def again() -> PostgresGallery:
        rest = postgres_url.partition("://")[2]
        opened.append(open_postgres(rest, model_id=None, mode="write", timeout=5))
        return opened[-1]

    open_gallery(postgres_url, model_id=MODEL, mode="create").close()
    yield again
    for one in opened:
        one.close()


@pytest.fixture
def gallery(open_here: Callable[[], PostgresGallery]) -> PostgresGallery:
    return open_here()


def by(model_id: str, reference: Reference) -> Reference:
    return Reference(Embedding(reference.embedding.vector, model_id))


def test_all_of_the_new_model(gallery: PostgresGallery, make_references: MakeReferences) -> None:
    """An index of vectors of another length would refuse the new ones."""
    gallery.enroll("Ann", make_references(20))
    gallery.build_index()
    ids = [r.id for r in gallery.references("Ann")]
    longer = make_references(20, dimension=16, seed=1)
    gallery.replace_all(NEW, {n: by(NEW, r) for n, r in zip(ids, longer, strict=True)})
    probe = longer[7].embedding.vector
    with pytest.raises(GalleryError, match="there is no index"):
        gallery.recall(probe[None])
    assert gallery.nearest(probe, approximate=True)[0].reference == ids[7]
    gallery.build_index()
    # The same length: the index stays, with the new vectors in it.
    other = make_references(20, dimension=16, seed=2)
    gallery.replace_all(NEW, {n: by(NEW, r) for n, r in zip(ids, other, strict=True)})
    assert gallery.recall(np.stack([r.embedding.vector for r in other])) == 1
    assert gallery.nearest(other[3].embedding.vector, approximate=True)[0].reference == ids[3]
    gallery.replace_all(NEW, {})
    assert gallery.nearest(probe) == []
    assert gallery.enroll("Ann", [by(NEW, unit(1, 0, 0))]).added == 1


def test_searches_elsewhere_hear_of_another_model(
    gallery: PostgresGallery, open_here: Callable[[], PostgresGallery]
) -> None:
    probe = unit(1, 0).embedding.vector
    for vectors in ([unit(0, 1)], [unit(0, 0, 1)], []):
        gallery.replace_all(MODEL, {})
        gallery.enroll("Ann", [unit(1, 0)])
        (held,) = (r.id for r in gallery.references("Ann"))
        other, late = open_here(), open_here()
        assert other.nearest(probe)[0].reference == held
        gallery.replace_all(NEW, {n: by(NEW, v) for n, v in zip([held], vectors, strict=False)})
        for approximate in (False, True):
            for elsewhere in (other, late):
                with pytest.raises(GalleryModelError, match="gone over to 'face-v2' since"):
                    elsewhere.nearest(probe, approximate=approximate)


def test_searches_elsewhere_go_on_with_vectors_of_another_length(
    gallery: PostgresGallery, open_here: Callable[[], PostgresGallery]
) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    (held,) = (r.id for r in gallery.references("Ann"))
    other = open_here()
    assert other.nearest(unit(1, 0).embedding.vector)[0].reference == held
    gallery.replace_all(MODEL, {held: unit(0, 1, 0)})
    with pytest.raises(GalleryError, match="to search for has 2 numbers where other references"):
        other.nearest(unit(1, 0).embedding.vector)
    assert other.nearest(unit(0, 1, 0).embedding.vector)[0].reference == held


def test_threads_that_read_while_one_goes_over(gallery: PostgresGallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    (held,) = (r.id for r in gallery.references("Ann"))
    probe, failures = unit(1, 0).embedding.vector, list[Exception]()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                assert gallery.templates().names == ("Ann",)
                assert gallery.nearest(probe)[0].reference == held
            except Exception as error:  # noqa: BLE001 (whatever it is, the test tells)
                failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(10):
        model = f"face-{number}"
        gallery.replace_all(model, {held: by(model, unit(1, 0))})
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'someone else'",
        "DELETE FROM audit WHERE id = 1",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "SET session_replication_role = replica; DELETE FROM audit",
        "INSERT INTO audit OVERRIDING SYSTEM VALUE VALUES (1, now(), 'x', 'enroll', 1, 1)"
        " ON CONFLICT (id) DO UPDATE SET actor = 'someone else'",
    ],
)
def test_entries_are_neither_changed_nor_deleted(
    gallery: PostgresGallery, postgres_url: str, statement: str
) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    before = gallery.audit()
    with raw_postgres(postgres_url) as database:
        with pytest.raises(psycopg.Error, match="the audit can only be appended to"):
            database.execute(statement)
        with pytest.raises(psycopg.Error, match="non-DEFAULT value into column"):
            database.execute("INSERT INTO audit VALUES (9, now(), 'x', 'enroll', 1, 1)")
    assert gallery.audit() == before


def test_a_change_that_cannot_be_entered_is_not_made(
    gallery: PostgresGallery, postgres_url: str
) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    revision = gallery.revision()
    with raw_postgres(postgres_url) as database:
        database.execute("ALTER TABLE audit RENAME TO other")
    changes: list[Callable[[], object]] = [
        lambda: gallery.enroll("Ben", [unit(0, 1)]),
        lambda: gallery.remove("Ann"),
        lambda: gallery.rename("Ann", "Zoe"),
        lambda: gallery.replace_all(NEW, {}),
    ]
    for change in changes:
        with pytest.raises(GalleryCorruptError):
            change()
    assert gallery.templates().names == ("Ann",)
    assert (gallery.revision(), gallery.model_id) == (revision, MODEL)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM meta WHERE key = 'revision'",
        "UPDATE meta SET value = 'x' WHERE key = 'revision'",
    ],
)
def test_a_revision_that_is_damaged(
    gallery: PostgresGallery, postgres_url: str, statement: str
) -> None:
    with raw_postgres(postgres_url) as database:
        database.execute(statement)
    with pytest.raises(GalleryCorruptError, match="or damaged"):
        gallery.revision()


def test_a_model_that_is_lost_while_the_gallery_is_open(
    gallery: PostgresGallery, postgres_url: str
) -> None:
    with raw_postgres(postgres_url) as database:
        database.execute("DELETE FROM meta WHERE key = 'model_id'")
    with pytest.raises(GalleryCorruptError, match="it does not say which model made it"):
        gallery.templates()


@pytest.mark.slow
def test_nothing_of_what_was_removed_or_replaced_stays_in_the_files(
    gallery: PostgresGallery,
    postgres: Server,
    postgres_url: str,
    make_references: MakeReferences,
) -> None:
    old, new = make_references(40, dimension=128), make_references(40, dimension=128, seed=1)
    marks = [reference.embedding.vector.tobytes()[:64] for reference in old]
    gallery.enroll("Ann", old[:20], metadata={"x": "private note"})
    gallery.enroll("Ben", old[20:])
    with raw_postgres(postgres_url) as database:
        database.execute("ANALYZE")

    def left() -> list[int]:
        content = postgres_files(postgres)
        return [number for number, mark in enumerate(marks) if mark in content]

    assert left() == list(range(40))
    assert b"private note" in postgres_files(postgres)
    gallery.describe("Ann", {"x": "other"})
    assert b"private note" not in postgres_files(postgres)
    gallery.rename("Ann", "Zoe Unmistakable")
    assert b"Zoe Unmistakable" in postgres_files(postgres)
    gallery.rename("Zoe Unmistakable", "Ann")
    assert b"Unmistakable" not in postgres_files(postgres)
    gallery.remove_references("Ann", [r.id for r in gallery.references("Ann")[:5]])
    assert left() == list(range(5, 40))
    gallery.build_index()
    kept = [r.id for name in ("Ann", "Ben") for r in gallery.references(name)][:20]
    gallery.replace_all(NEW, {n: by(NEW, r) for n, r in zip(kept, new, strict=False)})
    assert left() == []
    content = postgres_files(postgres)
    assert all(r.embedding.vector.tobytes()[:64] in content for r in new[:20])
    gallery.prune(datetime(2999, 1, 1, tzinfo=UTC))
    content = postgres_files(postgres)
    assert not [r for r in new if r.embedding.vector.tobytes()[:64] in content]
    assert not erasing_is_due(postgres_url)


def test_whoever_is_in_the_way_of_a_description(postgres_url: str) -> None:
    with open_gallery(postgres_url, model_id=MODEL, mode="create", timeout=0.2) as gallery:
        gallery.enroll("Ann", [unit(1, 0)], metadata={"x": "private note"})
        with raw_postgres(postgres_url) as watcher, watcher.transaction():
            watcher.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            watcher.execute("SELECT 1")
            gallery.describe("Ann", {})
            assert gallery.identity("Ann").metadata == {}
            assert erasing_is_due(postgres_url)
    open_gallery(postgres_url, model_id=MODEL, mode="write").close()
    assert not erasing_is_due(postgres_url)


def test_a_description_does_not_rebuild_the_vectors(
    gallery: PostgresGallery, postgres_url: str
) -> None:
    def files() -> list[tuple[int, int]]:
        with raw_postgres(postgres_url) as database:
            name = place_of(postgres_url).gallery
            return database.execute(
                f"SELECT pg_relation_filenode('{name}.identity'),"
                f" pg_relation_filenode('{name}.reference')"
            ).fetchall()

    gallery.enroll("Ann", [unit(1, 0)], metadata={"a": 1})
    ((identity, reference),) = files()
    gallery.describe("Ann", {"a": 2})
    ((rebuilt, same),) = files()
    assert rebuilt != identity
    gallery.rename("Ann", "Zoe")
    ((again, still),) = files()
    assert again != rebuilt
    assert same == still == reference
