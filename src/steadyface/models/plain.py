"""A detector that looks at a frame once, as it is."""

from __future__ import annotations

from steadyface.models.looks import Detector
from steadyface.models.search import BELIEVED_SCORE
from steadyface.types import Detection, RGBImage


class PlainDetector:
    """A detector alone: faster, and blind to much that is distorted.

    Args:
        detector: the detector to ask.
        accepted_score: least score of a face.
    """

    def __init__(self, detector: Detector, accepted_score: float = BELIEVED_SCORE) -> None:
        self.model_id = detector.model_id
        self._detector = detector
        self._accepted_score = accepted_score

    def find(self, image: RGBImage) -> list[Detection]:
        """The faces of one H x W x 3 uint8 image, best score first."""
        return self._detector.detect([image], self._accepted_score)[0]
