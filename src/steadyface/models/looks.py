"""At which sizes a frame is looked at, and what several sightings of one face come to.

A detector sees faces of a dozen to some hundred pixels of its input. So a frame is shown to it at
the size at which the least face wanted has that dozen, and again in halves of that size, in which
large faces fit and noise averages out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, sqrt
from typing import Protocol

import cv2
import numpy as np

from steadyface.imaging.geometry import eye_distance
from steadyface.models.yunet import overlap, shared_area
from steadyface.types import Detection, RGBImage

#: What the least face wanted comes to in the first look, in pixels of a detector's input: nearly
#: every face of this size is found, and some of half of it.
LEAST_SEEN = 24.0
#: Without a wish, the least face is this share of the root of the frame's area: 40 pixels in 12 MP.
LEAST_SHARE = 1 / 86
#: A frame whose longer side has no more pixels than this is looked at once.
ONE_LOOK = 320
#: Eyes further apart than this, in pixels of the input, are measured better in a smaller look.
LARGEST_EYES = 90.0
#: Larger looks are cut into tiles of this many pixels a side, which bounds the memory.
TILE = 1536
#: Pixels that neighbouring tiles share; larger faces are seen whole in the next look.
TILE_OVERLAP = 192
#: Intersection over union above which two sightings are of one face.
_SAME = 0.3
#: Of two sightings of which the smaller lies so far in the larger, one is of a part of the face, or
#: of more than the face.
_PART = 0.7


class Detector(Protocol):
    """What a search needs of a detector."""

    model_id: str

    def detect(self, frames: Sequence[RGBImage], threshold: float) -> list[list[Detection]]:
        """Find the faces in frames of equal size, at that size, best score first."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One detection, how far it is believed, and whether its face fits the detector.

    Attributes:
        face: in pixels of the frame.
        weight: what it is ranked by, 0..1.
        fits: whether the face was of a size in which its points are good.
    """

    face: Detection
    weight: float
    fits: bool = True


def least_face(shape: tuple[int, ...], wanted: float | None = None) -> float:
    """The least side of a face that is looked for in a frame, in its pixels.

    Args:
        shape: height and width of the frame, and whatever follows.
        wanted: what the user asks for; None takes `LEAST_SHARE` of the root of the area.
    """
    if wanted is None:
        wanted = LEAST_SHARE * sqrt(shape[0] * shape[1])
    return max(LEAST_SEEN, wanted)


def look_scales(shape: tuple[int, ...], wanted: float | None = None) -> list[float]:
    """Sizes at which a frame is looked at, as shares of its own, largest first.

    Args:
        shape: height and width of the frame, and whatever follows.
        wanted: the least side of a face in pixels of the frame; None as `least_face`.
    """
    scale = min(1.0, LEAST_SEEN / least_face(shape, wanted))
    longer = max(shape[:2])
    scales = [scale]
    while longer * scale > ONE_LOOK:
        scale /= 2
        scales.append(scale)
    return scales


def shrunk(frame: RGBImage, scale: float) -> RGBImage:
    """The frame at a share of its size, averaged; the frame itself at 1 or more."""
    if scale >= 1:
        return frame
    height, width = frame.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def seen_in(detector: Detector, frame: RGBImage, threshold: float) -> list[Detection]:
    """The faces of a frame at its own size, in tiles where it is large."""
    faces: list[Detection] = []
    for x, y, tile in tiles(frame):
        found = detector.detect([tile], threshold)[0]
        faces += found if x == y == 0 else [shifted(face, x, y) for face in found]
    return faces


def tiles(frame: RGBImage) -> Iterator[tuple[int, int, RGBImage]]:
    """Cut a large frame into overlapping tiles: left, top and pixels of each."""
    height, width = frame.shape[:2]
    for y in _starts(height):
        for x in _starts(width):
            yield x, y, frame[y : y + TILE, x : x + TILE]


def _starts(length: int) -> list[int]:
    if length <= TILE:
        return [0]
    count = ceil((length - TILE_OVERLAP) / (TILE - TILE_OVERLAP))
    return [round(number * (length - TILE) / (count - 1)) for number in range(count)]


def shifted(face: Detection, x: float, y: float) -> Detection:
    """A face in pixels of a frame in which its tile begins at (x, y)."""
    box = replace(face.box, x=face.box.x + x, y=face.box.y + y)
    landmarks = face.landmarks + np.array([x, y], dtype=np.float32)
    return replace(face, box=box, landmarks=landmarks)


def fits(face: Detection, scale: float) -> bool:
    """Whether a face, in pixels of the frame, is of a good size in a look of this scale."""
    return eye_distance(face.landmarks) * scale <= LARGEST_EYES


def merged(sightings: Sequence[Sighting]) -> list[Detection]:
    """Sightings as faces, the most believed first; of those that show one face the best stays.

    A sighting that does not fit counts where no other shows the same face.
    """
    ranked = sorted(sightings, key=lambda s: (not s.fits, -s.weight))
    kept: list[Sighting] = []
    for sighting in ranked:
        if not any(same_or_part(sighting.face, other.face) for other in kept):
            kept.append(sighting)
    return [s.face for s in sorted(kept, key=lambda s: -s.weight)]


def same_or_part(sighting: Detection, face: Detection) -> bool:
    """Whether a sighting shows a face that is known already, a part of it, or it and more."""
    if overlap(sighting.box, face.box) > _SAME:
        return True
    smaller = min(sighting.box.area, face.box.area)
    return shared_area(sighting.box, face.box) >= _PART * smaller
