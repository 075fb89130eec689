"""Fetching in processes of their own: at once, on a terminal, in a pipe, with little room."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import termios
import time
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.models.folders import left_in

from steadyface.models.store import ModelStore

if TYPE_CHECKING:
    from tests.models.conftest import MakeFile, Server

PROGRAM = """
import json, resource, sys
from pathlib import Path
from steadyface.errors import SteadyfaceError
from steadyface.models.catalog import HttpsOrigin, WeightFile
from steadyface.models.store import ModelStore

folder, fields, room = Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])
if room:
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
fields["origins"] = tuple(HttpsOrigin(**origin) for origin in fields["origins"])
try:
    print(ModelStore(folder).ensure(WeightFile(**fields)))
except SteadyfaceError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


def command(folder: Path, served: MakeFile, behaviour: str, room: int = 0) -> list[str]:
    fields = json.dumps(asdict(served(behaviour)))
    return [sys.executable, "-W", "error", "-c", PROGRAM, str(folder), fields, str(room)]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60)


def test_pipe_gets_the_message_and_no_progress_bar(tmp_path: Path, served: MakeFile) -> None:
    done = run(*command(tmp_path, served, "whole"))
    assert done.returncode == 0
    assert done.stdout == f"{tmp_path / 'face.onnx'}\n"
    assert done.stderr == (
        f"steadyface: fetching face.onnx (0.7 MB, MIT, Test Zoo) into {tmp_path}\n"
    )


@pytest.mark.parametrize(("begun", "first"), [(0, b" 0%"), (350_000, b" 50%")])
def test_terminal_gets_a_progress_bar(
    tmp_path: Path, served: MakeFile, begun: int, first: bytes
) -> None:
    if begun:
        whole = ModelStore(tmp_path / "other", notify=lambda _: None).ensure(served("whole"))
        (tmp_path / ".face.onnx.part").write_bytes(whole.read_bytes()[:begun])
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    with subprocess.Popen(
        command(tmp_path, served, "ranged"), stdout=subprocess.DEVNULL, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 4096):
                shown += chunk
        except OSError:  # how Linux reports that the other end was closed
            pass
    os.close(ours)
    assert process.returncode == 0
    assert b"steadyface: fetching face.onnx" in shown
    bars = [line for line in re.split(rb"[\r\n]+", shown) if b"%" in line]
    assert first in bars[0]
    assert b"100%" in bars[-1]
    assert b"700k/700k" in shown


def test_two_processes_that_fetch_at_once_fetch_once(
    tmp_path: Path, served: MakeFile, server: Server
) -> None:
    started = [
        subprocess.Popen(
            command(tmp_path, served, "whole"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=60) for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert [out.decode() for out, _ in answers] == [f"{tmp_path / 'face.onnx'}\n"] * 2
    assert len(server.requests) == 1
    assert left_in(tmp_path) == ["face.onnx"]
    assert sha256((tmp_path / "face.onnx").read_bytes()).hexdigest() == served().sha256


def test_process_that_is_killed_leaves_its_part_and_no_lock(
    tmp_path: Path, served: MakeFile, server: Server
) -> None:
    with subprocess.Popen(
        command(tmp_path, served, "stops"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        part = tmp_path / ".face.onnx.part"
        deadline = time.monotonic() + 30
        while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
    done = run(*command(tmp_path, served, "ranged"))
    assert done.returncode == 0
    assert "waiting" not in done.stderr
    assert server.requests[1][1] is not None  # it went on
    assert left_in(tmp_path) == ["face.onnx"]


@pytest.mark.parametrize("room", [1000, 500_000])
def test_process_that_may_write_no_more_ends_with_a_clear_error(
    tmp_path: Path, served: MakeFile, room: int
) -> None:
    done = run(*command(tmp_path, served, "whole", room))
    assert done.returncode == 1
    assert done.stderr.splitlines()[1:] == [
        f"ModelStorageError: {tmp_path} cannot be written (File too large); make 700000 bytes of "
        "room there or name another folder in STEADYFACE_CACHE"
    ]
    assert left_in(tmp_path) == []
