"""Crops that the face check is taught with: what detectors propose, on faces and on anything else.

A window of a photograph is distorted, the detectors are asked for whatever they believe in a
little, and each proposal becomes a crop: a face where its points lie on a known face, no face where
they lie nowhere near one. In between nothing is taught.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from steadyface.distortions import rng_for
from steadyface.imaging.geometry import eye_distance
from steadyface.models.defaults import load_detector
from steadyface.models.face_check import CHECK_FRAMING, check_crop
from steadyface.models.looks import Detector
from steadyface.models.yunet import overlap
from steadyface.training.detector_augment import cut, distorted
from steadyface.training.detector_frames import FrameSet
from steadyface.training.detector_recipe import FrameMix
from steadyface.training.detector_windows import made_shapes, made_texture, window
from steadyface.training.prepared import indexed
from steadyface.types import Detection, FloatArray, RGBImage

#: Detectors whose proposals are taught: the first also says where faces are in clean photographs.
PROPOSERS = ("yunet-base", "yunet-steady-2")
#: One that sees faces everywhere: good for examples, but its scores are not to be learnt from.
CREDULOUS = "yunet-steady-1"
#: Least score of a proposal.
_PROPOSED = 0.2
#: Points this near to the truth, in eye distances, are a face's; this far away, not.
_NEAR, _FAR = 0.3, 0.7
#: Score from which a detection in the clean photograph is a face, and below which it is none.
_SURE, _NONE = 0.7, 0.1
#: Proposals of a window that are kept.
_KEPT = 6
#: One photograph in this many is held out.
_HELD_OUT = 12
#: Share of the known faces that something is before.
_OCCLUDED = 0.2
#: What a window shows.
KINDS = ("face", "turned", "negative", "edges", "photo", "background", "animals", "drawing", "made")
#: How many windows of each kind, in thousands.
WINDOWS = {
    "face": 26,
    "turned": 9,
    "negative": 1.5,
    "edges": 3,
    "photo": 16,
    "background": 12,
    "animals": 4,
    "drawing": 3,
    "made": 5,
}
_FACES = FrameMix(clean=0.25, eyes=24.0, spread=0.6, tilt=12.0, weights={"sunny": 1.5})


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """Where windows come from; an absent one gives none.

    Attributes:
        faces: frames with a main face whose points are known.
        photos: photographs with any number of faces.
        backgrounds: photographs without people.
        animals: photographs of animals, in a few of which people are.
        drawings: drawn people, animals and things.
    """

    faces: FrameSet
    photos: FrameSet | None = None
    backgrounds: FrameSet | None = None
    animals: FrameSet | None = None
    drawings: FrameSet | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Crops with labels.

    Attributes:
        crops: N x 64 x 64 x 3 uint8.
        face: N bool: whether the crop shows a face.
        kind: N int64: index into `KINDS` of what its window showed.
        score: N float64: that of the detector that proposed it; NaN where none did.
        held: N bool: whether it is held out: its window is of photographs that no other is of.
    """

    crops: NDArray[np.uint8]
    face: NDArray[np.bool_]
    kind: NDArray[np.int64]
    score: NDArray[np.float64]
    held: NDArray[np.bool_]


#: A crop, whether it shows a face, and its detector's score.
Labelled = tuple[RGBImage, bool, float]


def prepare_pool(
    sources: Sources, cache: Path, *, share: float = 1.0, seed: int = 0, workers: int = 2
) -> Pool:
    """Make the crops, or take them from the cache.

    Args:
        sources: where windows come from.
        cache: folder for `crops.bin` and `crops.json`.
        share: of the usual number of windows.
        seed: of everything random.
        workers: threads.
    """
    jobs = [
        (kind, number)
        for kind in KINDS
        if _source(sources, kind) is not None
        for number in range(max(1, round(1000 * WINDOWS[kind] * share)))
    ]
    names = [f"seed {seed}", *(f"{kind} {number}" for kind, number in jobs)]
    stored = indexed(
        cache / "crops.json", names, lambda: _written(sources, jobs, cache, seed, workers)
    )
    side = CHECK_FRAMING.size
    flat = np.fromfile(cache / "crops.bin", dtype=np.uint8)
    return Pool(
        flat.reshape(-1, side, side, 3),
        np.array(stored["face"], dtype=np.bool_),
        np.array(stored["kind"], dtype=np.int64),
        np.array(stored["score"], dtype=np.float64),
        np.array(stored["held"], dtype=np.bool_),
    )


