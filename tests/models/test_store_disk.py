"""The cache folder: full, read-only, unreadable, offline; and what chooses it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import pytest
from tests.models.folders import left_in

from steadyface.errors import ModelDownloadError, ModelStorageError, UsageError
from steadyface.models import store as store_module
from steadyface.models.catalog import HttpsOrigin, WeightFile, load_catalog
from steadyface.models.store import FileState, ModelStore, default_store, flag, sha256_of

if TYPE_CHECKING:
    from tests.models.conftest import MakeFile, Notes

MakeStore = Callable[..., ModelStore]

CONTENT = b"weights"
FILE = WeightFile("small.onnx", sha256(CONTENT).hexdigest(), len(CONTENT), "MIT", "Test Zoo", ())
needs_modes = pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")


def cannot_write(folder: Path, code: int, size: int = 700_000) -> str:
    return (
        f"{folder} cannot be written ({os.strerror(code)}); make {size} bytes of room there or "
        "name another folder in STEADYFACE_CACHE"
    )


def filled(store: ModelStore, content: bytes = CONTENT) -> Path:
    store.folder.mkdir(parents=True, exist_ok=True)
    path = store.folder / FILE.name
    path.write_bytes(content)
    return path


# --- full and read-only -------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_full_disk(make_store: MakeStore, served: MakeFile) -> None:
    store = make_store()
    store.folder.mkdir()
    (store.folder / ".face.onnx.part").symlink_to("/dev/full")
    with pytest.raises(ModelStorageError) as caught:
        store.ensure(served("whole", "whole"))
    assert str(caught.value) == cannot_write(store.folder, errno.ENOSPC)
    assert left_in(store.folder) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_part_file_that_cannot_be_written_or_deleted(
    make_store: MakeStore, served: MakeFile, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refused(path: Path, *_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code), str(path))

    store = make_store()
    monkeypatch.setattr(Path, "open", refused)
    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(ModelStorageError) as caught:
        store.ensure(served("whole"))
    assert str(caught.value) == cannot_write(store.folder, code)
    monkeypatch.undo()
    assert left_in(store.folder) == []


def test_file_that_cannot_be_put_in_place_leaves_no_part(
    make_store: MakeStore, served: MakeFile
) -> None:
    store = make_store()
    (store.folder / "face.onnx").mkdir(parents=True)
    with pytest.raises(ModelStorageError) as caught:
        store.ensure(served("whole"))
    assert str(caught.value) == cannot_write(store.folder, errno.EISDIR)
    assert left_in(store.folder) == ["face.onnx"]


def test_pipe_that_is_closed_on_a_message_is_no_trouble_of_the_folder(
    tmp_path: Path, served: MakeFile
) -> None:
    def closed(_: str) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    with pytest.raises(BrokenPipeError):
        ModelStore(tmp_path, notify=closed).ensure(served("whole"))


def test_folder_that_cannot_be_locked_is_said_and_used(
    make_store: MakeStore, served: MakeFile, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("steadyface.models.lock._take", refused)
    store = make_store()
    assert store.ensure(served("whole")).is_file()
    assert notes[0] == (
        f"steadyface: {store.folder} cannot be locked (No locks available); let no other process "
        "fetch into it now"
    )


@pytest.mark.parametrize(("below", "code"), [("", errno.EEXIST), ("models", errno.ENOTDIR)])
def test_cache_folder_that_is_a_file(
    tmp_path: Path, served: MakeFile, notes: Notes, below: str, code: int
) -> None:
    (tmp_path / "file").write_bytes(b"")
    folder = tmp_path / "file" / below
    with pytest.raises(ModelStorageError) as caught:
        ModelStore(folder, notify=notes).ensure(served("whole"))
    assert str(caught.value) == cannot_write(folder, code)


@needs_modes
def test_read_only_folder(make_store: MakeStore, served: MakeFile) -> None:
    store = make_store()
    store.folder.mkdir(mode=0o500)
    with pytest.raises(ModelStorageError) as caught:
        store.ensure(served("whole"))
    assert str(caught.value) == cannot_write(store.folder, errno.EACCES)


def test_filled_read_only_folder_is_all_that_is_needed(make_store: MakeStore, notes: Notes) -> None:
    store = make_store()
    path = filled(store)
    path.chmod(stat.S_IRUSR)
    store.folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert store.ensure(FILE) == path
    assert notes == []
    store.folder.chmod(stat.S_IRWXU)


def test_file_that_may_not_be_read(make_store: MakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> str:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    store = make_store()
    path = filled(store)
    monkeypatch.setattr(store_module, "sha256_of", refused)
    for call in (store.ensure, store.verify):
        with pytest.raises(ModelStorageError) as caught:
            call(FILE)
        assert str(caught.value) == (
            f"{path} cannot be read (Permission denied); change its permissions or name another "
            "folder in STEADYFACE_CACHE"
        )


# --- offline ------------------------------------------------------------------------------------


def test_offline_with_a_filled_cache_works(make_store: MakeStore, notes: Notes) -> None:
    store = make_store(offline=True)
    path = filled(store)
    assert store.ensure(FILE) == path
    assert notes == []


@pytest.mark.parametrize(("content", "state"), [(None, "missing"), (b"torn", "damaged")])
def test_offline_without_the_right_file(
    make_store: MakeStore, notes: Notes, content: bytes | None, state: str
) -> None:
    store = make_store(offline=True)
    if content is not None:
        filled(store, content)
    with pytest.raises(ModelDownloadError) as caught:
        store.ensure(FILE)
    assert str(caught.value) == (
        f"small.onnx is {state} in {store.folder} and STEADYFACE_OFFLINE is set; run `steadyface "
        f"models fetch` with a network, or copy the file to {store.folder / 'small.onnx'} "
        f"(SHA-256 {FILE.sha256})"
    )
    assert notes == []


def test_offline_asks_no_origin(make_store: MakeStore, make_file: MakeFile) -> None:
    store = make_store(offline=True)
    with pytest.raises(ModelDownloadError, match="STEADYFACE_OFFLINE is set"):
        store.ensure(make_file(HttpsOrigin("http://127.0.0.1:1/face.onnx")))
    assert not store.folder.exists()


@pytest.mark.parametrize("value", [None, "", "0", "false", "No", " OFF "])
def test_flag_that_is_off(value: str | None) -> None:
    assert flag("VARIABLE", value) is False


@pytest.mark.parametrize("value", ["1", "true", "Yes", " ON "])
def test_flag_that_is_on(value: str) -> None:
    assert flag("VARIABLE", value) is True


@pytest.mark.parametrize("value", ["maybe", "2", "nope", "tru e"])
def test_flag_that_says_neither(value: str) -> None:
    with pytest.raises(UsageError) as caught:
        flag("VARIABLE", value)
    assert str(caught.value) == f"VARIABLE is {value!r}: give 1 or 0"


# --- the default store ----------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "offline"), [("0", False), ("false", False), ("1", True)])
def test_environment_decides_whether_the_default_store_is_offline(
    monkeypatch: pytest.MonkeyPatch, value: str, offline: bool
) -> None:
    monkeypatch.setenv("STEADYFACE_OFFLINE", value)
    assert default_store().offline is offline


def test_environment_that_says_neither_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEADYFACE_OFFLINE", "maybe")
    with pytest.raises(UsageError) as caught:
        default_store()
    assert str(caught.value) == "STEADYFACE_OFFLINE is 'maybe': give 1 or 0"


def test_default_store_is_in_the_cache_of_the_platform_or_where_the_variable_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("STEADYFACE_OFFLINE", raising=False)
    platform = platformdirs.user_cache_path("steadyface") / "models"
    for value, folder in ((str(tmp_path), tmp_path), ("", platform)):
        monkeypatch.setenv("STEADYFACE_CACHE", value)
        assert default_store().folder == folder
    monkeypatch.delenv("STEADYFACE_CACHE")
    assert default_store().folder == platform
    assert default_store().offline is False
    assert default_store().siblings == load_catalog().weight_files


# --- checking -------------------------------------------------------------------------------------


def test_verify_tells_missing_damaged_and_right_files_apart(make_store: MakeStore) -> None:
    store = make_store()
    assert store.verify(FILE) is FileState.MISSING
    filled(store, CONTENT[:-1])
    assert store.verify(FILE) is FileState.DAMAGED
    filled(store)
    assert store.verify(FILE) is FileState.OK


def test_sha256_of_a_known_file(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")  # the example of FIPS 180-2, appendix B.1
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of(path) == digest
