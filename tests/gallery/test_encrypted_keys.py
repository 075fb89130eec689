"""Encrypted galleries: where the key comes from, and what is said where it does not fit."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import pytest
from tests.gallery.shared import KEY, MODEL, MODES, key_file, names, open_file, raw, unit

from steadyface.errors import (
    GalleryCorruptError,
    GalleryKeyError,
    GalleryModelError,
    MissingExtraError,
    UsageError,
)
from steadyface.gallery import GalleryMode, open_gallery
from steadyface.gallery.keys import (
    FILE_VARIABLE,
    KEY_VARIABLE,
    NO_KEY,
)

pytest.importorskip("cryptography")

OTHER_KEY = bytes(reversed(range(32)))


@pytest.fixture
def encrypted(tmp_path: Path) -> Path:
    """An encrypted gallery of one person."""
    path = tmp_path / "sealed.db"
    with open_gallery(path, model_id=MODEL, mode="create", key=KEY) as gallery:
        gallery.enroll("Ann", [unit(1, 0, source="ann.jpg")])
    return path


# --- what opens it --------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_every_way_to_give_the_key(
    encrypted: Path, mode: GalleryMode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_gallery(encrypted, model_id=MODEL, mode=mode, key=KEY) as gallery:
        assert names(gallery) == ["Ann"]
    for text in (KEY.hex(), KEY.hex().upper(), base64.b64encode(KEY).decode(), f" {KEY.hex()}\n"):
        monkeypatch.setenv(KEY_VARIABLE, text)
        with open_file(encrypted, mode) as gallery:
            assert names(gallery) == ["Ann"]
        monkeypatch.delenv(KEY_VARIABLE)
        monkeypatch.setenv(FILE_VARIABLE, str(key_file(tmp_path, text)))
        with open_file(encrypted, mode) as gallery:
            assert names(gallery) == ["Ann"]
        monkeypatch.delenv(FILE_VARIABLE)


def test_the_argument_goes_before_the_environment(
    encrypted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, OTHER_KEY.hex())
    with open_gallery(encrypted, model_id=MODEL, key=KEY) as gallery:
        assert names(gallery) == ["Ann"]
    with pytest.raises(GalleryKeyError, match="no key is given"):
        open_gallery(encrypted, model_id=MODEL, key=NO_KEY)


@pytest.mark.parametrize("mode", MODES)
def test_without_a_key(encrypted: Path, mode: GalleryMode) -> None:
    before = encrypted.read_bytes()
    with pytest.raises(GalleryKeyError) as caught:
        open_file(encrypted, mode)
    assert str(caught.value) == (
        f"{encrypted}: is encrypted, and no key is given; set STEADYFACE_GALLERY_KEY_FILE to the "
        "path of the file with its key, or STEADYFACE_GALLERY_KEY to the key (in Python also `key`)"
    )
    assert encrypted.read_bytes() == before


@pytest.mark.parametrize("mode", MODES)
def test_the_wrong_key(encrypted: Path, mode: GalleryMode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, OTHER_KEY.hex())
    # Also where the model is another: nothing of the gallery is told without its key.
    for model_id in (MODEL, "face-v2"):
        with pytest.raises(GalleryKeyError) as caught:
            open_gallery(encrypted, model_id=model_id, mode=mode)
        assert str(caught.value) == (
            f"{encrypted}: the key in STEADYFACE_GALLERY_KEY is not the key of this gallery; give "
            "the one under which it was made or to which it was changed last"
        )
    with pytest.raises(GalleryModelError):
        open_gallery(encrypted, model_id="face-v2", mode=mode, key=KEY)


def test_a_new_gallery_under_a_key_is_encrypted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY.hex())
    with open_file(tmp_path / "new.db", "create") as gallery:
        assert gallery.stats().encrypted
    monkeypatch.delenv(KEY_VARIABLE)
    with pytest.raises(GalleryKeyError, match="is encrypted"):
        open_file(tmp_path / "new.db")


def test_two_galleries_under_one_key_share_nothing(tmp_path: Path) -> None:
    stored = []
    for name in ("a.db", "b.db"):
        with open_gallery(tmp_path / name, model_id=MODEL, mode="create", key=KEY) as gallery:
            gallery.enroll("Ann", [unit(1, 0)])
        with raw(tmp_path / name) as database:
            stored += database.execute("SELECT name FROM identity").fetchall()
            stored += database.execute("SELECT substr(vector, 1, 16) FROM reference").fetchall()
    assert len(set(stored)) == 4


# --- plain galleries ------------------------------------------------------------------------------


def test_a_key_in_the_environment_does_not_keep_from_reading_a_plain_gallery(
    people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY.hex())
    with open_file(people) as gallery:
        assert names(gallery) == ["Ann"]
        assert not gallery.stats().encrypted


@pytest.mark.parametrize("mode", ["write", "create"])
def test_nothing_is_written_plain_under_a_key(
    people: Path, mode: GalleryMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY.hex())
    with pytest.raises(GalleryKeyError) as caught:
        open_file(people, mode)
    assert str(caught.value) == (
        f"{people}: is not encrypted, but a key is given by STEADYFACE_GALLERY_KEY; encrypt it "
        "with `steadyface gallery rotate-key --new-key-file FILE`, or open it without a key"
    )
    with open_gallery(people, model_id=MODEL, mode=mode, key=NO_KEY) as gallery:
        assert names(gallery) == ["Ann"]


@pytest.mark.parametrize("mode", MODES)
def test_a_key_meant_for_a_plain_gallery(people: Path, mode: GalleryMode) -> None:
    with pytest.raises(GalleryKeyError, match="is not encrypted, but a key is given by the arg"):
        open_gallery(people, model_id=MODEL, mode=mode, key=KEY)


def test_postgresql_does_not_encrypt(monkeypatch: pytest.MonkeyPatch, postgres_url: str) -> None:
    with open_gallery(postgres_url, model_id=MODEL, mode="create") as gallery:
        gallery.enroll("Ann", [unit(1, 0)])
    for mode in MODES:
        with pytest.raises(UsageError) as caught:
            open_gallery(postgres_url, model_id=MODEL, mode=mode, key=KEY)
        assert str(caught.value) == (
            "a key is given by the argument `key`: steadyface encrypts only galleries in SQLite "
            "files; for PostgreSQL encrypt the disk of the server and its backups, and leave the "
            "key out"
        )
    monkeypatch.setenv(KEY_VARIABLE, KEY.hex())
    with pytest.raises(UsageError, match="a key is given by STEADYFACE_GALLERY_KEY: steadyface en"):
        open_gallery(postgres_url, model_id=MODEL, mode="write")
    with open_gallery(postgres_url, model_id=MODEL) as gallery:
        assert names(gallery) == ["Ann"]


# --- keys -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["secret", "é" * 32, KEY.hex()[:-1], KEY.hex() + "00", base64.b64encode(KEY[:-1]).decode()],
)
def test_what_is_no_key(
    text: str, encrypted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = (
        "holds no key: a key is 32 bytes as base64 or hexadecimal text; make a key with "
        "`steadyface gallery new-key FILE`"
    )
    monkeypatch.setenv(KEY_VARIABLE, text)
    with pytest.raises(UsageError) as caught:
        open_file(encrypted)
    assert str(caught.value) == f"{KEY_VARIABLE} {form}"
    monkeypatch.delenv(KEY_VARIABLE)
    path = key_file(tmp_path, text)
    monkeypatch.setenv(FILE_VARIABLE, str(path))
    with pytest.raises(UsageError) as caught:
        open_file(encrypted)
    assert str(caught.value) == f"{path} {form}"


@pytest.mark.parametrize("length", [1, 16, 31, 33])
def test_a_key_of_another_length(tmp_path: Path, length: int) -> None:
    with pytest.raises(UsageError, match=f"the key has {length} bytes; give 32"):
        open_gallery(tmp_path / "new.db", model_id=MODEL, mode="create", key=bytes(length))
    assert not (tmp_path / "new.db").exists()


def test_two_keys_in_the_environment(encrypted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY.hex())
    monkeypatch.setenv(FILE_VARIABLE, "gallery.key")
    with pytest.raises(UsageError, match="are both set; unset one of them"):
        open_file(encrypted)


# --- the extra ------------------------------------------------------------------------------------


def test_without_the_extra(
    encrypted: Path, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "steadyface.gallery.sealing_aes", None)
    for path in (encrypted, tmp_path / "new.db"):
        with pytest.raises(MissingExtraError) as caught:
            open_gallery(path, model_id=MODEL, mode="create", key=KEY)
        assert str(caught.value) == (
            "encrypted galleries need cryptography; install it with: "
            "pip install 'steadyface[encrypted]'"
        )
    assert not (tmp_path / "new.db").exists()
    with pytest.raises(GalleryKeyError, match="no key is given"):
        open_file(encrypted)
    monkeypatch.setenv(KEY_VARIABLE, KEY.hex())
    with open_file(people) as gallery:
        assert names(gallery) == ["Ann"]


def test_a_plain_gallery_loads_no_cryptography(people: Path) -> None:
    code = (
        "import sys; from steadyface.gallery import open_gallery\n"
        "with open_gallery(sys.argv[1], model_id=None) as gallery: gallery.templates()\n"
        "sys.exit('cryptography' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, people], check=False).returncode == 0


# --- the note on the key --------------------------------------------------------------------------


@pytest.mark.parametrize("note", ["", "2:a:b", "1:?:?", "1:AAAA", "1:" + "A" * 24])
def test_a_damaged_note(encrypted: Path, note: str) -> None:
    with raw(encrypted) as database:
        database.execute("UPDATE meta SET value = ? WHERE key = 'sealing'", (note,))
    with pytest.raises(GalleryCorruptError, match="its note on the key is no such note"):
        open_gallery(encrypted, model_id=MODEL, key=KEY)


def test_a_note_that_is_gone(encrypted: Path) -> None:
    with raw(encrypted) as database:
        database.execute("DELETE FROM meta WHERE key = 'sealing'")
    with pytest.raises(GalleryCorruptError, match="does not say under which key"):
        open_gallery(encrypted, model_id=MODEL, key=KEY)
