"""The audit of a gallery file can only be appended to, also by other programs."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.gallery.shared import MODEL, open_file, raw, unit

from steadyface.errors import GalleryCorruptError
from steadyface.gallery.sqlite import SqliteGallery


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'someone else'",
        "UPDATE audit SET id = 7",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE id = 1",
        "INSERT OR REPLACE INTO audit VALUES (1, 'now', 'someone else', 'enroll', 1, 1)",
        "REPLACE INTO audit VALUES (1, 'now', 'someone else', 'enroll', 1, 1)",
        "UPDATE OR REPLACE audit SET id = 1 WHERE id = 1",
    ],
)
def test_entries_are_neither_changed_nor_deleted(people: Path, statement: str) -> None:
    with open_file(people) as gallery:
        before = gallery.audit()
    with raw(people) as database:
        with pytest.raises(sqlite3.IntegrityError, match="the audit can only be appended to"):
            database.execute(statement)
        assert database.execute("SELECT COUNT(*) FROM audit").fetchone() == (1,)
    with open_file(people) as gallery:
        assert gallery.audit() == before


def test_entries_outlive_the_people_and_the_rebuilt_file(people: Path) -> None:
    with open_file(people, "write") as gallery:
        number = gallery.identity("Ann").id
        gallery.remove("Ann")
        entries = [(entry.id, entry.action, entry.identity_id) for entry in gallery.audit()]
    assert entries == [(1, "enroll", number), (2, "remove", number)]


def test_a_change_that_cannot_be_entered_is_not_made(people: Path) -> None:
    class Failing(sqlite3.Connection):
        def executemany(self, statement: str, rows: Any) -> sqlite3.Cursor:
            if "INTO audit" in statement:
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
                raise error
            return super().executemany(statement, rows)

    connection = sqlite3.connect(people, isolation_level=None, factory=Failing)
    with SqliteGallery(
        connection, location="people.db", model_id=MODEL, writable=True, timeout=5
    ) as gallery:
        revision = gallery.revision()
        for change in (
            lambda: gallery.enroll("Ben", [unit(0, 1)]),
            lambda: gallery.remove("Ann"),
            lambda: gallery.rename("Ann", "Zoe"),
            lambda: gallery.replace_all("face-v2", {}),
        ):
            with pytest.raises(GalleryCorruptError):
                change()
        assert [identity.name for identity in gallery.identities()] == ["Ann"]
        assert (gallery.revision(), gallery.model_id) == (revision, MODEL)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM meta WHERE key = 'revision'",
        "UPDATE meta SET value = 'x' WHERE key = 'revision'",
    ],
)
def test_a_revision_that_is_damaged(people: Path, statement: str) -> None:
    with raw(people) as database:
        database.execute(statement)
    with open_file(people) as gallery, pytest.raises(GalleryCorruptError, match="or damaged"):
        gallery.revision()


def test_a_model_that_is_lost_while_the_gallery_is_open(people: Path) -> None:
    with open_file(people) as gallery:
        with raw(people) as database:
            database.execute("DELETE FROM meta WHERE key = 'model_id'")
        with pytest.raises(GalleryCorruptError, match="it does not say which model made it"):
            gallery.templates()
