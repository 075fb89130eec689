"""What can be wrong with the path of an SQLite gallery, and what is said then."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.gallery.shared import MODES, open_file

from steadyface.errors import GalleryError, GalleryNotFoundError
from steadyface.gallery import Counts, GalleryMode


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
