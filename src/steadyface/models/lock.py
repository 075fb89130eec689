"""A lock that one holder at a time has, among threads, processes and machines on one volume."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_POLL_SECONDS = 0.1

if sys.platform == "win32":
    import msvcrt

    def _take(file: int) -> None:
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:  # how Windows says that another handle has the lock
            raise BlockingIOError(error.errno, error.strerror) from error

    def _give_back(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _take(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _give_back(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)


@contextmanager
def exclusive(
    path: Path, *, waiting: Callable[[], None], unlocked: Callable[[str], None]
) -> Iterator[None]:
    """Hold the lock on a file while the body runs; a holder that dies gives it back.

    The file is made where it is missing and stays: whoever deleted it would take it from under
    those who wait for it.

    Args:
        path: the file; its content does not matter.
        waiting: called once where another has the lock.
        unlocked: called with the reason where the file system has no locks; the body runs all the
            same.

    Raises:
        OSError: the file cannot be opened or made.
    """
    # For reading, so that a file made by another user of a shared folder will do.
    file = os.open(path, os.O_RDONLY | os.O_CREAT, 0o666)
    try:
        held = _acquire(file, waiting, unlocked)
        try:
            yield
        finally:
            if held:
                _give_back(file)
    finally:
        os.close(file)


def _acquire(file: int, waiting: Callable[[], None], unlocked: Callable[[str], None]) -> bool:
    said = False
    while True:
        try:
            _take(file)
            return True
        except BlockingIOError:
            if not said:
                waiting()
                said = True
            time.sleep(_POLL_SECONDS)
        except OSError as error:
            unlocked(error.strerror or str(error))
            return False
