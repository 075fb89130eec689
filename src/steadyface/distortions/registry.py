"""The registry of distortions: one decorated function a kind, or one for each of its variants."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import TypeAlias

import numpy as np

from steadyface.errors import UsageError
from steadyface.types import RGBImage

#: (image, severity 1..5, generator) -> image of the same shape and dtype.
Distortion: TypeAlias = Callable[[RGBImage, float, np.random.Generator], RGBImage]

#: By kind, then by variant, in the order of registration. A kind without variants has one of no
#: name.
_REGISTRY: dict[str, dict[str | None, Distortion]] = {}


def distortion(kind: str, variant: str | None = None) -> Callable[[Distortion], Distortion]:
    """Register a function as the distortion of this kind; filled while the package is imported.

    Args:
        kind: the family.
        variant: where a family has several forms, the name of this one. Which form a seed chooses
            goes by their order, so a new one changes the images of old seeds.
    """

    def register(function: Distortion) -> Distortion:
        functions = _REGISTRY.setdefault(kind, {})
        if variant in functions:
            raise ValueError(f"distortion {full_name(kind, variant)!r} is registered twice")
        if functions and None in (variant, *functions):
            raise ValueError(f"distortion {kind!r} is registered with a variant and without one")
        functions[variant] = function
        return function

    return register


def kinds() -> tuple[str, ...]:
    """All kinds, in alphabetical order."""
    return tuple(sorted(_REGISTRY))


def variants(kind: str) -> tuple[str | None, ...]:
    """The variants of a kind, in the order of registration; one None where it has no variants.

    Raises:
        UsageError: there is no such kind.
    """
    return tuple(_functions(kind))


def full_name(kind: str, variant: str | None) -> str:
    """What people read: `foggy`, or `blurred: motion`."""
    return kind if variant is None else f"{kind}: {variant}"


def get(kind: str, variant: str | None = None) -> Distortion:
    """The function of a kind; it takes one of the kind's variants at random where none is named.

    A variant that is named costs the same random draws as one that is taken at random, so naming
    the one that would be taken changes nothing.

    Raises:
        UsageError: there is no such kind, or it has no such variant.
    """
    functions = _functions(kind)
    if variant is not None and variant not in functions:
        there_are = [name for name in functions if name is not None]
        raise UsageError(_unknown(f"variant of {kind}", variant, there_are))
    if None in functions:
        return functions[None]
    ordered = list(functions.values())

    def chosen(image: RGBImage, severity: float, rng: np.random.Generator) -> RGBImage:
        drawn = ordered[rng.integers(len(ordered))]
        function = drawn if variant is None else functions[variant]
        return function(image, severity, rng)

    return chosen


def _functions(kind: str) -> dict[str | None, Distortion]:
    if kind not in _REGISTRY:
        raise UsageError(_unknown("distortion", kind, kinds()))
    return _REGISTRY[kind]


def _unknown(what: str, name: str, there_are: Iterable[str]) -> str:
    known = list(there_are)
    if not known:
        return f"no {what} {name!r}, there are none; leave it out"
    near = get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"no {what} {name!r}, there are {', '.join(known)}{hint}"
