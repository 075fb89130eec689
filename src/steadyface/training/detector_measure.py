"""How well a detector finds the faces of held-out frames when they are distorted.

The truth is what the base detector agrees with itself upon over many views of the clean frame, see
`steadyface.training.consensus`; so the base detector's own points err on clean frames too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from tqdm import tqdm

from steadyface.distortions import KINDS, apply, rng_for
from steadyface.distortions.tools import REFERENCE_SIDE
from steadyface.pipeline import FaceFinder
from steadyface.training.consensus import eye_distance, resized
from steadyface.training.detector_augment import wiped
from steadyface.training.detector_frames import FrameSet
from steadyface.types import Detection, FloatArray, RGBImage

CLEAN = "clean"
WIPED = "wiped"
SEVERITIES = (3, 5)
#: A face is found where all five points are within this share of the eyes' distance.
HIT = 0.35


@dataclass(frozen=True, slots=True, eq=False)
class HeldFrame:
    """A frame to measure on.

    Attributes:
        name: decides its distortions.
        image: H x W x 3 uint8.
        main: 5 x 2, the true points of its main face.
        others: those of the other faces in it.
    """

    name: str
    image: RGBImage
    main: FloatArray
    others: tuple[FloatArray, ...]


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


def held_frames(frames: FrameSet, numbers: Iterable[int], teacher: FaceFinder) -> list[HeldFrame]:
    """Frames brought to the size for which the distortions' lengths are stated.

    Args:
        frames: where to take them from.
        numbers: which.
        teacher: says what other faces there are.
    """
    held = []
    for number in numbers:
        frame = frames.frame(number)
        factor = REFERENCE_SIDE / min(frame.shape[:2])
        size = (max(1, round(frame.shape[1] * factor)), max(1, round(frame.shape[0] * factor)))
        image = resized(frame, size)
        stretch = np.array(size, dtype=np.float32) / np.array(frame.shape[1::-1], dtype=np.float32)
        main = frames.points[number] * stretch
        seen = [face.landmarks for face in teacher.find(image)]
        others = tuple(points for points in seen if _error(points, main)[1] > 1)
        held.append(HeldFrame(frames.names[number], image, main, others))
    return held


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
            figures[name][condition] = asdict(
                _judged(answers, frames, sure, wiped_away=condition == WIPED)
            )
    return figures


def _under(condition: str, frame: HeldFrame, seed: int) -> RGBImage:
    if condition == CLEAN:
        return frame.image
    if condition == WIPED:
        return wiped(frame.image, frame.main)
    kind, severity = condition.split()
    rng = rng_for(seed, frame.name, condition)
    return apply(frame.image, kind, float(severity), rng)


def _judged(
    answers: Sequence[Sequence[Detection]],
    frames: Sequence[HeldFrame],
    sure: float,
    *,
    wiped_away: bool,
) -> Figures:
    errors: list[float] = []
    false = 0
    for found, frame in zip(answers, frames, strict=True):
        main = [] if wiped_away else [_error(face.landmarks, frame.main) for face in found]
        errors.extend([mean for worst, mean in main if worst <= HIT][:1])
        there = frame.others if wiped_away else (frame.main, *frame.others)
        false += sum(all(_error(face.landmarks, f)[1] > 1 for f in there) for face in found)
    return Figures(
        found=None if wiped_away else len(errors) / max(1, len(frames)),
        point_error=float(np.median(errors)) if errors else None,
        false=false / max(1, len(frames)),
        sure=float(np.mean([bool(found) and found[0].score >= sure for found in answers])),
    )


def _error(said: FloatArray, right: FloatArray) -> tuple[float, float]:
    """The worst and the mean distance of five points, in distances of the true eyes."""
    away = np.linalg.norm(said - right, axis=1) / eye_distance(right)
    return float(away.max()), float(away.mean())
