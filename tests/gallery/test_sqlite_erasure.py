"""Nothing of a removed identity stays in the files."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from steadyface.errors import GalleryLockedError
from steadyface.gallery import Gallery, open_gallery
from steadyface.gallery.sqlite import SqliteGallery
from steadyface.types import Embedding, Reference

MODEL = "face-v1"
Make = Callable[..., list[Reference]]
SEEDS = (1, 2)


def open_file(path: Path, timeout: float = 5.0) -> Gallery:
    return open_gallery(path, model_id=MODEL, mode="create", timeout=timeout)


def content(path: Path) -> bytes:
    """Everything the gallery keeps on disk."""
    log = path.with_name(f"{path.name}-wal")
    return path.read_bytes() + (log.read_bytes() if log.exists() else b"")


def pieces_left(path: Path, references: Sequence[Reference]) -> int:
    """How many places of the files hold two neighbouring numbers of the references' vectors."""
    stored = np.frombuffer(content(path), dtype=np.uint8)
    windows: NDArray[np.uint8] = np.lib.stride_tricks.sliding_window_view(stored, 8)
    pairs = np.ascontiguousarray(windows).view(np.uint64).ravel()
    vectors = np.stack([reference.embedding.vector for reference in references])
    return int(np.isin(pairs, vectors.view(np.uint64).ravel()).sum())


def marked(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as database:
        return bool(database.execute("SELECT 1 FROM meta WHERE key = 'erase'").fetchone())


@pytest.mark.parametrize("dimension", [128, 512])
def test_removed_vectors_are_not_in_the_files(
    tmp_path: Path, make_references: Make, dimension: int
) -> None:
    path = tmp_path / "people.db"
    with open_file(path) as gallery:
        gallery.enroll("Before", make_references(2, dimension=dimension, seed=1))
        ann = make_references(3, dimension=dimension, seed=2)
        gallery.enroll("Ann Unmistakable", [Reference(r.embedding, "secret.jpg") for r in ann])
        gallery.enroll("After", make_references(2, dimension=dimension, seed=3))
        whole = [reference.embedding.vector.tobytes() for reference in ann]
        assert all(vector in content(path) for vector in whole)
        gallery.remove("Ann Unmistakable")
        for _ in ("while it is open", "after closing"):
            assert not any(vector in content(path) for vector in whole)
            assert pieces_left(path, ann) == 0
            assert b"Unmistakable" not in content(path)
            assert b"secret.jpg" not in content(path)
            gallery.close()
    assert not marked(path)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_piece_is_left_that_moved_from_page_to_page(tmp_path: Path, seed: int) -> None:
    """With these seeds secure_delete alone leaves some (SQLite 3.40)."""
    path, chance = tmp_path / "people.db", random.Random(seed)
    vectors = np.random.default_rng(seed).standard_normal((1000, 128)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    references = [
        Reference(Embedding(vector, MODEL), "x" * chance.randrange(50)) for vector in vectors
    ]
    owners: dict[str, list[Reference]] = {}
    with open_file(path) as gallery:
        for number, reference in enumerate(references):
            again = owners and chance.random() < 0.4
            name = chance.choice(list(owners)) if again else f"person {number}"
            gallery.enroll(name, [reference])
            owners.setdefault(name, []).append(reference)
        gone = chance.sample(list(owners), len(owners) * 2 // 3)
        removed = [reference for name in gone for reference in owners[name]]
        kept = [reference for name in owners.keys() - set(gone) for reference in owners[name]]
        assert gallery.remove(*gone) == len(removed)
        assert gallery.count().references == len(kept)
    assert pieces_left(path, removed) == 0
    assert pieces_left(path, kept) >= 64 * len(kept)


def test_reader_in_the_way_of_erasing(tmp_path: Path, make_references: Make) -> None:
    path, ann = tmp_path / "people.db", make_references(1, dimension=128)
    with open_file(path, timeout=0.05) as gallery, closing(sqlite3.connect(path)) as reader:
        gallery.enroll("Ann", ann)
        gallery.enroll("Ben", make_references(1, dimension=128, seed=1))
        reader.isolation_level = None
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM identity").fetchone()
        with pytest.raises(GalleryLockedError) as caught:
            gallery.remove("Ann")
        assert str(caught.value) == (
            f"{path}: another process holds the gallery and did not let go within 0.05 s; try "
            "again when it has finished (in Python, `timeout` waits longer). 'Ann' is removed "
            "all the same, but pieces may still be in the file; the next opening for writing "
            "erases them"
        )
        assert [identity.name for identity in gallery.identities()] == ["Ben"]
        assert marked(path)
        with open_file(path, timeout=0.05) as second:  # the reader is still there: no error
            assert second.count().identities == 1
        assert marked(path)
        reader.execute("ROLLBACK")
        assert pieces_left(path, ann) > 0
        with open_file(path):
            assert pieces_left(path, ann) == 0
        assert not marked(path)


def test_process_that_ends_before_erasing(tmp_path: Path, make_references: Make) -> None:
    path, ann = tmp_path / "people.db", make_references(1, dimension=128)
    with open_file(path) as gallery:
        gallery.enroll("Ann", ann)
    before = path.read_bytes()
    with open_file(path) as gallery:
        gallery.remove("Ann")
    # As if killed between the deletion and the erasure: deleted, marked, and a piece left behind.
    start = before.index(ann[0].embedding.vector.tobytes())
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA secure_delete = OFF")
        database.execute("INSERT INTO meta VALUES ('erase', 'x')")
        database.commit()
        database.execute(
            "CREATE TABLE leftover AS SELECT ? AS piece", (before[start : start + 64],)
        )
        database.execute("DROP TABLE leftover")
        database.commit()
    assert pieces_left(path, ann) > 0
    open_file(path).close()
    assert pieces_left(path, ann) == 0
    assert not marked(path)


def test_mark_of_another_process_outlives_this_one_s_erasure(
    tmp_path: Path, make_references: Make
) -> None:
    path = tmp_path / "people.db"
    with open_file(path) as gallery:
        gallery.enroll("Ann", make_references(1))
        gallery.enroll("Ben", make_references(1))

    class Interrupted(sqlite3.Connection):
        """Another process removes somebody right after this one has rebuilt the file."""

        def execute(self, statement: str, *arguments: Any) -> sqlite3.Cursor:
            cursor = super().execute(statement, *arguments)
            if statement == "VACUUM":
                with closing(sqlite3.connect(path)) as other:
                    other.execute("INSERT OR REPLACE INTO meta VALUES ('erase', 'other')")
                    other.commit()
            return cursor

    connection = sqlite3.connect(path, isolation_level=None, factory=Interrupted)
    connection.execute("PRAGMA foreign_keys = ON")
    with SqliteGallery(
        connection, location="people.db", model_id=MODEL, writable=True, timeout=5
    ) as gallery:
        assert gallery.remove("Ann") == 1
    assert marked(path)