def _source(sources: Sources, kind: str) -> FrameSet | None:
    return {
        "face": sources.faces,
        "turned": sources.faces,
        "negative": sources.faces,
        "edges": sources.faces,
        "made": sources.faces,
        "photo": sources.photos,
        "background": sources.backgrounds,
        "animals": sources.animals,
        "drawing": sources.drawings,
    }[kind]


def _written(
    sources: Sources, jobs: Sequence[tuple[str, int]], cache: Path, seed: int, workers: int
) -> dict[str, Any]:
    face: list[bool] = []
    kinds: list[int] = []
    scores: list[float | None] = []
    held: list[bool] = []
    chunks = [jobs[start : start + 100] for start in range(0, len(jobs), 100)]
    detectors = [load_detector(name) for name in (*PROPOSERS, CREDULOUS)]
    make = partial(_crops_of_jobs, sources, detectors, seed)
    with (
        ThreadPoolExecutor(workers) as pool,
        (cache / "crops.bin").open("wb") as out,
    ):
        done = tqdm(
            pool.map(make, chunks), total=len(chunks), desc="crops", unit="100", disable=None
        )
        for (kind, number), labelled in zip(jobs, chain.from_iterable(done), strict=True):
            for crop, is_face, score in labelled:
                out.write(crop.tobytes())
                face.append(is_face)
                kinds.append(KINDS.index(kind))
                scores.append(None if np.isnan(score) else round(score, 4))
                held.append(_held(number))
    return {"face": face, "kind": kinds, "score": scores, "held": held}


def _crops_of_jobs(
    sources: Sources,
    detectors: Sequence[Detector],
    seed: int,
    jobs: Sequence[tuple[str, int]],
) -> list[list[Labelled]]:
    return [
        crops_of(
            kind,
            sources,
            detectors,
            rng_for(seed, "face check", kind, str(number)),
            held=_held(number),
        )
        for kind, number in jobs
    ]


def _held(number: int) -> bool:
    """Whether a window, or a photograph, of this number is held out."""
    return number % _HELD_OUT == 0


def crops_of(
    kind: str,
    sources: Sources,
    detectors: Sequence[Detector],
    rng: np.random.Generator,
    *,
    held: bool = False,
) -> list[Labelled]:
    """The crops of one window.

    Args:
        kind: of `KINDS`.
        sources: where windows come from.
        detectors: propose; the first also says where faces are in clean photographs.
        rng: the source of randomness.
        held: whether it is of a photograph that is held out.
    """
    if kind == "made":
        frame = made_texture(rng) if rng.random() < 0.6 else made_shapes(rng)
        return _of_nothing(_perhaps_distorted(frame, rng), detectors, rng)
    source = _source(sources, kind)
    assert source is not None
    index = _any_of(source, held, rng)
    frame = source.frame(index)
    if kind in ("face", "turned", "negative", "edges"):
        return _of_a_face(kind, frame, source.points[index], detectors, rng)
    most = 1.0 if kind == "photo" else 2.5
    clean = window(frame, _FACES, rng, most_zoom=most)
    if kind == "photo":
        return _of_a_photo(clean, detectors, rng)
    if kind == "animals" and _best(detectors[0].detect([clean], _NONE)[0]) >= _SURE:
        return []
    return _of_nothing(_perhaps_distorted(clean, rng), detectors, rng)


def _any_of(source: FrameSet, held: bool, rng: np.random.Generator) -> int:
    """Number of a photograph, held out or not; every folder of the source counts alike."""
    numbers = _by_folder(source)
    folder = numbers[int(rng.integers(len(numbers)))]
    chosen = folder[(folder % _HELD_OUT == 0) == held]
    return int(rng.choice(chosen if len(chosen) else folder))


@lru_cache(maxsize=16)
def _by_folder(source: FrameSet) -> list[NDArray[np.int64]]:
    folders = np.array([name.split("/")[0] for name in source.names])
    return [np.flatnonzero(folders == folder) for folder in np.unique(folders)]


