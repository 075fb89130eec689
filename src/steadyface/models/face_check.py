"""The second opinion on a detection: does the aligned crop show a face?

A detector says where a face may be; this network looks at the crop that its five points make, with
more around it than the face network sees, and says how likely it is a human face whose points lie
where they should. A face that is turned, or framed by the wrong points, is none to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steadyface.imaging.framing import Framing
from steadyface.imaging.geometry import align, eye_distance
from steadyface.models.catalog import Preprocessing
from steadyface.models.preprocess import to_batch
from steadyface.models.session import OnnxSession
from steadyface.types import Detection, FloatArray, RGBImage

#: What the network is shown: the whole head, in 64 pixels.
CHECK_FRAMING = Framing(size=64, zoom=0.62)
#: From this probability on a detection is taken for a face.
ACCEPTED_P_FACE = 0.5
#: Eyes closer than this many pixels define no crop.
_LEAST_EYES = 1.0
#: Crops a pass, which bounds the memory that a crowd takes.
_BATCH = 64


class FaceCheck:
    """Tells P(face) of detections.

    Args:
        session: the loaded network.
        preprocessing: how pixels become its input.
        model_id: the catalog's name of the model.
        evidence: weight of the network's log odds, weight of those of the detector's score, and
            what is added, see `ModelEntry.evidence`.
    """

    def __init__(
        self,
        session: OnnxSession,
        preprocessing: Preprocessing,
        *,
        model_id: str,
        evidence: tuple[float, float, float] = (1.0, 0.0, 0.0),
    ) -> None:
        self.model_id = model_id
        self._evidence = evidence
        self._session = session
        self._preprocessing = preprocessing

    def probabilities(self, image: RGBImage, detections: Sequence[Detection]) -> FloatArray:
        """P(face) of each detection.

        Args:
            image: H x W x 3 uint8, in whose pixels the detections are.
            detections: N of them; one whose eyes coincide is no face.

        Returns:
            N float32, 0..1.
        """
        told = np.zeros(len(detections), dtype=np.float32)
        usable = [
            index
            for index, detection in enumerate(detections)
            if eye_distance(detection.landmarks) >= _LEAST_EYES
        ]
        for start in range(0, len(usable), _BATCH):
            part = usable[start : start + _BATCH]
            crops = [check_crop(image, detections[index].landmarks) for index in part]
            outputs = self._session.run(to_batch(crops, self._preprocessing))
            scores = np.array([detections[index].score for index in part])
            told[part] = self._together(outputs["p_face"], scores)
        return told

    def _together(self, p_face: FloatArray, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """P(face) by what the network and the detector believe."""
        check, score, added = self._evidence
        odds = check * log_odds(p_face) + score * log_odds(scores) + added
        return np.asarray(1.0 / (1.0 + np.exp(-odds)), dtype=np.float64)


def log_odds(probability: ArrayLike) -> NDArray[np.float64]:
    """log(p / (1 - p)) of probabilities 0..1, of which none is taken for certain."""
    p = np.clip(np.asarray(probability, dtype=np.float64), 1e-5, 1.0 - 1e-5)
    return np.asarray(np.log(p) - np.log1p(-p))


def check_crop(image: RGBImage, landmarks: FloatArray) -> RGBImage:
    """The crop that the network is shown, 64 x 64 x 3 uint8; black beyond the image's edge.

    Args:
        image: H x W x 3 uint8.
        landmarks: 5 x 2 (x, y) in pixels of `image`.
    """
    return align(image, landmarks, CHECK_FRAMING.landmarks, CHECK_FRAMING.size)
