"""One picture of all kinds and their variants at all severities."""

from __future__ import annotations

from textwrap import wrap

import cv2
import numpy as np

from steadyface.distortions.applying import apply, rng_for
from steadyface.distortions.registry import full_name, kinds, variants
from steadyface.types import RGBImage

_HEADER = 22
_MARGIN = 84
#: Height of a line of a row's name, and how many letters fit into it.
_LINE, _LETTERS = 18, 9
_WHITE = 255
_COLUMNS = ("clean", "1", "2", "3", "4", "5")


def contact_sheet(image: RGBImage, seed: int = 0, *, tile: int = 160) -> RGBImage:
    """Rows of kinds, one for each variant; columns clean and severity 1 to 5; with their names.

    All pictures of a row start from the same state of randomness.

    Args:
        image: H x W x 3 uint8.
        seed: of the distortions.
        tile: height of one picture in pixels; the image is distorted at its own size first.

    Returns:
        One H x W x 3 uint8 picture.
    """
    width = max(1, round(tile * image.shape[1] / image.shape[0]))
    rows = [_header(width)]
    for kind in kinds():
        for variant in variants(kind):
            pictures = [image, *_rising(image, kind, variant, seed)]
            tiles = [cv2.resize(p, (width, tile), interpolation=cv2.INTER_AREA) for p in pictures]
            rows.append(np.hstack([_row_name(kind, variant, tile), *tiles]))
    return np.asarray(np.vstack(rows), dtype=np.uint8)


def _rising(image: RGBImage, kind: str, variant: str | None, seed: int) -> list[RGBImage]:
    return [
        apply(image, kind, severity, rng_for(seed, kind), variant=variant)
        for severity in range(1, 6)
    ]


def _row_name(kind: str, variant: str | None, tile: int) -> RGBImage:
    lines = wrap(full_name(kind, variant).replace("_", " "), _LETTERS)
    label = np.full((tile, _MARGIN, 3), _WHITE, dtype=np.uint8)
    top = tile // 2 - _LINE * (len(lines) - 1) // 2
    for number, line in enumerate(lines):
        label = _text(label, line, (4, top + _LINE * number))
    return label


def _header(width: int) -> RGBImage:
    header = np.full((_HEADER, _MARGIN + len(_COLUMNS) * width, 3), _WHITE, dtype=np.uint8)
    for column, name in enumerate(_COLUMNS):
        header = _text(header, name, (_MARGIN + column * width + 4, _HEADER - 6))
    return header


def _text(image: RGBImage, text: str, place: tuple[int, int]) -> RGBImage:
    drawn = cv2.putText(
        image, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA
    )
    return np.asarray(drawn, dtype=np.uint8)
