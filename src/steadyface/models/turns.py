"""A frame turned in the plane, and faces turned back: detectors know upright faces."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from steadyface.imaging.framing import Framing
from steadyface.imaging.geometry import align, similarity_transform
from steadyface.types import Box, Detection, RGBImage

#: Angles, in degrees against the clock, at which a frame is looked at after 0, likeliest first.
TURNS = (90, 270, 180, 45, 315, 135, 225)
#: The patch in which a face is looked at alone: its eyes come to 40 pixels apart.
_PATCH = Framing(size=224, zoom=0.57)


def turned(frame: RGBImage, degrees: float) -> tuple[RGBImage, NDArray[np.float64]]:
    """The whole frame turned against the clock, on black.

    Args:
        frame: H x W x 3 uint8.
        degrees: any angle.

    Returns:
        The turned frame, and the 2 x 3 matrix that leads from its pixels back to the frame's.
    """
    height, width = frame.shape[:2]
    middle = ((width - 1) / 2, (height - 1) / 2)
    matrix = cv2.getRotationMatrix2D(middle, degrees, 1.0)
    across, down = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = (round(width * across + height * down), round(width * down + height * across))
    matrix[:, 2] += (size[0] - 1) / 2 - middle[0], (size[1] - 1) / 2 - middle[1]
    moved = cv2.warpAffine(frame, matrix, size, flags=cv2.INTER_LINEAR)
    back = cv2.invertAffineTransform(matrix)
    return np.asarray(moved, dtype=np.uint8), np.asarray(back, dtype=np.float64)


def turned_back(face: Detection, back: NDArray[np.float64], degrees: float) -> Detection:
    """A face of the turned frame in pixels of the frame itself.

    Its points are where they are, the left eye no longer at the image's left; its box keeps its
    middle, and its sides too, swapped where the frame lies on its side.
    """
    landmarks = face.landmarks @ back[:, :2].T + back[:, 2]
    x, y = back[:, :2] @ np.array(face.box.centre) + back[:, 2]
    width, height = face.box.width, face.box.height
    if round(degrees / 90) % 2 == 1 and degrees % 90 == 0:
        width, height = height, width
    return replace(
        face,
        box=Box(float(x) - width / 2, float(y) - height / 2, width, height),
        landmarks=landmarks.astype(np.float32),
        view=f"turned {degrees:g}",
    )


def upright_patch(image: RGBImage, face: Detection) -> tuple[RGBImage, NDArray[np.float64]]:
    """The face upright in the middle of a patch of its own, and the way back.

    Args:
        image: H x W x 3 uint8.
        face: with points in its pixels.

    Returns:
        224 x 224 x 3 uint8, and the 2 x 3 matrix that leads from its pixels to the image's.
    """
    patch = align(image, face.landmarks, _PATCH.landmarks, _PATCH.size)
    there = similarity_transform(face.landmarks, _PATCH.landmarks)
    return patch, np.asarray(cv2.invertAffineTransform(there), dtype=np.float64)


def from_patch(face: Detection, back: NDArray[np.float64]) -> Detection:
    """A face of an upright patch in pixels of the image; its box keeps its sides."""
    landmarks = face.landmarks @ back[:, :2].T + back[:, 2]
    x, y = back[:, :2] @ np.array(face.box.centre) + back[:, 2]
    scale = float(np.hypot(back[0, 0], back[1, 0]))
    width, height = face.box.width * scale, face.box.height * scale
    return replace(
        face,
        box=Box(float(x) - width / 2, float(y) - height / 2, width, height),
        landmarks=landmarks.astype(np.float32),
    )
