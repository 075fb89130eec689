"""Keys of encrypted galleries: made, kept in files, never shown."""

from __future__ import annotations

import os
import stat
from base64 import b64encode
from pathlib import Path

import pytest
from tests.gallery.shared import KEY, key_file

from steadyface.errors import OutputError, UsageError
from steadyface.gallery.keys import (
    FILE_VARIABLE,
    KEY_VARIABLE,
    Key,
    find_key,
    new_key,
    parse_key,
    read_key_file,
    write_new_key,
)


def test_a_variable_that_is_empty_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "")
    monkeypatch.setenv(FILE_VARIABLE, "")
    assert find_key(None) is None


@pytest.mark.skipif(os.name != "posix", reason="other systems have other permissions")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o777])
def test_a_key_that_others_may_read(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path, KEY.hex(), mode)
    with pytest.raises(UsageError) as caught:
        read_key_file(path)
    assert str(caught.value) == (
        f"{path}: others may read or change this key (mode {mode:04o}); run `chmod 600 {path}`, "
        "and change the key if they may have seen it"
    )
    path.chmod(0o400)
    assert read_key_file(path) == KEY


def test_a_key_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.key", tmp_path):
        with pytest.raises(UsageError, match="the key cannot be read"):
            read_key_file(path)


def test_a_new_key_is_random_and_private(tmp_path: Path) -> None:
    assert len({parse_key(new_key(), "here") for _ in range(100)}) == 100
    path = tmp_path / "gallery.key"
    write_new_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = read_key_file(path)
    with pytest.raises(OutputError, match="is there already, and a key is never written over"):
        write_new_key(path)
    assert read_key_file(path) == before
    with pytest.raises(OutputError, match="cannot be written"):
        write_new_key(tmp_path / "none" / "gallery.key")


def test_a_key_is_not_shown() -> None:
    assert KEY.hex() not in repr(Key(KEY, "here", meant=True))
    assert repr(KEY) not in repr(Key(KEY, "here", meant=True))


#: A key whose text has two slashes, of which a path makes one.
SLASHES = "//" + "A" * 41 + "="


@pytest.mark.parametrize("text", [KEY.hex(), b64encode(KEY).decode(), SLASHES, f" {SLASHES}\n"])
def test_a_key_in_place_of_a_path_is_not_repeated(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FILE_VARIABLE, text)
    with pytest.raises(UsageError) as caught:
        find_key(None)
    assert str(caught.value) == (
        "STEADYFACE_GALLERY_KEY_FILE holds a key, not a path; use STEADYFACE_GALLERY_KEY"
    )
