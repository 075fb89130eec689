"""The YuNet detector on ONNX Runtime: frames in, faces with five points out.

Output layout and decoding follow Wu, Peng and Yu, "YuNet: A tiny millisecond-level face
detector", Machine Intelligence Research 20, 2023: an anchor-free head at strides 8, 16 and 32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from steadyface.models.catalog import Preprocessing
from steadyface.models.preprocess import to_batch
from steadyface.models.session import OnnxSession
from steadyface.types import Box, Detection, FloatArray, RGBImage

STRIDES = (8, 16, 32)
_MULTIPLE = 32
_OVERLAP = 0.3


class YuNetDetector:
    """Finds faces of about 10 to 300 pixels in a frame.

    Args:
        session: the loaded network.
        preprocessing: how pixels become its input.
        model_id: the catalog's name of the model.
        max_side: frames with a longer side are shrunk to this many pixels first, which bounds
            the time and keeps large faces within the detector's range.
    """

    def __init__(
        self,
        session: OnnxSession,
        preprocessing: Preprocessing,
        *,
        model_id: str,
        max_side: int = 1536,
    ) -> None:
        self.model_id = model_id
        self._session = session
        self._preprocessing = preprocessing
        self.max_side = max_side

    def detect(self, frames: Sequence[RGBImage], threshold: float) -> list[list[Detection]]:
        """Find the faces in frames of equal size.

        Args:
            frames: each H x W x 3 uint8, all of one size.
            threshold: least score of a face, 0..1.

        Returns:
            One list a frame, best score first, overlapping detections merged; coordinates are
            pixels of the frame as given.
        """
        height, width = frames[0].shape[:2]
        scale = min(1.0, self.max_side / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        fitted = [_fit(frame, size) for frame in frames]
        outputs = self._session.run(to_batch(fitted, self._preprocessing))
        columns = fitted[0].shape[1]
        back = np.array([width / size[0], height / size[1]], dtype=np.float32)
        return [
            suppress(_decode(outputs, index, columns, threshold, back))
            for index in range(len(frames))
        ]


def suppress(detections: Sequence[Detection], most: float = _OVERLAP) -> list[Detection]:
    """Greedy non-maximum suppression: keep the best-scoring of detections that overlap.

    Args:
        detections: in any order.
        most: intersection over union above which two detections are one face.

    Returns:
        The survivors, best score first.
    """
    ranked = sorted(detections, key=lambda d: -d.score)
    kept: list[Detection] = []
    for detection in ranked:
        if all(overlap(detection.box, other.box) <= most for other in kept):
            kept.append(detection)
    return kept


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0..1."""
    shared = shared_area(a, b)
    return shared / (a.area + b.area - shared) if shared else 0.0


def shared_area(a: Box, b: Box) -> float:
    """The area that two boxes share, in square pixels."""
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    return width * height if width > 0 and height > 0 else 0.0


def rescaled(face: Detection, scale: tuple[float, float]) -> Detection:
    """A face in pixels of a frame that is so many times as wide and as high."""
    across, down = scale
    box = face.box
    return replace(
        face,
        box=Box(box.x * across, box.y * down, box.width * across, box.height * down),
        landmarks=face.landmarks * np.array(scale, dtype=np.float32),
    )


def _fit(frame: RGBImage, size: tuple[int, int]) -> RGBImage:
    """Shrink to `size` (width, height) and pad right and below with black to a multiple of 32."""
    if size != frame.shape[1::-1]:
        frame = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    below, right = -frame.shape[0] % _MULTIPLE, -frame.shape[1] % _MULTIPLE
    return np.pad(frame, ((0, below), (0, right), (0, 0)))


def _decode(
    outputs: dict[str, NDArray[np.float32]],
    index: int,
    width: int,
    threshold: float,
    back: FloatArray,
) -> list[Detection]:
    """The faces of frame `index` above the threshold, before overlaps are merged.

    `width` is that of the network's input; `back` (across, down) leads to pixels of the frame.
    """
    detections: list[Detection] = []
    for stride in STRIDES:
        columns = width // stride
        cls = np.clip(outputs[f"cls_{stride}"][index, :, 0], 0, 1)
        obj = np.clip(outputs[f"obj_{stride}"][index, :, 0], 0, 1)
        scores = np.sqrt(cls * obj)
        for cell in np.flatnonzero(scores >= threshold):
            corner = np.array([cell % columns, cell // columns], dtype=np.float32)
            box = outputs[f"bbox_{stride}"][index, cell]
            centre = (corner + box[:2]) * stride
            extent = np.exp(box[2:]) * stride
            points: FloatArray = outputs[f"kps_{stride}"][index, cell].reshape(5, 2) + corner
            left, top = (centre - extent / 2) * back
            detections.append(
                Detection(
                    Box(float(left), float(top), *(float(e) for e in extent * back)),
                    (points * stride * back).astype(np.float32),
                    float(scores[cell]),
                )
            )
    return detections
