"""An index beside large prepared files: it vouches for them, so it is the last to be written."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def indexed(
    file: Path, wanted: Sequence[str], make: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """What an index says, after making the prepared files anew where it is not about these names.

    Stopped at any moment, the next call finds either the old files with their index, the new ones
    with theirs, or no index and makes them again.

    Args:
        file: the index.
        wanted: names of what is to be prepared, in order.
        make: writes the prepared files and says what the index shall hold beside `wanted`.
    """
    if file.is_file():
        stored: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if stored["wanted"] == list(wanted):
            return stored
        file.unlink()
    file.parent.mkdir(parents=True, exist_ok=True)
    made = {"wanted": list(wanted), **make()}
    part = file.with_suffix(".part")
    part.write_text(json.dumps(made), encoding="utf-8")
    part.replace(file)
    return made
