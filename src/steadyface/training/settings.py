"""Settings read from TOML into frozen dataclasses, strictly: unknown or unfit ones are errors."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from steadyface.distortions import KINDS
from steadyface.errors import UsageError

T = TypeVar("T")
#: Least and greatest value of a setting, wherever it stands; others have to be 0 or more.
RANGES: Mapping[str, tuple[float, float]] = {
    "steps": (1, math.inf),
    "warmup": (0, math.inf),
    "rate": (1e-12, math.inf),
    "temperature": (1e-6, math.inf),
    "bank": (1, math.inf),
    "averaging": (0, 1 - 1e-9),
    "identity": (0, 1),
    "clean": (0, 1),
    "second": (0, 1),
    "extra": (0, 1),
    "blown": (0, 1),
    "morph": (0, 1),
    "wild": (0, 1),
    "empty": (0, 1),
    "eyes": (1, math.inf),
    "photos": (0, 1),
    "backgrounds": (0, 1),
    "textures": (0, 1),
}


def read_settings(file: Path) -> dict[str, Any]:
    """The values of a recipe.

    Raises:
        UsageError: the file cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{file}: cannot be read as a recipe ({error}); give TOML") from error


def recipe_as(kind: type[T], mix: type[Any], file: Path, *, least_batch: int) -> T:
    """A recipe with its table `mix` from a TOML file; what it does not name keeps its default.

    Args:
        kind: the recipe's dataclass, with a field `mix` and one `batch`.
        mix: the dataclass of that field, with a field `weights`.
        file: the TOML file.
        least_batch: fewest samples a step.

    Raises:
        UsageError: the file cannot be read, or a setting is unknown or unfit.
    """
    values = read_settings(file)
    shown = values.pop("mix", {})
    if not isinstance(shown, dict):
        raise UsageError(f"{file}: mix is {shown!r}, give a table of settings")
    _check_weights(shown.get("weights", {}), file)
    recipe = settings_as(kind, {**values, "mix": settings_as(mix, shown, file)}, file)
    if values.get("batch", least_batch) < least_batch:
        raise UsageError(f"{file}: batch is {values['batch']}, give {least_batch} or more")
    return recipe


def settings_as(kind: type[T], values: Mapping[str, Any], file: Path) -> T:
    """The values as a dataclass; what they do not name keeps its default.

    Raises:
        UsageError: a value is named that the dataclass does not have, or is unfit.
    """
    known = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    types = get_type_hints(kind)
    for name, value in values.items():
        if name not in known:
            raise UsageError(f"{file}: no setting {name!r}, there are {', '.join(known)}")
        _check(name, value, types[name], file)
    return kind(**values)


def _check(name: str, value: object, wanted: object, file: Path) -> None:
    """Refuse a number of the wrong kind or out of range."""
    if wanted not in (int, float):
        return
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    whole = wanted is int
    if not number or (whole and not isinstance(value, int)):
        raise UsageError(
            f"{file}: {name} is {value!r}, give a {'whole number' if whole else 'number'}"
        )
    low, high = RANGES.get(name, (0, math.inf))
    assert isinstance(value, (int, float))
    if not low <= value <= high:
        span = f"{low:g} or more" if math.isinf(high) else f"{low:g} to {high:g}"
        raise UsageError(f"{file}: {name} is {value:g}, give {span}")


def _check_weights(named: object, file: Path) -> None:
    """Refuse weights of distortions that there are not, or that are no weights."""
    if not isinstance(named, dict):
        raise UsageError(f"{file}: weights is {named!r}, give a table of kinds and numbers")
    for kind, weight in named.items():
        if kind not in KINDS:
            raise UsageError(f"{file}: no distortion {kind!r}, there are {', '.join(KINDS)}")
        _check(f"the weight of {kind}", weight, float, file)
    if set(named) == set(KINDS) and not any(named.values()):
        raise UsageError(f"{file}: all weights are 0, give one kind more")
