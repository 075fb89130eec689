"""The points of a face as a detector sees them on average.

A detector's points shift by some 7 % of the eyes' distance when a clean frame is mirrored or
resized. Targets that hold this noise cannot be met; the median over such views holds less of it.
"""

from __future__ import annotations

import cv2
import numpy as np

from steadyface.models.looks import Detector
from steadyface.types import FloatArray, RGBImage

#: Distances of the eyes, in pixels, to which the views bring the face.
_EYES = (28.0, 40.0, 56.0)
#: Frames are blown up and shrunk by no more than this to get there.
_LARGEST_ZOOM = 4.0
#: A sighting is of this face if their middles are within this share of the eyes' distance.
_SAME = 0.5
_LEAST_SCORE = 0.5
#: Where a point stands among the five when the frame is mirrored.
MIRRORED = (1, 0, 2, 4, 3)


def agreed_points(frame: RGBImage, points: FloatArray, detector: Detector) -> FloatArray:
    """The median of a face's points over resized and mirrored views of a clean frame.

    Args:
        frame: H x W x 3 uint8.
        points: 5 x 2, as they were found in the frame itself; they count as one sighting.
        detector: finds the face in the views.

    Returns:
        5 x 2 float32, pixels of the frame.
    """
    sightings = [points]
    eyes = eye_distance(points)
    for wanted in _EYES:
        zoom = float(np.clip(wanted / eyes, 1 / _LARGEST_ZOOM, _LARGEST_ZOOM))
        size = (max(1, round(frame.shape[1] * zoom)), max(1, round(frame.shape[0] * zoom)))
        view = resized(frame, size)
        straight, turned = detector.detect(
            [view, np.ascontiguousarray(view[:, ::-1])], _LEAST_SCORE
        )
        back: FloatArray = np.divide(frame.shape[1::-1], size, dtype=np.float32)
        found = [face.landmarks for face in straight]
        found += [mirrored(face.landmarks, size[0]) for face in turned]
        seen: list[FloatArray] = [face * back for face in found]
        sightings += [face for face in seen if _middles_apart(face, points) < _SAME * eyes]
    return np.asarray(np.median(np.stack(sightings), axis=0), dtype=np.float32)


def eye_distance(points: FloatArray) -> float:
    """The distance of the eyes, at least a pixel."""
    return max(1.0, float(np.linalg.norm(points[0] - points[1])))


def mirrored(points: FloatArray, width: int) -> FloatArray:
    """Points (5 x 2) in the frame of this width mirrored; left and right change names."""
    turned = points[list(MIRRORED)].astype(np.float32)
    turned[:, 0] = width - 1 - turned[:, 0]
    return turned


def resized(frame: RGBImage, size: tuple[int, int]) -> RGBImage:
    """A frame at another size (width, height): averaged down, or smoothly up."""
    method = cv2.INTER_AREA if size[0] < frame.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(frame, size, interpolation=method), dtype=np.uint8)


def _middles_apart(a: FloatArray, b: FloatArray) -> float:
    return float(np.linalg.norm(a.mean(axis=0) - b.mean(axis=0)))
