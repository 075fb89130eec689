"""Large frames, looked at in smaller sizes too: large faces and fine noise are easier there."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from steadyface.imaging.geometry import eye_distance
from steadyface.models.yunet import YuNetDetector, overlap, rescaled, shared_area, suppress
from steadyface.types import Detection, RGBImage

#: Frames with a longer side, in pixels, are looked at in half their size too, and so on down.
_ONE_LOOK = 320
#: Intersection over union above which two sightings are of one face.
_SAME = 0.3
#: A sighting of which so much lies in a better one's box is a part of that face.
_PART = 0.7


class PyramidDetector:
    """Looks at large frames, and at frames with large faces, in halves of their size too.

    A face counts from the look in which it is of a size that the detector was trained on, and of
    several sightings of one face the best-scoring.

    Args:
        detector: the detector to ask.
        largest_eyes: eyes' distance, in pixels of its input, above which a face is measured in a
            smaller size, if it is seen there.
    """

    def __init__(self, detector: YuNetDetector, largest_eyes: float) -> None:
        self.model_id = detector.model_id
        self._detector = detector
        self._largest = largest_eyes

    def detect(self, frames: Sequence[RGBImage], threshold: float) -> list[list[Detection]]:
        """Find the faces in frames of equal size; see `YuNetDetector.detect`."""
        found = self._detector.detect(frames, threshold)
        return [
            self._down(frame, faces, threshold) for frame, faces in zip(frames, found, strict=True)
        ]

    def _down(self, frame: RGBImage, faces: list[Detection], threshold: float) -> list[Detection]:
        longest = max(frame.shape[:2])
        side = min(self._detector.max_side, longest)
        fitting: list[Detection] = []
        too_large: list[Detection] = []
        while True:
            large = [f for f in faces if eye_distance(f.landmarks) * side / longest > self._largest]
            fitting += [face for face in faces if face not in large]
            too_large += large
            if side <= _ONE_LOOK and not large:
                break
            side //= 2
            faces = self._look(frame, side, threshold)
        return merged(fitting, too_large)

    def _look(self, frame: RGBImage, side: int, threshold: float) -> list[Detection]:
        """The faces of the frame brought to a longer side of so many pixels."""
        height, width = frame.shape[:2]
        factor = side / max(height, width)
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        small = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        back = width / size[0], height / size[1]
        return [rescaled(face, back) for face in self._detector.detect([small], threshold)[0]]


def merged(fitting: Sequence[Detection], too_large: Sequence[Detection]) -> list[Detection]:
    """Sightings of several looks as faces, best score first; parts of faces are left out.

    Args:
        fitting: of a size that the detector was trained on.
        too_large: others, which count where no fitting sighting shows the same face.
    """
    faces: list[Detection] = []
    for sighting in (*suppress(fitting), *suppress(too_large)):
        if not any(_same_or_part(sighting, face) for face in faces):
            faces.append(sighting)
    return sorted(faces, key=lambda face: -face.score)


def _same_or_part(sighting: Detection, face: Detection) -> bool:
    if overlap(sighting.box, face.box) > _SAME:
        return True
    return shared_area(sighting.box, face.box) >= _PART * sighting.box.area
