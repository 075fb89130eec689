"""How well a detector finds the faces of held-out frames when they are distorted.

What the base detector finds in the clean frame is taken for the truth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import cv2
import numpy as np
from tqdm import tqdm

from steadyface.distortions import KINDS, apply, rng_for
from steadyface.distortions.tools import REFERENCE_SIDE
from steadyface.models.rescue import Detector
from steadyface.pipeline import FaceFinder
from steadyface.training.detector_augment import wiped
from steadyface.types import Detection, FloatArray, RGBImage

CLEAN = "clean"
WIPED = "wiped"
SEVERITIES = (3, 5)
#: A face is found where all five points are within this share of the eyes' distance.
HIT = 0.35


@dataclass(frozen=True, slots=True, eq=False)
class HeldFrame:
    """A frame to measure on: H x W x 3 uint8, its name, and the true points of its faces."""

    name: str
    image: RGBImage
    faces: tuple[FloatArray, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """What a detector does under one condition.

    Attributes:
        found: share of main faces found; None where the frames have none.
        point_error: median distance of the found faces' points from the true ones, as a share of
            the eyes' distance; None where nothing was found.
        false: detections that are none of the frame's faces, a frame.
        sure: share of frames whose best detection scores so high that no other view is tried.
    """

    found: float | None
    point_error: float | None
    false: float
    sure: float


class Plain:
    """A detector without its rescue.

    Args:
        detector: the detector.
        threshold: least score of a face.
    """

    def __init__(self, detector: Detector, threshold: float) -> None:
        self._detector, self._threshold = detector, threshold

    def find(self, image: RGBImage) -> list[Detection]:
        """The faces of one image, best score first."""
        return self._detector.detect([image], self._threshold)[0]


def held_frames(images: Mapping[str, RGBImage], teacher: FaceFinder) -> list[HeldFrame]:
    """Frames brought to the distortions' reference size, with the faces that the teacher sees.

    Frames in which it sees none are left out, for there is no truth about them.
    """
    frames = []
    for name, image in images.items():
        frame = at_reference(image)
        faces = tuple(face.landmarks for face in teacher.find(frame))
        if faces:
            frames.append(HeldFrame(name, frame, faces))
    return frames


def at_reference(image: RGBImage) -> RGBImage:
    """The image at the size for which the distortions' lengths are stated."""
    factor = REFERENCE_SIDE / min(image.shape[:2])
    if factor == 1:
        return image
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=method), dtype=np.uint8)


def measure(
    finders: Mapping[str, FaceFinder],
    frames: Sequence[HeldFrame],
    *,
    sure: float,
    severities: Sequence[int] = SEVERITIES,
    seed: int = 0,
) -> dict[str, dict[str, dict[str, float | None]]]:
    """Figures by detector and condition.

    Args:
        finders: name -> detector.
        frames: held-out frames.
        sure: score from which a detection counts for `Figures.sure`.
        severities: of every kind of distortion.
        seed: of the distortions, which are the same for every detector.

    Returns:
        Detector -> condition (`clean`, `wiped`, or kind and severity such as `sunny 3`) ->
        `Figures` as a dictionary.
    """
    conditions = [
        CLEAN,
        WIPED,
        *(f"{kind} {severity}" for severity in severities for kind in KINDS),
    ]
    figures: dict[str, dict[str, dict[str, float | None]]] = {name: {} for name in finders}
    for condition in tqdm(conditions, desc="measuring", unit="condition", disable=None):
        shown = [_under(condition, frame, seed) for frame in frames]
        for name, finder in finders.items():
            answers = [finder.find(image) for image in shown]
            truth = [() if condition == WIPED else frame.faces for frame in frames]
            figures[name][condition] = asdict(_judged(answers, truth, sure))
    return figures


def _under(condition: str, frame: HeldFrame, seed: int) -> RGBImage:
    if condition == CLEAN:
        return frame.image
    if condition == WIPED:
        image = frame.image
        for points in frame.faces:
            image = wiped(image, points.mean(axis=0), _eyes(points))
        return image
    kind, severity = condition.split()
    rng = rng_for(seed, frame.name, condition)
    return apply(frame.image, kind, float(severity), rng)


def _judged(
    answers: Sequence[Sequence[Detection]], truth: Sequence[Sequence[FloatArray]], sure: float
) -> Figures:
    hits: list[bool] = []
    errors: list[float] = []
    false = 0
    for found, faces in zip(answers, truth, strict=True):
        away = [[_error(d.landmarks, points) for d in found] for points in faces]
        false += sum(all(row[i][0] > 1 for row in away) for i in range(len(found)))
        if faces:
            near = [mean for worst, mean in away[0] if worst <= HIT]
            hits.append(bool(near))
            errors.extend(near[:1])
    return Figures(
        found=float(np.mean(hits)) if hits else None,
        point_error=float(np.median(errors)) if errors else None,
        false=false / max(1, len(answers)),
        sure=float(np.mean([bool(found) and found[0].score >= sure for found in answers])),
    )


def _error(said: FloatArray, right: FloatArray) -> tuple[float, float]:
    """The worst and the mean distance of five points, in distances of the true eyes."""
    away = np.linalg.norm(said - right, axis=1) / _eyes(right)
    return float(away.max()), float(away.mean())


def _eyes(points: FloatArray) -> float:
    return max(1.0, float(np.linalg.norm(points[0] - points[1])))
