"""Views of a frame in which a detector may see a face that distortion hides from it.

Each view is a pure function; the image it returns may be smaller than the frame, by a factor that
goes with it. Measured reasons are in docs/decisions.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import cv2
import numpy as np

from steadyface.types import RGBImage

View: TypeAlias = Callable[[RGBImage], RGBImage]


def smoothed(image: RGBImage) -> RGBImage:
    """Gaussian blur of 2 pixels: averages noise and rain away."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 2.0), dtype=np.uint8)


def halved(image: RGBImage) -> RGBImage:
    """Half the size, averaged, then a 3 x 3 median: takes heavy and impulsive noise out."""
    height, width = image.shape[:2]
    size = (max(1, width // 2), max(1, height // 2))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.medianBlur(small, 3), dtype=np.uint8)


def equalised(image: RGBImage) -> RGBImage:
    """Contrast-limited adaptive histogram equalisation of the lightness (Zuiderveld 1994)."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(8, 8)).apply(lab[..., 0])
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), dtype=np.uint8)


def darkened(image: RGBImage) -> RGBImage:
    """Gamma 2.5: spreads the tones that over-exposure has pushed towards white."""
    return tone(image, 2.5)


def tone(image: RGBImage, gamma: float) -> RGBImage:
    """Raise every value, taken as 0..1, to the power `gamma`; above 1 darkens."""
    table = (np.linspace(0.0, 1.0, 256) ** gamma * 255.0).round().astype(np.uint8)
    return np.asarray(cv2.LUT(image, table), dtype=np.uint8)


#: The views in the order they are tried; the order decides nothing but ties.
VIEWS: Mapping[str, View] = MappingProxyType(
    {"smoothed": smoothed, "halved": halved, "equalised": equalised, "darkened": darkened}
)
