"""Settings read from TOML into frozen dataclasses, strictly: unknown names are errors."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from steadyface.distortions import KINDS
from steadyface.errors import UsageError

T = TypeVar("T")


def read_settings(file: Path) -> dict[str, Any]:
    """The values of a recipe.

    Raises:
        UsageError: the file cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{file}: cannot be read as a recipe ({error}); give TOML") from error


def settings_as(kind: type[T], values: Mapping[str, Any], file: Path) -> T:
    """The values as a dataclass; what they do not name keeps its default.

    Raises:
        UsageError: a value is named that the dataclass does not have.
    """
    known = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise UsageError(f"{file}: no setting {unknown[0]!r}, there are {', '.join(known)}")
    return kind(**values)


def check_kinds(named: Collection[str], file: Path) -> None:
    """Refuse weights of distortions that there are not.

    Raises:
        UsageError: a name is no kind of distortion.
    """
    unknown = sorted(set(named) - set(KINDS))
    if unknown:
        raise UsageError(f"{file}: no distortion {unknown[0]!r}, there are {', '.join(KINDS)}")
