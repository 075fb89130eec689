"""What of an image a network is shown: how much around the face, at which size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steadyface.imaging.geometry import CROP_LANDMARKS, CROP_SIZE
from steadyface.types import FloatArray

_MIDDLE = (CROP_SIZE - 1) / 2


@dataclass(frozen=True, slots=True)
class Framing:
    """The square that is cut out for a network.

    Attributes:
        size: its side in pixels.
        zoom: how large the face is against the usual 112-pixel crop, whose picture 1 keeps and
            less shows with more around it; None takes the largest square in the middle of the
            image, wherever the face is.

    Raises:
        ValueError: a value is out of range.
    """

    size: int = CROP_SIZE
    zoom: float | None = 1.0

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"size is {self.size}: give 1 or more")
        if self.zoom is not None and not 0 < self.zoom <= 4:
            raise ValueError(f"zoom is {self.zoom}: give more than 0, up to 4")

    @property
    def landmarks(self) -> FloatArray:
        """5 x 2 float32: where the five points of a face come to lie; without zoom as for 1."""
        scale = (1.0 if self.zoom is None else self.zoom) * self.size / CROP_SIZE
        placed = (CROP_LANDMARKS - _MIDDLE) * scale + (self.size - 1) / 2
        return np.asarray(placed, dtype=np.float32)


#: What face networks are shown.
FACE_CROP = Framing()
