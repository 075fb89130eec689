"""The registry of distortions: one decorated function a kind."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import TypeAlias

import numpy as np

from steadyface.errors import UsageError
from steadyface.types import RGBImage

#: (image, severity 1..5, generator) -> image of the same shape and dtype.
Distortion: TypeAlias = Callable[[RGBImage, float, np.random.Generator], RGBImage]

_REGISTRY: dict[str, Distortion] = {}


def distortion(kind: str) -> Callable[[Distortion], Distortion]:
    """Register a function as the distortion of this kind; filled while the package is imported."""

    def register(function: Distortion) -> Distortion:
        if kind in _REGISTRY:
            raise ValueError(f"distortion {kind!r} is registered twice")
        _REGISTRY[kind] = function
        return function

    return register


def kinds() -> tuple[str, ...]:
    """All kinds, in alphabetical order."""
    return tuple(sorted(_REGISTRY))


def get(kind: str) -> Distortion:
    """The function of a kind.

    Raises:
        UsageError: there is no such kind.
    """
    if kind not in _REGISTRY:
        near = get_close_matches(kind, _REGISTRY, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"no distortion {kind!r}, there are {', '.join(kinds())}{hint}")
    return _REGISTRY[kind]
