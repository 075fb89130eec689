"""Applies distortions by name, alone or one after another, from explicit randomness."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

import numpy as np

from steadyface.distortions.registry import get
from steadyface.errors import UsageError
from steadyface.types import RGBImage

LOWEST, HIGHEST = 1.0, 5.0


def apply(
    image: RGBImage,
    kind: str,
    severity: float,
    rng: np.random.Generator,
    *,
    variant: str | None = None,
) -> RGBImage:
    """Distort an image.

    Args:
        image: H x W x 3 uint8, any size of one pixel or more; left as it is.
        kind: one of the registered kinds.
        severity: 1 (mild) to 5 (near the limit), fractions allowed.
        rng: the source of all randomness; the same state gives the same image.
        variant: one of the kind's forms, see `variants`; by default `rng` takes one where there
            are several.

    Returns:
        A new H x W x 3 uint8 array of the same size, C-contiguous and writable.

    Raises:
        UsageError: unknown kind or variant, a severity out of range, or no such image.
    """
    function = get(kind, variant)
    check_severity(kind, severity)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise UsageError(
            f"image: shape {image.shape} and dtype {image.dtype} are not H x W x 3 uint8; convert "
            "it to RGB with values 0 to 255"
        )
    return function(np.ascontiguousarray(image), severity, rng)


def check_severity(kind: str, severity: float) -> None:
    """Check a severity that was asked of a kind.

    Raises:
        UsageError: it is out of range.
    """
    if not LOWEST <= severity <= HIGHEST:
        raise UsageError(
            f"{kind}: severity {short(severity)} is out of range; give {short(LOWEST)} to "
            f"{short(HIGHEST)}"
        )


def short(severity: float) -> str:
    """A severity as people write it, `3` or `2.5`; it reads back as the same number."""
    return str(float(severity)).removesuffix(".0")


def compose(
    image: RGBImage, steps: Iterable[tuple[str, float]], rng: np.random.Generator
) -> RGBImage:
    """Apply several (kind, severity) steps, first to last."""
    result = image.copy()
    for kind, severity in steps:
        result = apply(result, kind, severity, rng)
    return result


def rng_for(seed: int, *names: str) -> np.random.Generator:
    """A generator fixed by a seed and names such as an image's and a kind's.

    So a batch's results depend neither on the order of its images nor on the process.
    """
    # The names of files may hold bytes that are not UTF-8; Python keeps them as lone surrogates.
    text = "\x00".join((str(seed), *names)).encode("utf-8", "surrogatepass")
    digest = sha256(text).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))
