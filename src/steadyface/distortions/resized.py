"""Low resolution: a small picture blown up again, often after JPEG."""

from __future__ import annotations

import cv2
import numpy as np

from steadyface.distortions.registry import distortion
from steadyface.distortions.tools import at, enlargement
from steadyface.types import RGBImage

_DOWN = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_NEAREST)
_UP = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST, cv2.INTER_LANCZOS4)


@distortion("resized")
def resized(image: RGBImage, severity: float, rng: np.random.Generator) -> RGBImage:
    """Shrunk to a fraction, by one method, and blown up to the old size by another."""
    height, width = image.shape[:2]
    factor = at(severity, 2.8, 4.2, 5.6, 7.0, 8.6) * rng.uniform(0.92, 1.08)
    factor *= enlargement(image)
    down = _DOWN[rng.choice(3, p=(0.6, 0.3, 0.1))]
    up = _UP[rng.choice(4, p=(0.4, 0.35, 0.15, 0.1))]
    quality = int(rng.uniform(55, 90)) if rng.random() < 0.3 else None
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    small = np.asarray(cv2.resize(image, size, interpolation=down), dtype=np.uint8)
    if quality is not None:
        small = _through_jpeg(small, quality)
    return np.asarray(cv2.resize(small, (width, height), interpolation=up), dtype=np.uint8)


def _through_jpeg(image: RGBImage, quality: int) -> RGBImage:
    _, coded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), dtype=np.uint8)
    return decoded[..., ::-1]
