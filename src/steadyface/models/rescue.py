"""Detection that survives distortion: other views of the frame where the first look is weak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import cv2
import numpy as np

from steadyface.models.views import VIEWS, View
from steadyface.models.yunet import rescaled, suppress
from steadyface.types import Detection, RGBImage

#: A first look this sure ends the search. Clean frames score above it, so they pay nothing.
STRONG_SCORE = 0.8
#: Least score of a face, where its detector does not ask for more in other views.
ACCEPTED_SCORE = 0.5


#: Shorter side of the frame that other views are made of, in pixels; smaller frames stay.
_VIEWED_SIDE = 320


class Detector(Protocol):
    """What the rescue needs of a detector."""

    model_id: str

    def detect(self, frames: Sequence[RGBImage], threshold: float) -> list[list[Detection]]:
        """Find the faces in frames of equal size, best score first."""
        ...


class RescuingDetector:
    """A detector that looks again, in other views, where it saw no face clearly.

    Faces seen in several views are merged by overlap and the best-scoring sighting is kept, so
    its points come from the view in which the face was clearest.

    Args:
        detector: the detector to ask.
        strong_score: with a raw face of at least this score no other view is tried.
        accepted_score: least score of a face.
        rescued_score: least score of a sighting in another view; None takes `accepted_score`. Views
            are made to bring out what is faint, in frames without a face too.
        views: name -> view.
    """

    def __init__(
        self,
        detector: Detector,
        *,
        strong_score: float = STRONG_SCORE,
        accepted_score: float = ACCEPTED_SCORE,
        rescued_score: float | None = None,
        views: Mapping[str, View] = VIEWS,
    ) -> None:
        self.model_id = detector.model_id
        self._detector = detector
        self._strong = strong_score
        self._accepted = accepted_score
        self.rescued_score = accepted_score if rescued_score is None else rescued_score
        self._views = views

    def find(self, image: RGBImage) -> list[Detection]:
        """The faces of one image (H x W x 3 uint8), best score first; empty when there is none."""
        faces = self._detector.detect([image], self._accepted)[0]
        if self.is_sure(faces):
            return faces
        small = _brought_down(image)
        for name, view in self._views.items():
            frame = view(small)
            scale = image.shape[1] / frame.shape[1], image.shape[0] / frame.shape[0]
            seen = self._detector.detect([frame], self.rescued_score)[0]
            faces.extend(replace(rescaled(face, scale), view=name) for face in seen)
        return suppress(faces)

    def is_sure(self, faces: Sequence[Detection]) -> bool:
        """Whether a first look (best score first) ends the search."""
        return bool(faces) and faces[0].score >= self._strong


def _brought_down(image: RGBImage) -> RGBImage:
    """Average a large photo down: the views' strengths are in pixels of a small frame."""
    factor = _VIEWED_SIDE / min(image.shape[:2])
    if factor >= 1:
        return image
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
