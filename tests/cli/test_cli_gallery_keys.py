"""`steadyface gallery new-key|rotate-key`, and other commands on encrypted galleries."""

from __future__ import annotations

import stat
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from steadyface.gallery.keys import FILE_VARIABLE, KEY_VARIABLE, parse_key, read_key_file

pytest.importorskip("cryptography")
pytestmark = pytest.mark.usefixtures("fake_models")

Command = Callable[..., Any]


@pytest.fixture
def keys(steadyface: Command, tmp_path: Path) -> list[Path]:
    files = [tmp_path / "1.key", tmp_path / "2.key"]
    for file in files:
        assert steadyface("gallery", "new-key", file).status == 0
    return files


def test_a_new_key(steadyface: Command, tmp_path: Path) -> None:
    file = tmp_path / "gallery.key"
    run = steadyface("gallery", "new-key", file)
    assert (run.status, run.err) == (0, "")
    assert run.out == (
        f"{file}: a new key; set STEADYFACE_GALLERY_KEY_FILE to its path, and keep a copy "
        "elsewhere\n"
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(read_key_file(file)) == 32
    run = steadyface("gallery", "new-key", file)
    assert (run.status, run.out) == (2, "")
    assert "a key is never written over" in run.err
    assert steadyface("gallery", "new-key", tmp_path / "b.key", "--json").json == {
        "file": str(tmp_path / "b.key")
    }


def test_a_new_key_on_standard_output(steadyface: Command) -> None:
    printed = steadyface("gallery", "new-key").out
    parse_key(printed, "standard output")
    assert steadyface("gallery", "new-key", "--json").json["key"] != printed.strip()


def test_from_plain_through_two_keys_and_back(
    steadyface: Command, gallery: Path, keys: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def rotate(*words: object) -> Any:
        return steadyface("gallery", "rotate-key", *words, "--gallery", gallery)

    def listed() -> Any:
        return steadyface("gallery", "list", "--gallery", gallery)

    plain = listed().out
    run = rotate("--new-key-file", keys[0])
    assert (run.status, run.err) == (0, "")
    assert run.out == f"{gallery}: 3 references encrypted under {keys[0]}\n"
    assert (listed().status, listed().out) == (2, "")
    assert "is encrypted, and no key is given" in listed().err
    monkeypatch.setenv(FILE_VARIABLE, str(keys[0]))
    assert listed().out == plain
    assert "encrypted: yes" in steadyface("gallery", "stats", "--gallery", gallery).out
    assert rotate("--new-key-file", keys[1], "--json").json == {
        "gallery": str(gallery),
        "encrypted": True,
        "references": 3,
    }
    assert "is not the key of this gallery" in listed().err
    monkeypatch.setenv(FILE_VARIABLE, str(keys[1]))
    assert listed().out == plain
    assert rotate("--to-plain").out == f"{gallery}: 3 references not encrypted any more\n"
    monkeypatch.delenv(FILE_VARIABLE)
    assert listed().out == plain
    audit = steadyface("gallery", "audit", "--gallery", gallery).out
    assert audit.count("rotate-key the gallery: 3 references") == 3


def test_a_plain_gallery_with_the_key_to_be_in_the_environment(
    steadyface: Command, gallery: Path, keys: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one does who was refused to write to it."""
    monkeypatch.setenv(FILE_VARIABLE, str(keys[0]))
    run = steadyface("gallery", "remove", "Ben", "--gallery", gallery)
    assert run.status == 2
    assert "rotate-key --new-key-file" in run.err
    words = "--new-key-file", keys[0], "--gallery", gallery
    assert steadyface("gallery", "rotate-key", *words).status == 0
    assert steadyface("gallery", "remove", "Ben", "--gallery", gallery).status == 0


@pytest.mark.parametrize("words", [[], ["--to-plain", "--new-key-file", "1.key"]])
def test_one_of_the_two(steadyface: Command, gallery: Path, words: list[str]) -> None:
    run = steadyface("gallery", "rotate-key", *words, "--gallery", gallery)
    assert run.status == 2
    assert "Give either --new-key-file or --to-plain." in run.err


@pytest.mark.parametrize("key", ["07" * 32, "//" + "A" * 41 + "="])
def test_a_key_in_place_of_a_path_is_not_repeated(
    steadyface: Command, gallery: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in (["rotate-key", "--gallery", gallery, "--new-key-file", key], ["new-key", key]):
        run = steadyface("gallery", *words)
        assert (run.status, run.out) == (2, "")
        assert "holds a key, not a path" in run.err and key[2:] not in run.err
    monkeypatch.setenv(FILE_VARIABLE, key)
    run = steadyface("gallery", "list", "--gallery", gallery)
    assert (run.status, run.out) == (2, "")
    assert "holds a key, not a path; use STEADYFACE_GALLERY_KEY" in run.err
    assert key[2:] not in run.err


def test_enrolling_and_matching(
    steadyface: Command, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "07" * 32)
    file = tmp_path / "sealed.db"
    assert steadyface("enroll", people, "--gallery", file, "--dry-run").status == 0
    assert steadyface("enroll", people, "--gallery", file).status == 0
    assert b"Ann" not in file.read_bytes() and b"1.png" not in file.read_bytes()
    run = steadyface("match", people / "Ann", "--gallery", file)
    assert (run.status, run.err) == (0, "")
    assert "Ann" in run.out
    assert steadyface("gallery", "check", "--gallery", file).status == 0
    monkeypatch.setenv(KEY_VARIABLE, "08" * 32)
    run = steadyface("match", people / "Ann", "--gallery", file)
    assert run.status == 2
    assert "is not the key of this gallery" in run.err


def test_another_store(
    steadyface: Command, keys: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steadyface.cli.gallery_keys.opened", lambda *_: nullcontext())
    run = steadyface("gallery", "rotate-key", "--new-key-file", keys[0], "--gallery", "x")
    assert (run.status, run.out) == (2, "")
    assert "rotate-key: steadyface encrypts only galleries in SQLite files" in run.err
