from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steadyface.errors import GalleryKeyError, GalleryNotFoundError, UsageError
from steadyface.gallery import open_gallery
from steadyface.gallery.factory import STORES, refuse_unused_key
from steadyface.gallery.keys import KEY_VARIABLE
from steadyface.types import Embedding, Reference

MODEL = "face-v1"


def make(url: str | Path) -> str:
    """Make a gallery of one person at the URL; returns what it calls itself."""
    reference = Reference(Embedding(np.array([1, 0], np.float32), MODEL))
    with open_gallery(url, model_id=MODEL, mode="create") as gallery:
        gallery.enroll("Ann", [reference])
        return gallery.location


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("people.db", "people.db"),
        ("sqlite:///people.db", "people.db"),
        ("SQLite:///people.db", "people.db"),
        ("sqlite:///a%20b%23%3F%25.db", "a b#?%.db"),
        ("a b#?%41&mode=memory.db", "a b#?%41&mode=memory.db"),
        (":memory:", ":memory:"),
        ("file:people.db", "file:people.db"),
        ("Żółć 人.db", "Żółć 人.db"),
        ("caf\udce9.db", "caf\udce9.db"),
    ],
)
def test_urls_of_files(url: str, name: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert make(url) == name
    assert files(tmp_path) == [name]
    with open_gallery(tmp_path / name, model_id=MODEL) as gallery:
        assert gallery.templates().names == ("Ann",)


def test_path_objects_and_absolute_urls(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    assert make(path) == str(path)
    for url in (str(path), f"sqlite:///{path}"):
        with open_gallery(url, model_id=MODEL) as gallery:
            assert gallery.location == str(path)
            assert gallery.templates().names == ("Ann",)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "mysql://user:secret@host/people",
            "no gallery can be kept at mysql://; give the path of a file, or a URL that begins "
            "with one of: sqlite:// (sqlite:///people.db), postgresql:// "
            "(postgresql://user@host/database?gallery=people)",
        ),
        (
            "sqlite://people.db",
            "sqlite://people.db names no file; write sqlite:///people.db for a path relative to "
            "the working folder, sqlite:////srv/people.db for an absolute one",
        ),
        (
            "sqlite:///",
            "sqlite:/// names no file; write sqlite:///people.db for a path relative to the "
            "working folder, sqlite:////srv/people.db for an absolute one",
        ),
        (
            "sqlite:///people.db?mode=ro",
            "sqlite:///people.db?mode=ro has options, of which there are none; write %3F for ? and "
            "%23 for # where they belong to the file's name",
        ),
        ("", "the gallery's path is empty; give one, as people.db"),
        (" ", "the gallery's path is empty; give one, as people.db"),
        ("a\0b", "'a\\x00b' is no path: it holds a NUL character"),
        ("sqlite:///a%00b", "'a\\x00b' is no path: it holds a NUL character"),
    ],
)
def test_urls_that_are_refused(url: str, message: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        open_gallery(url, model_id=MODEL, mode="create")
    assert str(caught.value) == message
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:/ann:s3cret@db/faces",
        "postgres:ann:s3cret@db/faces",
        "PostgreSQL:ann:s3cret@db/faces",
        " postgresql://ann:s3cret@db/faces",
        "jdbc:postgresql://ann:s3cret@db/faces",
        "postgresql+psycopg:/ann:s3cret@db/faces",
        "mysql:/ann:s3cret@db/faces",
        Path("postgresql://ann:s3cret@db/faces"),
    ],
)
def test_what_is_nearly_a_url_is_not_repeated(
    url: str | Path, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="begins nearly as the URL of a server") as caught:
        open_gallery(url, model_id=MODEL, mode="create")
    assert "s3cret" not in str(caught.value)
    assert files(tmp_path) == []


def test_a_file_that_is_called_as_a_server(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert make("sqlite:///mysql:1.db") == "mysql:1.db"
    assert make("./mysql:2.db") == "mysql:2.db"
    assert files(tmp_path) == ["mysql:1.db", "mysql:2.db"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model_id": " "}, "model_id is ' '; give the id of the model in use"),
        ({"model_id": None}, "model_id is None; give the id of the model in use"),
        ({"mode": "w"}, "mode is 'w'; use 'read', 'write' or 'create'"),
        ({"timeout": -1.0}, "timeout is -1.0; give seconds from 0 to 2e+06"),
        ({"timeout": float("nan")}, "timeout is nan; give seconds from 0 to 2e+06"),
        ({"timeout": float("inf")}, "timeout is inf; give seconds from 0 to 2e+06"),
        ({"timeout": 1e9}, "timeout is 1000000000.0; give seconds from 0 to 2e+06"),
    ],
)
def test_options_that_are_refused(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    arguments = {"model_id": MODEL, "mode": "create", **options}
    with pytest.raises(UsageError) as caught:
        open_gallery(tmp_path / "people.db", **arguments)
    assert str(caught.value) == message
    assert files(tmp_path) == []


def test_reading_is_the_default_and_makes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    with pytest.raises(GalleryNotFoundError) as caught:
        open_gallery(path, model_id=MODEL)
    assert str(caught.value) == f"{path}: no gallery is here; run `steadyface enroll` first"
    assert files(tmp_path) == []


def test_examples_of_the_registry_name_their_store() -> None:
    for scheme, store in STORES.items():
        assert store.example.startswith(f"{scheme}://")


def test_no_driver_is_loaded_before_a_gallery_is_opened() -> None:
    code = "import sys, steadyface.gallery; sys.exit('sqlite3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_key_that_a_store_would_not_use(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "07" * 32)
    path = str(tmp_path / "people.db")
    for encrypted in (None, True):
        refuse_unused_key(path, encrypted=encrypted)
        with pytest.raises(UsageError, match="encrypts only galleries in SQLite files"):
            refuse_unused_key("postgres://ann:s3cret@db/faces", encrypted=encrypted)
    with pytest.raises(GalleryKeyError, match="is not encrypted, but a key is given"):
        refuse_unused_key(f"sqlite:///{path}", encrypted=False)
    monkeypatch.delenv(KEY_VARIABLE)
    for url in (path, "postgresql://ann@db/faces"):
        refuse_unused_key(url, encrypted=False)
