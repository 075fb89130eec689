"""Writes results where the user asked for them: JSON, CSV, and a stated provenance."""

from __future__ import annotations

import csv
import json
import platform
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from steadyface._version import __version__
from steadyface.errors import OutputError

_LIBRARIES = ("numpy", "opencv-python-headless", "onnxruntime", "pillow")


def provenance(model_id: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """What made a result: versions, model, options and machine kind, without any path."""
    return {
        "steadyface": __version__,
        "model": model_id,
        "options": dict(options),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "libraries": {name: _version_of(name) for name in _LIBRARIES},
    }


def _version_of(distribution: str) -> str | None:
    """Its version; None where the library came under another name, such as from conda."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def write_json(file: Path, value: Mapping[str, Any]) -> None:
    """Write one JSON document.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise cannot_write(file, error) from error


def write_csv(file: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write one line a row under a header of the first row's keys.

    A path that is not UTF-8 is written with escapes.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
            writer = csv.DictWriter(stream, fieldnames=list(rows[0]) if rows else [])
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise cannot_write(file, error) from error


def writable_folder(folder: Path) -> Path:
    """Make sure that a folder exists and can be written to, before the long work starts.

    Raises:
        OutputError: it cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except FileExistsError as error:
        raise OutputError(f"{folder}: is a file; give a folder to write into") from error
    except OSError as error:
        raise cannot_write(folder, error) from error
    return folder


def writable_file(file: Path) -> Path:
    """Make sure that a file can be written, before the long work starts; leaves it as it is.

    Raises:
        OutputError: it cannot.
    """
    if file.is_dir():
        raise OutputError(f"{file}: is a folder; give the name of a file to write")
    writable_folder(file.parent)
    if file.exists():
        try:
            with file.open("ab"):
                pass
        except OSError as error:
            raise cannot_write(file, error) from error
    return file


def cannot_write(path: Path, error: OSError) -> OutputError:
    """The error that says what could not be written and why."""
    return OutputError(f"{path}: cannot be written ({error.strerror}); choose another place")