def _of_a_face(
    kind: str,
    frame: RGBImage,
    points: FloatArray,
    detectors: Sequence[Detector],
    rng: np.random.Generator,
) -> list[Labelled]:
    """A known face: upright, turned, as a negative, or as a drawing of its edges."""
    clean, there = cut(frame, points, _FACES, rng)
    if kind == "turned":
        clean, there = turned(clean, there, float(rng.uniform(35, 325)))
    if kind == "negative":
        clean = np.asarray(255 - clean, dtype=np.uint8)
    if kind == "edges":
        clean = edge_drawing(clean, rng)
    if kind == "face" and rng.random() < _OCCLUDED:
        clean = occluded(clean, there, rng)
    shown = _perhaps_distorted(clean, rng)
    a_face = kind in ("face", "turned")
    labelled: list[Labelled] = [(check_crop(shown, shaken(there, rng)), a_face, np.nan)]
    if kind == "turned":  # framed as if it were upright
        labelled.append((check_crop(shown, upright(there, rng)), False, np.nan))
    if kind == "face" and rng.random() < 0.3:
        labelled.append((check_crop(shown, misplaced(there, rng)), False, np.nan))
    for proposal in _proposals(shown, detectors, rng):
        near = _apart(proposal.landmarks, there)
        if near <= _NEAR or near >= _FAR:
            crop = check_crop(shown, proposal.landmarks)
            labelled.append((crop, a_face and near <= _NEAR, proposal.score))
    return labelled


def _of_a_photo(
    clean: RGBImage, detectors: Sequence[Detector], rng: np.random.Generator
) -> list[Labelled]:
    """Any number of faces: those that the base sees clearly in the clean photograph."""
    seen = detectors[0].detect([clean], _NONE)[0]
    faces = [face for face in seen if face.score >= _SURE]
    shown = _perhaps_distorted(clean, rng)
    labelled: list[Labelled] = [
        (check_crop(shown, shaken(face.landmarks, rng)), True, np.nan) for face in faces[:_KEPT]
    ]
    for proposal in _proposals(shown, detectors, rng):
        if any(_apart(proposal.landmarks, face.landmarks) <= _NEAR for face in faces):
            labelled.append((check_crop(shown, proposal.landmarks), True, proposal.score))
        elif all(overlap(proposal.box, other.box) == 0 for other in seen):
            labelled.append((check_crop(shown, proposal.landmarks), False, proposal.score))
    if not seen:
        labelled.append((check_crop(shown, anywhere(shown.shape, rng)), False, np.nan))
    return labelled


def _of_nothing(
    shown: RGBImage, detectors: Sequence[Detector], rng: np.random.Generator
) -> list[Labelled]:
    """No face at all: what the detectors propose, and a place at random."""
    proposed = _proposals(shown, detectors, rng)
    labelled = [(check_crop(shown, p.landmarks), False, p.score) for p in proposed]
    return [*labelled, (check_crop(shown, anywhere(shown.shape, rng)), False, np.nan)]


def _proposals(
    shown: RGBImage, detectors: Sequence[Detector], rng: np.random.Generator
) -> list[Detection]:
    found = [
        replace(detection, score=np.nan) if detector.model_id == CREDULOUS else detection
        for detector in detectors
        for detection in detector.detect([shown], _PROPOSED)[0]
        if eye_distance(detection.landmarks) >= 1.0
    ]
    order = rng.permutation(len(found))[:_KEPT]
    return [found[index] for index in order]


def _perhaps_distorted(frame: RGBImage, rng: np.random.Generator) -> RGBImage:
    return frame if rng.random() < _FACES.clean else distorted(frame, _FACES, rng)


def _best(found: Sequence[Detection]) -> float:
    return max((detection.score for detection in found), default=0.0)


def _apart(points: FloatArray, truth: FloatArray) -> float:
    """Mean distance of five points from the true ones, in true eye distances."""
    away = np.linalg.norm(points - truth, axis=1).mean()
    return float(away) / max(1.0, eye_distance(truth))


