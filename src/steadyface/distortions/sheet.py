"""One picture of all kinds at all severities."""

from __future__ import annotations

import cv2
import numpy as np

from steadyface.distortions.applying import apply, rng_for
from steadyface.distortions.registry import kinds
from steadyface.types import RGBImage

_LABEL = 22
_MARGIN = 76
_WHITE = 255


def contact_sheet(image: RGBImage, seed: int = 0, *, tile: int = 160) -> RGBImage:
    """Rows of kinds, columns clean and severity 1 to 5, with their names.

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
        versions = [image] + [apply(image, kind, s, rng_for(seed, kind)) for s in range(1, 6)]
        label = _text(np.full((tile, _MARGIN, 3), _WHITE, dtype=np.uint8), kind, (4, tile // 2))
        tiles = [cv2.resize(v, (width, tile), interpolation=cv2.INTER_AREA) for v in versions]
        rows.append(np.hstack([label, *tiles]))
    return np.asarray(np.vstack(rows), dtype=np.uint8)


def _header(width: int) -> RGBImage:
    header = np.full((_LABEL, _MARGIN + 6 * width, 3), _WHITE, dtype=np.uint8)
    for column, name in enumerate(("clean", "1", "2", "3", "4", "5")):
        header = _text(header, name, (_MARGIN + column * width + 4, _LABEL - 6))
    return header


def _text(image: RGBImage, text: str, place: tuple[int, int]) -> RGBImage:
    drawn = cv2.putText(
        image, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA
    )
    return np.asarray(drawn, dtype=np.uint8)
