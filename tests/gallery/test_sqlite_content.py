"""What can be wrong with the content of a gallery file, and what is said then."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from tests.gallery.shared import MODEL, MODES, MakeReferences, open_file, raw

from steadyface.errors import GalleryCorruptError, GalleryError
from steadyface.gallery import GalleryMode


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
            "revision": "1",
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


def test_damaged_bytes_are_noticed_or_do_not_matter(
    tmp_path: Path, make_references: MakeReferences
) -> None:
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
