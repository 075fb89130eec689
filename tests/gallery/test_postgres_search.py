"""Searching in the database, exactly and through the index."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from benchmarks.postgres_server import Server, raw_postgres
from tests.gallery.shared import MODEL, place_of, postgres_files, unit

from steadyface.errors import GalleryError, UsageError
from steadyface.gallery.postgres import PostgresGallery
from steadyface.gallery.postgres_open import open_postgres
from steadyface.types import Embedding, FloatArray, Reference

DOCS = Path(__file__).resolve().parents[2] / "docs" / "postgresql.md"


def random_units(count: int, dimension: int = 64, seed: int = 0) -> FloatArray:
    vectors = np.random.default_rng(seed).standard_normal((count, dimension))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


def enrol(gallery: PostgresGallery, vectors: FloatArray, people: int) -> None:
    for number, mine in enumerate(np.array_split(vectors, people)):
        gallery.enroll(f"person {number}", [Reference(Embedding(v, MODEL)) for v in mine])


@pytest.fixture
def gallery(postgres_url: str) -> Iterator[PostgresGallery]:
    rest = postgres_url.partition("://")[2]
    with open_postgres(rest, model_id=MODEL, mode="create", timeout=5) as opened:
        yield opened


def test_exact_search_is_what_a_matrix_product_says(gallery: PostgresGallery) -> None:
    vectors, probes = random_units(500), random_units(20, seed=1)
    enrol(gallery, vectors, 100)
    templates = gallery.templates()
    ids = [r.id for name in templates.names for r in gallery.references(name)]
    for probe in probes:
        scores = vectors.astype(np.float64) @ probe
        best = np.argsort(-scores)[:7]
        found = gallery.nearest(probe, top=7)
        assert [one.reference for one in found] == [ids[row] for row in best]
        assert [one.identity for one in found] == [
            templates.names[templates.owners[row]] for row in best
        ]
        assert [one.similarity for one in found] == pytest.approx(scores[best], abs=1e-6)
    assert len(gallery.nearest(probes[0], top=1000)) == 500


def test_of_equal_references_the_first_comes_first(gallery: PostgresGallery) -> None:
    for name in ("Zoe", "Ann", "Ben"):
        gallery.enroll(name, [unit(1, 0)])
    assert [one.identity for one in gallery.nearest(unit(1, 0).embedding.vector, top=2)] == [
        "Zoe",
        "Ann",
    ]


def test_a_gallery_of_nobody_has_nobody_near(gallery: PostgresGallery) -> None:
    probe = unit(1, 0).embedding.vector
    assert gallery.nearest(probe) == gallery.nearest(probe, approximate=True) == []
    with pytest.raises(GalleryError, match="cannot index vectors of 0 numbers; enrol somebody"):
        gallery.build_index()


def test_searches_that_are_refused(gallery: PostgresGallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    probe = unit(1, 0).embedding.vector
    with pytest.raises(UsageError, match=r"^top is 0; give a number from 1 on$"):
        gallery.nearest(probe, top=0)
    for options in ({"effort": 1001}, {"effort": 4, "top": 5}):
        with pytest.raises(UsageError, match=r"^effort is \d+; give a number from top, which is"):
            gallery.nearest(probe, approximate=True, **options)
    with pytest.raises(GalleryError, match="the vector to search for has 3 numbers where other"):
        gallery.nearest(unit(1, 0, 0).embedding.vector)
    with pytest.raises(GalleryError, match="the vector to search for has the Euclidean length 5"):
        gallery.nearest(unit(3, 4).embedding.vector)
    with pytest.raises(GalleryError, match=r"there is no index; make one: build_index\(\)$"):
        gallery.recall(probe[None])
    with pytest.raises(UsageError, match="PostgreSQL refuses the index: "):
        gallery.build_index(links=1)


def test_only_the_index_limits_how_many_are_found(gallery: PostgresGallery) -> None:
    enrol(gallery, random_units(1200, dimension=4), 10)
    probe = random_units(1, dimension=4)[0]
    assert len(gallery.nearest(probe, top=1001)) == 1001
    assert len(gallery.nearest(probe, top=5000, effort=1)) == 1200
    with pytest.raises(UsageError) as caught:
        gallery.nearest(probe, top=1001, approximate=True)
    assert str(caught.value) == (
        "top is 1001; the index finds 1000 at most: give fewer, or search exactly"
    )
    with pytest.raises(UsageError) as caught:
        gallery.recall(probe[None], top=1001, effort=1001)
    assert str(caught.value) == (
        "top is 1001; the index finds 1000 at most: measure with 1 to 1000"
    )


@pytest.mark.slow
def test_the_index_finds_nearly_all_and_is_asked_only_when_told(gallery: PostgresGallery) -> None:
    vectors, probes = random_units(5000), random_units(100, seed=1)
    enrol(gallery, vectors, 50)
    gallery.build_index()
    few, usual = (gallery.recall(probes, effort=effort) for effort in (10, 200))
    # Random probes are the hardest: no reference is near any. It is the index that answers, for
    # it misses some.
    assert 0.3 < few < 0.9
    assert usual >= 0.97
    assert gallery.recall(probes, top=10, effort=400) >= 0.97
    near = vectors[:100] + 0.05 * probes
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    assert gallery.recall(near.astype(np.float32)) >= 0.99
    gallery.enroll("late", [Reference(Embedding(probes[0], MODEL))])
    (found,) = gallery.nearest(probes[0], approximate=True)
    assert found.identity == "late"
    gallery.remove("late")
    (found,) = gallery.nearest(probes[0], approximate=True)
    assert found == gallery.nearest(probes[0])[0]
    gallery.drop_index()
    gallery.drop_index()
    assert gallery.nearest(probes[0], approximate=True) == [found]


def test_a_reader_can_search_and_not_index(gallery: PostgresGallery, postgres_url: str) -> None:
    enrol(gallery, random_units(50), 10)
    rest = postgres_url.partition("://")[2]
    with open_postgres(rest, model_id=None, mode="read", timeout=5) as reader:
        probe = random_units(1)[0]
        assert reader.nearest(probe) == gallery.nearest(probe)
        with pytest.raises(UsageError, match="was opened for reading"):
            reader.build_index()


def test_readers_go_on_while_the_index_is_built_anew(
    gallery: PostgresGallery, postgres_url: str
) -> None:
    enrol(gallery, random_units(50), 10)
    gallery.build_index()
    rest, probe = postgres_url.partition("://")[2], random_units(1)[0]
    name = place_of(postgres_url).gallery

    def index() -> list[tuple[int, int]]:
        with raw_postgres(postgres_url) as database:
            return database.execute(
                "SELECT c.oid::bigint, attstattarget::int FROM pg_class AS c"
                " JOIN pg_attribute ON attrelid = c.oid"
                f" WHERE relname LIKE '%hnsw%' AND relnamespace = '{name}'::regnamespace"
            ).fetchall()

    ((before, _),) = index()
    builder = threading.Thread(target=gallery.build_index)
    with open_postgres(rest, model_id=None, mode="read", timeout=0.5) as reader:
        with raw_postgres(postgres_url) as writer, writer.transaction():
            # The building does not get beyond its first statement on the table.
            writer.execute(f"LOCK TABLE {name}.reference IN ROW EXCLUSIVE MODE")
            builder.start()
            waiting = f"SELECT FROM pg_locks WHERE relation = '{name}.reference'::regclass"
            deadline = time.monotonic() + 4
            while not writer.execute(f"{waiting} AND NOT granted").fetchall():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert reader.nearest(probe, approximate=True) == reader.nearest(probe)
        builder.join()
        ((after, target),) = index()
        assert after != before
        assert target == 0
        assert reader.nearest(probe, approximate=True) == reader.nearest(probe)


def test_a_partitioned_gallery_as_the_documentation_makes_it(
    gallery: PostgresGallery, postgres: Server, postgres_url: str
) -> None:
    vectors = random_units(400)
    enrol(gallery, vectors[:200], 20)
    before, size = gallery.templates(), gallery.stats().size
    blocks = re.findall(r"```sql\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    (partitioning,) = (block for block in blocks if "PARTITION BY HASH" in block)
    name = place_of(postgres_url).gallery
    with raw_postgres(postgres_url) as database:
        database.execute(partitioning.replace("door", name))
    after = gallery.templates()
    assert after.names == before.names
    assert np.array_equal(after.vectors, before.vectors)
    assert gallery.stats().size >= size
    ids = [r.id for one in before.names for r in gallery.references(one)]
    gallery.enroll("late", [Reference(Embedding(v, MODEL)) for v in vectors[200:]])
    assert gallery.references("late")[0].id > max(ids)
    assert gallery.enroll("again", [Reference(Embedding(vectors[0], MODEL))]).duplicates
    gallery.build_index(links=4, candidates=8)
    gallery.build_index()  # anew
    assert gallery.recall(vectors[::10], effort=400) == 1
    assert gallery.nearest(vectors[3], top=1) == gallery.nearest(vectors[3], approximate=True)
    marks = [r.embedding.vector.tobytes() for r in gallery.references("late")]
    # As they are stored, and as `vector_send` gives them to the index.
    marks += [np.frombuffer(mark, "<f4").astype(">f4").tobytes() for mark in marks]
    with raw_postgres(postgres_url) as database:
        database.execute("ANALYZE")
    assert marks[0] in postgres_files(postgres)
    assert gallery.remove("late") == 200
    files = postgres_files(postgres)
    assert not [mark for mark in marks if mark in files]
    assert gallery.count().references == 201
    assert gallery.changes(limit=7).templates.names == tuple(before.names[:7])
    (held, *_) = (r.id for r in gallery.references("person 0"))
    assert gallery.remove_references("person 0", [held]) == 1
    kept = gallery.references("person 1")
    longer = Reference(Embedding(random_units(1, 128)[0], MODEL))
    done = gallery.replace_all(MODEL, {reference.id: longer for reference in kept})
    assert (done.replaced, done.removed) == (len(kept), 200 - len(kept))
    assert gallery.nearest(longer.embedding.vector)[0].identity == "person 1"
