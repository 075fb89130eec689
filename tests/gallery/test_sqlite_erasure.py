"""Nothing of a removed identity stays in the files."""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from steadyface.errors import GalleryLockedError
from steadyface.gallery import Gallery, Pruned, open_gallery
from steadyface.gallery.sqlite import SqliteGallery
from steadyface.gallery.sqlite_open import open_sqlite
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
    vectors = np.array([r.embedding.vector for r in references], dtype=np.float32)
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


def check_erased(
    gallery: Gallery, path: Path, gone: Sequence[Reference], kept: Sequence[Reference]
) -> None:
    """Nothing of what is gone is in the files, while the gallery is open and afterwards."""
    for _ in ("while it is open", "after closing"):
        assert pieces_left(path, gone) == 0
        assert pieces_left(path, kept) >= 64 * len(kept)
        for secret in (b"Unmistakable", b"secret.jpg", b"private note", b"old-calibration"):
            assert secret not in content(path)
        gallery.close()
    assert not marked(path)


def secrets(references: Sequence[Reference]) -> list[Reference]:
    return [
        Reference(r.embedding, "secret.jpg", {"x": "private note"}, calibration="old-calibration")
        for r in references
    ]


def test_metadata_and_calibration_go_with_the_identity(
    tmp_path: Path, make_references: Make
) -> None:
    path = tmp_path / "people.db"
    gone, kept = make_references(3, dimension=128), make_references(2, dimension=128, seed=1)
    with open_file(path) as gallery:
        gallery.enroll("Before", kept)
        gallery.enroll("Ann Unmistakable", secrets(gone), metadata={"x": "private note"})
        for secret in (b"Unmistakable", b"secret.jpg", b"private note", b"old-calibration"):
            assert secret in content(path)
        gallery.rename("Ann Unmistakable", "Zoe Unmistakable")
        gallery.remove("Zoe Unmistakable")
        check_erased(gallery, path, gone, kept)


def test_single_references(tmp_path: Path, make_references: Make) -> None:
    path = tmp_path / "people.db"
    gone, kept = make_references(3, dimension=128), make_references(2, dimension=128, seed=1)
    with open_file(path) as gallery:
        gallery.enroll("Ann", kept)
        gallery.enroll("Ann", secrets(gone))
        ids = [reference.id for reference in gallery.references("Ann")]
        assert gallery.remove_references("Ann", ids[2:]) == 3
        check_erased(gallery, path, gone, kept)


def test_what_is_pruned(tmp_path: Path, make_references: Make) -> None:
    path = tmp_path / "people.db"
    gone, kept = make_references(3, dimension=128), make_references(2, dimension=128, seed=1)
    now = datetime(2024, 5, 1, tzinfo=UTC)
    times = iter((now, now + timedelta(days=30), now + timedelta(days=60)))
    with open_sqlite(
        path, model_id=MODEL, mode="create", timeout=5, clock=lambda: next(times)
    ) as gallery:
        gallery.enroll("Ann Unmistakable", secrets(gone), metadata={"x": "private note"})
        gallery.enroll("Ben", kept)
        assert gallery.prune(now + timedelta(days=30)) == Pruned(references=3, identities=1)
        check_erased(gallery, path, gone, kept)


def test_what_is_replaced(tmp_path: Path, make_references: Make) -> None:
    path = tmp_path / "people.db"
    old, new = make_references(4, dimension=128), make_references(3, dimension=128, seed=1)
    with open_file(path) as gallery:
        gallery.enroll("Ann", [Reference(r.embedding, calibration="old-calibration") for r in old])
        ids = [reference.id for reference in gallery.references("Ann")]
        gallery.replace_all(MODEL, dict(zip(ids, new, strict=False)))
        check_erased(gallery, path, old, new)


def test_metadata_that_was_replaced(tmp_path: Path, make_references: Make) -> None:
    path, kept = tmp_path / "people.db", make_references(2, dimension=128)
    with open_file(path) as gallery:
        gallery.enroll("Ann", kept, metadata={"x": "private note"})
        gallery.describe("Ann", {"x": "public"})
        assert b"private note" not in content(path)
        gallery.describe("Ann", {"x": "private note"})
        gallery.enroll("Ann", kept, metadata={})
        check_erased(gallery, path, [], kept)


def test_a_name_that_was_changed(tmp_path: Path, make_references: Make) -> None:
    path, kept = tmp_path / "people.db", make_references(2, dimension=128)
    with open_file(path) as gallery:
        gallery.enroll("Before", kept[:1])
        gallery.enroll("Ann Unmistakable", kept[1:])
        gallery.enroll("After", make_references(1, dimension=128, seed=1))
        gallery.rename("Ann Unmistakable", "Zoe")
        check_erased(gallery, path, [], kept)


def test_reader_in_the_way_of_a_new_name(tmp_path: Path, make_references: Make) -> None:
    path = tmp_path / "people.db"
    with open_file(path, timeout=0.05) as gallery, closing(sqlite3.connect(path)) as reader:
        gallery.enroll("Ann Unmistakable", make_references(1))
        reader.isolation_level = None
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM identity").fetchone()
        gallery.rename("Ann Unmistakable", "Zoe")
        assert marked(path)
        reader.execute("ROLLBACK")
    open_file(path).close()
    assert b"Unmistakable" not in content(path)
    assert not marked(path)


def test_reader_in_the_way_of_replaced_metadata(tmp_path: Path, make_references: Make) -> None:
    path = tmp_path / "people.db"
    with open_file(path, timeout=0.05) as gallery, closing(sqlite3.connect(path)) as reader:
        gallery.enroll("Ann", make_references(1), metadata={"x": "private note"})
        reader.isolation_level = None
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM identity").fetchone()
        gallery.describe("Ann", {})
        assert gallery.identity("Ann").metadata == {}
        assert marked(path)
        reader.execute("ROLLBACK")
    open_file(path).close()
    assert b"private note" not in content(path)
    assert not marked(path)


def test_reader_in_the_way_of_every_removal(tmp_path: Path, make_references: Make) -> None:
    path = tmp_path / "people.db"
    with open_file(path, timeout=0.05) as gallery, closing(sqlite3.connect(path)) as reader:
        gallery.enroll("Ann", make_references(3, dimension=128))
        first, _, third = (reference.id for reference in gallery.references("Ann"))
        reader.isolation_level = None
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM identity").fetchone()
        moment = datetime(2999, 1, 1, tzinfo=UTC)
        other = Embedding(make_references(1, dimension=128)[0].embedding.vector, "face-v2")
        removals: list[tuple[Callable[[], object], str]] = [
            (lambda: gallery.remove_references("Ann", [third]), "What was named of 'Ann' is"),
            (
                lambda: gallery.replace_all("face-v2", {first: Reference(other)}),
                "The gallery has gone over to 'face-v2' all the same",
            ),
            (lambda: gallery.prune(moment), f"What is older than {moment} is removed all the same"),
        ]
        left = []
        for removal, done in removals:
            with pytest.raises(GalleryLockedError, match=re.escape(done)):
                removal()
            left.append(gallery.count().references)
            assert marked(path)
        assert left == [2, 1, 0]
        assert gallery.model_id == "face-v2"
        reader.execute("ROLLBACK")


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
