"""Files of an older and of a newer steadyface."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.gallery.shared import MODEL, MODES, open_file, raw, unit

from steadyface.errors import GalleryCorruptError, GalleryError
from steadyface.gallery import Counts, Duplicate, Enrolled, GalleryMode
from steadyface.gallery.schema import MIGRATIONS
from steadyface.gallery.sqlite import SqliteGallery
from steadyface.gallery.sqlite_open import open_sqlite
from steadyface.gallery.versions import Migration

NEWEST = len(MIGRATIONS)

#: A file of version 1, statement by statement as steadyface made it then: Ann once, Ben with one
#: image twice, which version 1 did not notice.
VERSION_1 = """
PRAGMA journal_mode = WAL;
CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE identity (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE CHECK (typeof(name) = 'text'),
    created_at TEXT NOT NULL
);
CREATE TABLE reference (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    identity_id INTEGER NOT NULL REFERENCES identity (id) ON DELETE CASCADE,
    model_id TEXT NOT NULL,
    source TEXT NOT NULL,
    metadata TEXT NOT NULL,
    quality REAL,
    created_at TEXT NOT NULL,
    vector BLOB NOT NULL CHECK (typeof(vector) = 'blob')
);
CREATE INDEX reference_identity ON reference (identity_id);
INSERT INTO meta VALUES ('format', 'float32-le'), ('model_id', 'face-v1'), ('dimension', '2');
INSERT INTO identity VALUES (1, 'Ann', '2024-05-01T10:00:00.000000+00:00'),
    (2, 'Ben', '2024-05-01T10:00:00.000000+00:00');
INSERT INTO reference VALUES
    (1, 1, 'face-v1', 'ann.jpg', '{"n":1}', NULL, '2024-05-01T10:00:00.000000+00:00',
        x'0000803f00000000'),
    (2, 2, 'face-v1', 'ben.jpg', '{}', NULL, '2024-05-01T10:00:00.000000+00:00',
        x'000000000000803f'),
    (3, 2, 'face-v1', 'ben.jpg', '{}', NULL, '2024-05-02T10:00:00.000000+00:00',
        x'000000000000803f');
