"""Locks, a full disk, what SQLite says, the clock."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.gallery.shared import MODEL, MODES, MakeReferences, open_file, raw, unit

from steadyface.errors import (
    GalleryCorruptError,
    GalleryError,
    GalleryLockedError,
    GalleryModelError,
)
from steadyface.gallery import Counts
from steadyface.gallery.sqlite import SqliteGallery
from steadyface.gallery.sqlite_connection import use_wal
from steadyface.gallery.sqlite_errors import translate
from steadyface.gallery.sqlite_open import open_sqlite
from steadyface.types import Embedding, Reference

ANN = unit(1, 0, source="ann.jpg")


def test_writer_that_waits_in_vain(people: Path) -> None:
    message = (
        f"{people}: another process holds the gallery and did not let go within 0.05 s; try again "
        "when it has finished (in Python, `timeout` waits longer)"
    )
    with raw(people) as other, open_file(people, "write", timeout=0.05) as gallery:
        other.execute("BEGIN IMMEDIATE")
        changes: list[Callable[[], object]] = [
            lambda: gallery.enroll("Ben", [ANN]),
            lambda: gallery.remove("Ann"),
            lambda: gallery.rename("Ann", "Ben"),
            lambda: open_file(people, "write", timeout=0.05),
            lambda: open_file(people, "create", timeout=0.05),
        ]
        for change in changes:
            with pytest.raises(GalleryLockedError) as caught:
                change()
            assert str(caught.value) == message
        with open_file(people, timeout=0.05) as reader:  # readers do not wait for a writer
            assert reader.templates().names == ("Ann",)
        other.execute("ROLLBACK")
        assert gallery.enroll("Ben", [ANN]).added == 1
    with raw(people) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        for mode in MODES:
            with pytest.raises(GalleryLockedError) as caught:
                open_file(people, mode, timeout=0.05)
            assert str(caught.value) == message


def test_new_file_held_by_another_process(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    with raw(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(GalleryLockedError, match=r"did not let go within 0\.05 s"):
            open_file(path, "create", timeout=0.05)


@pytest.mark.parametrize(("refusals", "timeout"), [(2, 5.0), (10**9, 0.05)])
def test_log_that_another_process_is_switching_on(
    tmp_path: Path, refusals: int, timeout: float
) -> None:
    """SQLite answers 'busy' at once there, without waiting for its timeout."""
    asked = 0

    class Busy(sqlite3.Connection):
        def execute(self, statement: str, *arguments: Any) -> sqlite3.Cursor:
            nonlocal asked
            asked += 1
            if asked <= refusals:
                error = sqlite3.OperationalError("database is locked")
                error.sqlite_errorcode = sqlite3.SQLITE_BUSY
                raise error
            return super().execute(statement, *arguments)

    with closing(sqlite3.connect(tmp_path / "people.db", factory=Busy)) as connection:
        if refusals == 2:
            use_wal(connection, "people.db", timeout)
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        else:
            with pytest.raises(GalleryLockedError, match=r"did not let go within 0\.05 s"):
                use_wal(connection, "people.db", timeout)


def test_file_system_without_a_log() -> None:
    message = (
        "people.db: this file system cannot share a gallery between processes (no write-ahead "
        "log); keep the gallery on a local disk"
    )
    with closing(sqlite3.connect(":memory:")) as connection:
        with pytest.raises(GalleryError) as caught:
            use_wal(connection, "people.db", 5)
        assert str(caught.value) == message


def test_full_disk_stores_nothing(people: Path, make_references: MakeReferences) -> None:
    small = sqlite3.connect(people, isolation_level=None)
    small.execute("PRAGMA max_page_count = 10")
    with SqliteGallery(
        small, location="people.db", model_id=MODEL, writable=True, timeout=5
    ) as gallery:
        with pytest.raises(GalleryError) as caught:
            gallery.enroll("Ben", make_references(4000, dimension=2))
        assert str(caught.value) == (
            "people.db: SQLite reports: database or disk is full; free some space; nothing of the "
            "last change was stored"
        )
        assert gallery.count() == Counts(1, 1)
        assert gallery.enroll("Ben", make_references(1, dimension=2)).added == 1


@pytest.mark.parametrize(
    ("code", "kind", "end"),
    [
        (sqlite3.SQLITE_BUSY_SNAPSHOT, GalleryLockedError, "(in Python, `timeout` waits longer)"),
        (sqlite3.SQLITE_LOCKED, GalleryLockedError, "(in Python, `timeout` waits longer)"),
        (sqlite3.SQLITE_CORRUPT_INDEX, GalleryCorruptError, "with `steadyface enroll`"),
        (sqlite3.SQLITE_NOTADB, GalleryCorruptError, "with `steadyface enroll`"),
        (
            sqlite3.SQLITE_READONLY_DIRECTORY,
            GalleryError,
            "people.db: SQLite reports: what it says; give this user access to the file, and to "
            "its folder the right to write: SQLite keeps two files beside an open gallery, also "
            "while it is only read",
        ),
        (sqlite3.SQLITE_CANTOPEN, GalleryError, "also while it is only read"),
        (
            sqlite3.SQLITE_IOERR_FSYNC,
            GalleryError,
            "people.db: SQLite reports: what it says; check the disk; keep the gallery on a local "
            "one, not on a network share",
        ),
        (sqlite3.SQLITE_TOOBIG, GalleryError, "what it says; check the file and the disk"),
    ],
)
def test_what_sqlite_says(code: int, kind: type[GalleryError], end: str) -> None:
    error = sqlite3.OperationalError("what it says")
    error.sqlite_errorcode = code
    translated = translate(error, "people.db", 5.0)
    assert type(translated) is kind
    assert str(translated).startswith("people.db: ")
    assert str(translated).endswith(end)


def test_clock_gives_the_time_of_enrolment(tmp_path: Path) -> None:
    times = iter(datetime(2024, 5, day, 1, tzinfo=timezone(timedelta(hours=2))) for day in (1, 2))
    path = tmp_path / "people.db"
    with open_sqlite(
        path, model_id=MODEL, mode="create", timeout=5, clock=lambda: next(times)
    ) as gallery:
        gallery.enroll("Ann", [ANN])
        gallery.enroll("Ann", [unit(0, 1)])
        first = datetime(2024, 4, 30, 23, tzinfo=UTC)
        assert gallery.identities()[0].enrolled_at == first
        stored = [reference.enrolled_at for reference in gallery.references("Ann")]
        assert stored == [first, first + timedelta(days=1)]


def test_another_thread_that_goes_over_to_another_model_meanwhile(people: Path) -> None:
    """What was checked against the old model does not get into a gallery of the new one."""
    vector = np.array([0, 1], dtype=np.float32)
    replacement = Reference(Embedding(vector, "face-v2"))
    interruptions = [1]

    def clock() -> datetime:
        if interruptions:
            interruptions.clear()
            gallery.replace_all("face-v2", {1: replacement})
        return datetime.now(UTC)

    with open_sqlite(people, model_id=MODEL, mode="write", timeout=5, clock=clock) as gallery:
        with pytest.raises(GalleryModelError, match="somebody has gone over to 'face-v2' since"):
            gallery.enroll("Ann", [ANN])
        assert gallery.templates().vectors.tolist() == [[0, 1]]