def shaken(points: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Points as a detector places them: 7 % of the eye distance off, each by itself."""
    off = rng.normal(0, 0.07, (5, 2)) * eye_distance(points)
    return np.asarray(points + off, dtype=np.float32)


def misplaced(points: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Points of a frame that misses the face: beside it, or far too large or small."""
    middle, eyes = points.mean(axis=0), eye_distance(points)
    if rng.random() < 0.5:
        angle = rng.uniform(0, 2 * np.pi)
        way = np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(0.8, 2.0) * eyes
        return np.asarray(points + way, dtype=np.float32)
    factor = rng.uniform(0.3, 0.45) if rng.random() < 0.5 else rng.uniform(2.0, 3.0)
    return np.asarray(middle + (points - middle) * factor, dtype=np.float32)


def upright(points: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Points where an upright face of this size and place would have them."""
    middle, eyes = points.mean(axis=0), eye_distance(points)
    model = CHECK_FRAMING.landmarks - CHECK_FRAMING.landmarks.mean(axis=0)
    scale = eyes / eye_distance(CHECK_FRAMING.landmarks)
    return shaken(np.asarray(middle + model * scale, dtype=np.float32), rng)


def anywhere(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Points of a frame at a random place, size and angle of an image of this shape."""
    model = CHECK_FRAMING.landmarks - CHECK_FRAMING.landmarks.mean(axis=0)
    eyes = np.exp(rng.uniform(np.log(6.0), np.log(max(8.0, min(shape[:2]) / 2.5))))
    angle = rng.normal(0, 0.3)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = rng.random(2) * (shape[1], shape[0])
    scale = eyes / eye_distance(CHECK_FRAMING.landmarks)
    return np.asarray(middle + model @ turn.T * scale, dtype=np.float32)


def turned(frame: RGBImage, points: FloatArray, degrees: float) -> tuple[RGBImage, FloatArray]:
    """The frame turned about the face, which stays where it is."""
    middle = points.mean(axis=0)
    matrix = cv2.getRotationMatrix2D((float(middle[0]), float(middle[1])), degrees, 1.0)
    size = frame.shape[1], frame.shape[0]
    moved = cv2.warpAffine(
        frame, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    there = points @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(moved, dtype=np.uint8), there.astype(np.float32)


def occluded(frame: RGBImage, points: FloatArray, rng: np.random.Generator) -> RGBImage:
    """The face with a mask, with dark glasses, or with something before a side of it.

    Args:
        frame: H x W x 3 uint8.
        points: 5 x 2, the face's.
        rng: the source of randomness.
    """
    covered = frame.copy()
    colour = tuple(float(v) for v in rng.integers(0, 256, 3))
    eyes = eye_distance(points)
    across = (points[1] - points[0]) / max(eyes, 1.0)
    down = np.array([-across[1], across[0]])
    what = rng.random()
    if what < 0.5:
        top = points[2] - down * eyes * rng.uniform(-0.1, 0.3)
        width, height = eyes * rng.uniform(0.8, 1.1), eyes * rng.uniform(1.1, 1.6)
        corners = [
            top - across * width,
            top + across * width,
            top + across * width * 0.7 + down * height,
            top - across * width * 0.7 + down * height,
        ]
        cv2.fillPoly(covered, [np.round(corners).astype(np.int32)], colour)
    elif what < 0.75:
        axes = (
            max(1, round(eyes * rng.uniform(0.3, 0.48))),
            max(1, round(eyes * rng.uniform(0.2, 0.35))),
        )
        dark = tuple(float(v) for v in rng.integers(0, 60, 3))
        for eye in points[:2]:
            middle = round(float(eye[0])), round(float(eye[1]))
            cv2.ellipse(covered, middle, axes, 0, 0, 360, dark, -1)
    else:
        side = across * (1 if rng.random() < 0.5 else -1)
        start = points[2] + side * eyes * rng.uniform(0.2, 0.7)
        reach = 3 * eyes
        corners = [start - down * reach, start + down * reach]
        corners += [corner + side * reach for corner in reversed(corners)]
        cv2.fillPoly(covered, [np.round(corners).astype(np.int32)], colour)
    return covered


def edge_drawing(frame: RGBImage, rng: np.random.Generator) -> RGBImage:
    """Dark lines on white, or the other way round, where the frame has edges."""
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    if rng.random() < 0.5:
        low = float(rng.uniform(30, 90))
        lines = cv2.Canny(cv2.GaussianBlur(grey, (0, 0), 1.0), low, 2.5 * low)
    else:
        smooth = cv2.GaussianBlur(grey, (0, 0), float(rng.uniform(2.0, 6.0)))
        lines = 255 - cv2.divide(grey, np.maximum(smooth, 1), scale=255.0)
    if rng.random() < 0.8:
        lines = 255 - lines
    return np.repeat(np.asarray(lines, dtype=np.uint8)[..., None], 3, axis=2)