PRAGMA application_id = 1397114700;
PRAGMA user_version = 1;
"""

#: The same file brought to version 2 as steadyface did it then.
VERSION_2 = f"""
{VERSION_1}
CREATE INDEX reference_vector ON reference (substr(vector, 1, 16));
PRAGMA user_version = 2;
"""
OLD = {1: VERSION_1, 2: VERSION_2}


@pytest.fixture(params=sorted(OLD))
def old_version(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture
def old(tmp_path: Path, old_version: int) -> Path:
    path = tmp_path / "old.db"
    with raw(path) as database:
        database.executescript(OLD[old_version])
    return path


def version(path: Path) -> int:
    with raw(path) as database:
        (number,) = database.execute("PRAGMA user_version").fetchone()
    return int(number)


def test_old_file_is_read_only_after_a_writer_was_there(old: Path, old_version: int) -> None:
    for _ in range(2):
        with pytest.raises(GalleryError) as caught:
            open_file(old)
        assert str(caught.value) == (
            f"{old}: written by an older steadyface (schema version {old_version}, this one reads "
            "3 and later); open it once for writing, which brings it up to date"
        )
    assert version(old) == old_version
    open_file(old, "write").close()
    with open_file(old) as gallery:
        assert gallery.stats().schema_version == NEWEST
        assert gallery.count() == Counts(2, 3)


def test_old_file_is_brought_up_to_date_and_loses_nothing(old: Path) -> None:
    with open_file(old, "write") as gallery:
        assert gallery.stats().schema_version == NEWEST
        templates = gallery.templates()
        assert templates.names == ("Ann", "Ben")
        assert templates.vectors.tolist() == [[1, 0], [0, 1], [0, 1]]
        assert templates.owners.tolist() == [0, 1, 1]
        assert [r.id for r in gallery.references("Ben")] == [2, 3]
        assert gallery.references("Ann")[0].metadata == {"n": 1}
        assert gallery.changes().ids.tolist() == [1, 2]
        # What was doubled before stays doubled, and Ben is named once for it.
        ben = gallery.enroll("Ben", [unit(0, 1)])
        assert ben == Enrolled(added=0, held=1, references=2)
        ann = gallery.enroll("Ann", [unit(0, 1, source="x.jpg"), unit(1, 0)])
        assert ann == Enrolled(1, 1, 2, (Duplicate("x.jpg", "Ben"),))
    assert version(old) == NEWEST


def test_old_file_has_no_metadata_no_calibration_and_an_empty_audit(old: Path) -> None:
    with open_file(old, "write") as gallery:
        assert [identity.metadata for identity in gallery.identities()] == [{}, {}]
        assert gallery.references("Ann")[0].calibration is None
        assert gallery.audit() == []
        assert gallery.revision() == 0
        gallery.describe("Ann", {"room": 7})
        assert gallery.identity("Ann").metadata == {"room": 7}
        assert [(entry.action, entry.identity_id) for entry in gallery.audit()] == [("describe", 1)]
        assert gallery.revision() == 1


def test_old_and_new_files_have_the_same_tables(old: Path, people: Path) -> None:
    open_file(old, "write").close()
    tables = "SELECT type, name, tbl_name FROM sqlite_master ORDER BY name"
    with raw(old) as a, raw(people) as b:
        assert a.execute(tables).fetchall() == b.execute(tables).fetchall()


def test_old_file_that_cannot_be_brought_up_to_date_stays(old: Path) -> None:
    with raw(old) as database:
        database.execute("CREATE TABLE audit (x)")
    with pytest.raises(GalleryCorruptError, match="table audit already exists"):
        open_file(old, "write")
    # Each step is whole or not at all: the last one that worked stays.
    assert version(old) == 2
    with raw(old) as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(identity)")]
        assert columns == ["id", "name", "created_at"]
        assert database.execute("SELECT COUNT(*) FROM reference").fetchone() == (3,)


def test_looking_for_duplicates_does_not_look_at_every_reference(people: Path) -> None:
    """Without the index, enrolling 10,000 would take time that grows with its square."""
    asked: list[str] = []
    with raw(people) as database:
        database.set_trace_callback(asked.append)
        with SqliteGallery(
            database, location="people.db", model_id=MODEL, writable=True, timeout=5
        ) as gallery:
            gallery.enroll("Ann", [unit(0, 1)])
            (statement,) = [text for text in asked if "substr(vector" in text]
            plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {statement}")]
    assert plan[0].startswith("SEARCH reference USING INDEX reference_vector (")


@pytest.mark.parametrize("mode", MODES)
def test_file_of_a_newer_steadyface(people: Path, mode: GalleryMode) -> None:
    with raw(people) as database:
        database.execute(f"PRAGMA user_version = {NEWEST + 1}")
    with pytest.raises(GalleryError) as caught:
        open_file(people, mode)
    assert str(caught.value) == (
        f"{people}: written by a newer steadyface (schema version {NEWEST + 1}, this one knows "
        f"{NEWEST}); upgrade steadyface"
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
    extra = Migration(("CREATE TABLE extra (x)", "INSERT INTO extra VALUES (7)"))
    newer = (*MIGRATIONS, extra)
    with pytest.raises(GalleryError) as caught:
        open_sqlite(people, model_id=MODEL, mode="read", timeout=5, migrations=newer)
    assert str(caught.value) == (
        f"{people}: written by an older steadyface (schema version {NEWEST}, this one reads "
        f"{NEWEST + 1} and later); open it once for writing, which brings it up to date"
    )
    for mode in MODES[::-1]:
        with open_sqlite(people, model_id=MODEL, mode=mode, timeout=5, migrations=newer) as gallery:
            assert gallery.templates().names == ("Ann",)
    with raw(people) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (NEWEST + 1,)
        assert database.execute("SELECT x FROM extra").fetchall() == [(7,)]


def test_migration_that_fails_changes_nothing(people: Path) -> None:
    extra = Migration(("CREATE TABLE extra (x)", "INSERT INTO nowhere VALUES (7)"))
    newer = (*MIGRATIONS, extra)
    with pytest.raises(GalleryCorruptError, match="no such table: nowhere"):
        open_sqlite(people, model_id=MODEL, mode="write", timeout=5, migrations=newer)
    with raw(people) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (NEWEST,)
        assert (
            database.execute("SELECT name FROM sqlite_master WHERE name = 'extra'").fetchall() == []
        )
    with open_file(people, "write") as gallery:
        assert gallery.count() == Counts(1, 1)
