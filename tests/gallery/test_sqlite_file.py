"""What can be wrong with the file of an SQLite gallery, and what is said then."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steadyface.errors import (
    GalleryCorruptError,
    GalleryError,
    GalleryLockedError,
    GalleryNotFoundError,
)
from steadyface.gallery import Counts, Gallery, GalleryMode, open_gallery
from steadyface.gallery.schema import MIGRATIONS
from steadyface.gallery.sqlite import SqliteGallery, open_sqlite
from steadyface.gallery.sqlite_connection import use_wal
from steadyface.gallery.sqlite_errors import translate
from steadyface.types import Embedding, Reference

MODEL = "face-v1"
ANN = Reference(Embedding(np.array([1, 0], np.float32), MODEL), "ann.jpg")
MODES: tuple[GalleryMode, ...] = ("read", "write", "create")
Make = Callable[..., list[Reference]]


def open_file(path: Path, mode: GalleryMode = "read", timeout: float = 5.0) -> Gallery:
    return open_gallery(path, model_id=MODEL, mode=mode, timeout=timeout)


def raw(path: Path) -> closing[sqlite3.Connection]:
    """The file as any SQLite program sees it."""
    return closing(sqlite3.connect(path, isolation_level=None))


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """A gallery file with one person."""
    path = tmp_path / "people.db"
    with open_file(path, "create") as gallery:
        gallery.enroll("Ann", [ANN])
    return path


# --- the path -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_path_is_a_folder(tmp_path: Path, mode: GalleryMode) -> None:
    with pytest.raises(GalleryError) as caught:
        open_file(tmp_path, mode)
    assert str(caught.value) == (
        f"{tmp_path}: is a folder; give the path of a file, as {tmp_path}/people.db"
    )


@pytest.mark.parametrize("mode", MODES)
def test_path_is_a_pipe(tmp_path: Path, mode: GalleryMode) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(GalleryError) as caught:
        open_file(path, mode)
    assert str(caught.value) == f"{path}: is not a regular file; give the path of a file"


def test_folder_does_not_exist(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "people.db"
    with pytest.raises(GalleryError) as caught:
        open_file(path, "create")
    assert str(caught.value) == (
        f"{path}: the folder {path.parent} does not exist; make it first, or choose another"
    )
    for mode in MODES[:2]:
        with pytest.raises(GalleryNotFoundError):
            open_file(path, mode)


def test_folder_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(GalleryError, match="does not exist; make it first"):
        open_file(tmp_path / "file" / "people.db", "create")


def test_folder_that_may_not_be_entered(people: Path, monkeypatch: Any) -> None:
    def refuse(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_dir", refuse)
    with pytest.raises(GalleryError) as caught:
        open_file(people)
    assert str(caught.value) == (
        f"{people}: cannot be reached (Permission denied); choose another path or ask for access"
    )


def test_write_protected_file(people: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(os, "access", lambda path, how: how != os.W_OK)  # root may write anything
    for mode in MODES[1:]:
        with pytest.raises(GalleryError) as caught:
            open_file(people, mode)
        assert str(caught.value) == (
            f"{people}: is write-protected; allow this user to write to it, or open it with "
            "mode='read'"
        )
    with open_file(people) as gallery:
        assert gallery.count() == Counts(1, 1)


def test_empty_file_is_a_gallery_not_yet_made(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    path.touch()
    for mode in MODES[:2]:
        with pytest.raises(GalleryNotFoundError) as caught:
            open_file(path, mode)
        assert str(caught.value) == f"{path}: no gallery is here; run `steadyface enroll` first"
    with open_file(path, "create") as gallery:
        assert gallery.count() == Counts(0, 0)


# --- the content --------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"x", b"name,vector\n" * 1000, b"SQLite format 3\0" * 8])
@pytest.mark.parametrize("mode", MODES)
def test_file_is_not_a_database(tmp_path: Path, content: bytes, mode: GalleryMode) -> None:
    path = tmp_path / "people.db"
    path.write_bytes(content)
    with pytest.raises(GalleryCorruptError) as caught:
        open_file(path, mode)
    assert str(caught.value) == (
        f"{path}: not a steadyface gallery, or damaged (file is not a database); restore it from "
        "a copy, or make a new one with `steadyface enroll`"
    )
    assert path.read_bytes() == content


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE identity (id, name)", "PRAGMA user_version = 1", "PRAGMA application_id = 7"],
)
def test_database_of_something_else(tmp_path: Path, mode: GalleryMode, statement: str) -> None:
    path = tmp_path / "other.db"
    with raw(path) as other:
        other.execute(statement)
    before = path.read_bytes()
    with pytest.raises(GalleryCorruptError) as caught:
        open_file(path, mode)
    assert str(caught.value) == (
        f"{path}: an SQLite database, but not a steadyface gallery; choose another file"
    )
    assert path.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == [path]


def test_file_says_what_it_is(people: Path) -> None:
    assert people.read_bytes()[68:72] == b"SFGL"
    with raw(people) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert dict(database.execute("SELECT key, value FROM meta")) == {
            "dimension": "2",
            "format": "float32-le",
            "model_id": MODEL,
        }
        (vector,) = database.execute("SELECT vector FROM reference").fetchone()
        assert vector == b"\x00\x00\x80\x3f\x00\x00\x00\x00"


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.9])
def test_truncated_file(people: Path, keep: float) -> None:
    content = people.read_bytes()
    people.write_bytes(content[: int(len(content) * keep)])
    for mode in MODES:
        with pytest.raises(GalleryCorruptError) as caught:
            open_file(people, mode)
        assert str(caught.value).startswith(f"{people}: not a steadyface gallery, or damaged (")


def test_damaged_bytes_are_noticed_or_do_not_matter(tmp_path: Path, make_references: Make) -> None:
    good = tmp_path / "good.db"
    with open_file(good, "create") as gallery:
        for number in range(40):
            gallery.enroll(f"person {number}", make_references(3, seed=number))
        expected = gallery.templates()
    content, chance = good.read_bytes(), random.Random(0)
    noticed = 0
    for number in range(150):
        damaged = bytearray(content)
        start = chance.randrange(len(damaged))
        damaged[start : start + 40] = chance.randbytes(len(damaged[start : start + 40]))
        path = tmp_path / f"{number}.db"
        path.write_bytes(damaged)
        try:
            with open_file(path, "write") as gallery:
                templates = gallery.templates()
                for identity in gallery.identities():
                    gallery.references(identity.name)
        except GalleryError as error:
            noticed += 1
            assert "\n" not in str(error)
        else:
            assert templates.names == expected.names
            assert np.array_equal(templates.vectors, expected.vectors)
            assert np.array_equal(templates.owners, expected.owners)
    assert 0 < noticed < 150


def test_damaged_text_that_sqlite_quotes(people: Path) -> None:
    content = people.read_bytes()
    people.write_bytes(content.replace(b"CREATE TABLE identity", b"CREATE TABL\xff identity"))
    with pytest.raises(GalleryCorruptError) as caught:
        open_file(people)
    assert str(caught.value) == (
        f"{people}: not a steadyface gallery, or damaged (text in it is not UTF-8); restore it "
        "from a copy, or make a new one with `steadyface enroll`"
    )


@pytest.mark.parametrize(
    ("statement", "detail"),
    [
        ("UPDATE reference SET vector = x'0000803f'", "the vectors do not have the length noted"),
        ("UPDATE reference SET vector = zeroblob(8)", "vector 0 is not of length 1"),
        ("UPDATE meta SET value = '7' WHERE key = 'dimension'", "the vectors do not have the"),
        ("UPDATE meta SET value = 'x' WHERE key = 'dimension'", "invalid literal for int"),
        ("DELETE FROM meta WHERE key = 'dimension'", "the vectors do not have the length noted"),
        ("DELETE FROM identity", "a reference belongs to no identity or to another model"),
        ("UPDATE reference SET model_id = 'x'", "a reference belongs to no identity or to"),
        ("DROP TABLE reference", "no such table: reference"),
        ("UPDATE identity SET name = CAST(x'ff' AS TEXT)", "Could not decode to UTF-8 column"),
    ],
)
def test_templates_of_damaged_tables(people: Path, statement: str, detail: str) -> None:
    with raw(people) as database:
        database.execute(statement)
    with open_file(people) as gallery, pytest.raises(GalleryCorruptError) as caught:
        gallery.templates()
    assert str(caught.value).startswith(f"{people}: not a steadyface gallery, or damaged ({detail}")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE reference SET created_at = 'noon'",
        "UPDATE reference SET metadata = '[]'",
        "UPDATE reference SET vector = zeroblob(8)",
    ],
)
def test_references_of_damaged_tables(people: Path, statement: str) -> None:
    with raw(people) as database:
        database.execute(statement)
    with open_file(people) as gallery, pytest.raises(GalleryCorruptError, match="or damaged"):
        gallery.references("Ann")


@pytest.mark.parametrize("key", ["model_id", "format"])
def test_file_that_does_not_name_its_model(people: Path, key: str) -> None:
    with raw(people) as database:
        database.execute("DELETE FROM meta WHERE key = ?", (key,))
    with pytest.raises(GalleryCorruptError) as caught:
        open_file(people)
    assert str(caught.value) == (
        f"{people}: not a steadyface gallery, or damaged (it does not say which model made it); "
        "restore it from a copy, or make a new one with `steadyface enroll`"
    )


# --- versions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_file_of_a_newer_steadyface(people: Path, mode: GalleryMode) -> None:
    with raw(people) as database:
        database.execute("PRAGMA user_version = 2")
    with pytest.raises(GalleryError) as caught:
        open_file(people, mode)
    assert str(caught.value) == (
        f"{people}: written by a newer steadyface (gallery format 2, this one knows 1); upgrade "
        "steadyface"
    )


def test_vectors_in_a_newer_format(people: Path) -> None:
    with raw(people) as database:
        database.execute("UPDATE meta SET value = 'aes-gcm' WHERE key = 'format'")
    with pytest.raises(GalleryError) as caught:
        open_file(people)
    assert str(caught.value) == (
        f"{people}: its vectors are written as 'aes-gcm', which this steadyface cannot read; "
        "upgrade steadyface"
    )


def test_older_file_is_brought_up_to_date_by_a_writer(people: Path) -> None:
    newer = (*MIGRATIONS, ("CREATE TABLE extra (x)", "INSERT INTO extra VALUES (7)"))
    with pytest.raises(GalleryError) as caught:
        open_sqlite(people, model_id=MODEL, mode="read", timeout=5, migrations=newer)
    assert str(caught.value) == (
        f"{people}: written by an older steadyface (gallery format 1, this one reads 2); open it "
        "once for writing, which brings it up to date"
    )
    for mode in MODES[::-1]:
        with open_sqlite(people, model_id=MODEL, mode=mode, timeout=5, migrations=newer) as gallery:
            assert gallery.templates().names == ("Ann",)
    with raw(people) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (2,)
        assert database.execute("SELECT x FROM extra").fetchall() == [(7,)]


def test_migration_that_fails_changes_nothing(people: Path) -> None:
    newer = (*MIGRATIONS, ("CREATE TABLE extra (x)", "INSERT INTO nowhere VALUES (7)"))
    with pytest.raises(GalleryCorruptError, match="no such table: nowhere"):
        open_sqlite(people, model_id=MODEL, mode="write", timeout=5, migrations=newer)
    with raw(people) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (1,)
        assert (
            database.execute("SELECT name FROM sqlite_master WHERE name = 'extra'").fetchall() == []
        )
    with open_file(people, "write") as gallery:
        assert gallery.count() == Counts(1, 1)


# --- locks, a full disk, the clock --------------------------------------------------------------


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
        assert gallery.enroll("Ben", [ANN]) == 1
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


def test_full_disk_stores_nothing(people: Path, make_references: Make) -> None:
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
        assert gallery.enroll("Ben", make_references(1, dimension=2)) == 1


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
        gallery.enroll("Ann", [ANN])
        first = datetime(2024, 4, 30, 23, tzinfo=UTC)
        assert gallery.identities()[0].enrolled_at == first
        stored = [reference.enrolled_at for reference in gallery.references("Ann")]
        assert stored == [first, first + timedelta(days=1)]
