"""The command as a process of its own: pipes, full disks, signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest

from steadyface.models.catalog import load_catalog
from steadyface.models.store import CACHE_VARIABLE, default_store

Paint = Callable[..., Path]
Start = Callable[..., "subprocess.Popen[str]"]

PROGRAM = "from steadyface.cli.main import main; main()"
FULL_DISK = Path("/dev/full")


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start `steadyface ARGUMENTS...` with a cache of its own."""

    def begin(
        *arguments: object, out: int | IO[Any] = subprocess.PIPE, **environment: str
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *(os.fspath(str(a)) for a in arguments)],
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            # Buffered, as by default: what stays in the buffer is written once more at the end.
            env=os.environ
            | {CACHE_VARIABLE: str(tmp_path / "cache"), "PYTHONUNBUFFERED": ""}
            | environment,
        )

    return begin


def test_results_go_to_standard_output_alone(start: Start) -> None:
    with start("models", "list") as running:
        out, err = running.communicate()
    assert (running.returncode, err) == (0, "")
    assert len(out.splitlines()) == len(load_catalog().models)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_reader_that_has_gone_ends_it_quietly(start: Start, options: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with start("models", "list", *options, out=writer) as running:
        os.close(writer)
        _, err = running.communicate()
    # As if SIGPIPE had ended it, and not 1, which would be the answer 'no'.
    assert (running.returncode, err) == (128 + signal.SIGPIPE, "")


@pytest.mark.skipif(not FULL_DISK.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", [["models", "list"], ["models", "list", "--json"], ["-h"]])
def test_output_onto_a_full_disk(start: Start, arguments: list[str]) -> None:
    with FULL_DISK.open("w") as full, start(*arguments, out=full) as running:
        _, err = running.communicate()
    assert running.returncode == 2
    assert err == (
        "steadyface: standard output: cannot be written (No space left on device); choose "
        "another place\n"
    )


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupt_is_no_answer_and_leaves_no_traceback(
    start: Start, tmp_path: Path, paint: Paint
) -> None:
    for number in range(300):
        paint(tmp_path / "in" / f"{number}.png")
    out = tmp_path / "out"
    with start("distort", tmp_path / "in", out) as running:
        deadline = time.monotonic() + 60
        while not (out.is_dir() and any(out.iterdir())) and time.monotonic() < deadline:
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        printed, err = running.communicate()
    assert (running.returncode, printed) == (128 + signal.SIGINT, "")
    assert err.split("\n") == ["", "steadyface: interrupted", ""]
    assert 0 < len(list(out.iterdir())) < 7 * 300


@pytest.mark.models
@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such file names")
def test_a_file_name_that_is_not_utf_8_can_be_printed(
    start: Start, tmp_path: Path, paint: Paint
) -> None:
    good = paint(tmp_path / os.fsdecode(b"\xff.png"), blue=10)
    missing = tmp_path / os.fsdecode(b"\xfe.png")
    usual = {CACHE_VARIABLE: str(default_store().folder), "PYTHONIOENCODING": "utf-8:strict"}
    with start("gender", good, missing, "--detection", "skip", **usual) as running:
        out, err = running.communicate()
    assert running.returncode == 3
    assert out.startswith(f"{tmp_path}/\\udcff.png: ")
    assert err == f"steadyface: {tmp_path}/\\udcfe.png: no such file; check the path\n"


@pytest.mark.models
@pytest.mark.slow
def test_a_thousand_images_of_which_three_are_broken(
    steadyface: Callable[..., Any], tmp_path: Path, paint: Paint, break_image: Paint
) -> None:
    folder = tmp_path / "crops"
    for number in range(1000):
        paint(folder / f"{number:04d}.png", degrees=number, blue=number % 256)
    broken = [break_image(folder / f"{number:04d}.png") for number in (0, 500, 999)]
    began = time.process_time()
    run = steadyface("gender", folder, "--detection", "skip", "--json")
    # What it takes where nothing else runs; the clock on the wall would measure the others too.
    took = (time.process_time() - began) / (os.cpu_count() or 1)
    assert run.status == 3
    results = run.json["results"]
    expected = [str(f) for f in sorted(folder.iterdir()) if f not in broken]
    assert [result["source"] for result in results] == expected
    assert len(results) == 997
    assert {face["detection"] for result in results for face in result["faces"]} == {"skipped"}
    assert [error["source"] for error in run.json["errors"]] == [str(file) for file in broken]
    assert [line.split(": ")[1] for line in run.err.splitlines()] == [str(f) for f in broken]
    assert took < 30
