"""Keeps Pillow's warnings about damaged files from reaching the caller."""

from __future__ import annotations

import re
import threading
import warnings
from contextlib import suppress
from types import TracebackType
from typing import Any, cast

#: Ignores every warning raised in one of Pillow's modules.
_IGNORE = ("ignore", None, Warning, re.compile(r"PIL\."), 0)


class QuietPillow:
    """A block in which Pillow's modules do not warn; any number of threads may be inside.

    `warnings.catch_warnings` puts a whole list of filters back when it is left, so threads that
    overlap undo each other's and the caller's filters. This adds one filter with the first thread
    and takes only that one away with the last.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                _filters().insert(0, _IGNORE)
            self._inside += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._inside -= 1
            # The caller may have put another list of filters in place meanwhile, without this one
            # or with one left over.
            if self._inside == 0:
                with suppress(ValueError):
                    while True:
                        _filters().remove(_IGNORE)


def _filters() -> list[Any]:
    return cast("list[Any]", warnings.filters)


quiet_pillow = QuietPillow()
