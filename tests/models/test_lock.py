"""One holder at a time: threads, processes, and what is left of dead ones."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from steadyface.models import lock
from steadyface.models.lock import exclusive

HOLD = """
import sys, time
from pathlib import Path
from steadyface.models.lock import exclusive
with exclusive(Path(sys.argv[1]), waiting=lambda: None, unlocked=print):
    print("held", flush=True)
    time.sleep(60)
"""


def nobody() -> None:
    raise AssertionError("had to wait")


def no_locks(reason: str) -> None:
    raise AssertionError(f"no locks: {reason}")


def test_threads_hold_it_one_after_the_other(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def use(number: int) -> None:
        with exclusive(tmp_path / "lock", waiting=lambda: None, unlocked=no_locks):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.02)
            inside.remove(number)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1, 1]


def test_a_process_keeps_others_out_until_it_dies(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    waits: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"

        def waiting() -> None:
            waits.append("said")
            threading.Timer(0.3, holder.kill).start()  # polled meanwhile, and said only once

        with exclusive(path, waiting=waiting, unlocked=no_locks):
            assert holder.wait(10) != 0
    assert waits == ["said"]


def test_it_is_given_back_whatever_the_body_does(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with pytest.raises(ZeroDivisionError), exclusive(path, waiting=nobody, unlocked=no_locks):
        raise ZeroDivisionError
    with exclusive(path, waiting=nobody, unlocked=no_locks):
        assert path.is_file()
    assert path.is_file()


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_said_and_does_not_stop_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refused(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(lock, "_take", refused)
    monkeypatch.setattr(lock, "_give_back", refused)
    reasons: list[str] = []
    with exclusive(tmp_path / "lock", waiting=nobody, unlocked=reasons.append):
        reasons.append("worked")
    assert reasons == [os.strerror(code), "worked"]


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
def test_a_lock_file_of_another_user_will_do(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch(mode=0o444)
    with exclusive(path, waiting=nobody, unlocked=no_locks):
        pass


def test_a_lock_file_that_cannot_be_made(tmp_path: Path) -> None:
    with (
        pytest.raises(FileNotFoundError),
        exclusive(tmp_path / "none" / "lock", waiting=nobody, unlocked=no_locks),
    ):
        pass
