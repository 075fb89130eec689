"""Faces composed into scenes: how small may a face be, and what else is taken for one?

A face of LFW's pairs, of known points, is pasted with a soft elliptical edge into a photograph
without people, one in each frame, at six distances of the eyes; then the frame is distorted. The
faces are those that both detectors find in the clean LFW frame, a person once. Eyes 80 pixels
apart are blown up about twice. An ellipse with a soft edge is no neck and no light of the scene:
the recall says how the detectors compare, not what a real photograph of that size would give.

A face is found by a detection whose five points have their middle within half the eyes' distance
of the true one, and eyes between half and twice as far apart. Every other detection is beyond it,
a second sighting too. Detections only: no network looks at the faces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.detection import enlarged, points_of, truth_of
from benchmarks.photos_systems import (
    DEFAULTS,
    PEER,
    SEED,
    conditions,
    finders,
    in_chunks,
    shown,
)
from benchmarks.results_file import ResultFile
from steadyface.distortions import rng_for
from steadyface.evaluation.layouts import read_pairs
from steadyface.imaging.decode import decode
from steadyface.imaging.files import list_images
from steadyface.imaging.geometry import eye_distance
from steadyface.models.defaults import load_detector
from steadyface.pipeline import FaceFinder
from steadyface.types import Detection, FloatArray, RGBImage

SECTION = "composed"
#: Distances of the eyes in the frame, in pixels.
EYES = (6, 8, 12, 20, 40, 80)
#: Half axes of the ellipse, and the softness of its edge, in distances of the eyes.
_AXES, _SOFT = (1.0, 1.45), 0.12
#: The ellipse and its edge lie within this many distances of the eyes around the middle.
_REACH = 1.9


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """A photograph with one face, and its five points."""

    image: RGBImage
    points: FloatArray


@dataclass(frozen=True, slots=True)
class Composed:
    """What goes into one frame."""

    scene: Path
    portrait: Portrait
    eyes: int


def run(result: ResultFile, data: Path, one_in: int) -> None:
    """Measure every size and condition that is not in the result file yet."""
    section = result.section(SECTION)
    missing = [
        (eyes, condition)
        for eyes in EYES
        for condition in conditions(3)
        if condition not in section.get(name_of(eyes), {})
    ]
    if not missing:
        return
    scenes = list_images(data / "scenes")[::one_in]
    systems = finders()
    portraits = portraits_of(data, len(scenes), systems[PEER])
    for eyes, condition in missing:
        row = section.setdefault(name_of(eyes), {"frames": len(scenes)})
        made = [Composed(s, p, eyes) for s, p in zip(scenes, portraits, strict=True)]
        row[condition] = figures(systems, made, condition)
        result.save()
        print(f"{name_of(eyes)} {condition:<12} {line(row[condition])}", flush=True)


def name_of(eyes: int) -> str:
    """What the result calls a size."""
    return f"eyes {eyes} pixels apart"


def portraits_of(data: Path, count: int, peer: FaceFinder) -> list[Portrait]:
    """As many people of LFW's pairs, whom both the base detector's search and the peer see.

    Raises:
        SystemExit: there are not enough of them.
    """
    first: dict[str, str] = {}
    for name in sorted({pair.first for pair in read_pairs(data / "lfw" / "pairs.txt")}):
        first.setdefault(name.split("/")[0], name)
    base = load_detector("yunet-base")
    found: list[Portrait] = []
    for name in first.values():
        if len(found) == count:
            break
        frame = decode(data / "lfw" / "images" / name)
        points, seen = truth_of(frame, base), points_of(peer.find(frame))
        if points is not None and seen is not None and near(seen, points):
            found.append(Portrait(frame, points))
    if len(found) < count:
        raise SystemExit(f"{len(found)} people with a clear face, {count} scenes: take fewer")
    return found


def compose(
    scene: RGBImage, portrait: Portrait, eyes: float, rng: np.random.Generator
) -> tuple[RGBImage, FloatArray]:
    """A scene with the face in it, somewhere, and where its points are.

    Raises:
        ValueError: the scene is too small for a face of this size.
    """
    zoom = eyes / eye_distance(portrait.points)
    height, width = (round(side * zoom) for side in portrait.image.shape[:2])
    method = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    small = cv2.resize(portrait.image, (width, height), interpolation=method)
    points = enlarged(portrait.points, zoom)
    assert points is not None
    middle = points.mean(axis=0)
    reach = _REACH * eyes
    room = [side - 2 * reach for side in (scene.shape[1], scene.shape[0])]
    if min(room) <= 0:
        raise ValueError(f"a scene of {scene.shape[1]}x{scene.shape[0]} holds no face of {eyes}")
    wanted = np.array([reach + rng.random() * side for side in room])
    shift = np.round(wanted - middle).astype(int)
    points = np.asarray(points + shift, dtype=np.float32)
    mask = soft_ellipse(small.shape, points - shift, eyes)
    # The part of the portrait that the frame has room for.
    left, top = np.maximum(shift, 0)
    right, bottom = np.minimum(shift + np.array([width, height]), (scene.shape[1], scene.shape[0]))
    there = slice(top, bottom), slice(left, right)
    here = slice(top - shift[1], bottom - shift[1]), slice(left - shift[0], right - shift[0])
    weight = mask[here][..., None]
    mixed = scene.astype(np.float32)
    mixed[there] += weight * (small[here].astype(np.float32) - mixed[there])
    return np.clip(np.round(mixed), 0, 255).astype(np.uint8), points


def soft_ellipse(shape: tuple[int, ...], points: FloatArray, eyes: float) -> FloatArray:
    """1 on the face, 0 beyond it; upright on the line of the eyes."""
    across = points[1] - points[0]
    angle = float(np.degrees(np.arctan2(across[1], across[0])))
    middle, axes = points.mean(axis=0), [eyes * axis for axis in _AXES]
    fine = 16  # OpenCV takes such fractions of a pixel.
    mask = np.zeros(shape[:2], dtype=np.float32)
    centre = round(float(middle[0]) * fine), round(float(middle[1]) * fine)
    size = round(axes[0] * fine), round(axes[1] * fine)
    cv2.ellipse(mask, centre, size, angle, 0, 360, 1.0, -1, cv2.LINE_8, 4)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(0.5, _SOFT * eyes)), dtype=np.float32)


def near(points: FloatArray, truth: FloatArray) -> bool:
    """Whether these are the points of that face."""
    eyes = eye_distance(truth)
    apart = float(np.linalg.norm(points.mean(axis=0) - truth.mean(axis=0)))
    return apart <= 0.5 * eyes and 0.5 * eyes <= eye_distance(points) <= 2 * eyes


def found_and_beyond(detections: Sequence[Detection], truth: FloatArray) -> tuple[bool, int]:
    """Whether the face is found, and how many detections there are beside it."""
    found = any(near(one.landmarks, truth) for one in detections)
    return found, len(detections) - found


def figures(
    systems: Mapping[str, FaceFinder], made: Sequence[Composed], condition: str
) -> dict[str, dict[str, float]]:
    """Recall, and detections a frame beyond the faces, of every system."""
    totals = {name: np.zeros(2) for name in systems}

    def frame_of(one: Composed) -> tuple[RGBImage, FloatArray]:
        rng = rng_for(SEED, one.scene.name, name_of(one.eyes))
        return compose(decode(one.scene), one.portrait, one.eyes, rng)

    def load(one: Composed) -> RGBImage:
        return shown(frame_of(one)[0], condition, f"{one.scene.name} {one.eyes}")

    truths: Iterator[FloatArray] = (frame_of(one)[1] for one in made)
    for frames in in_chunks(made, load):
        for frame in frames:
            truth = next(truths)
            for name, finder in systems.items():
                totals[name] += found_and_beyond(finder.find(frame), truth)
    return {
        name: {"recall": float(found / len(made)), "beyond_a_frame": float(beyond / len(made))}
        for name, (found, beyond) in totals.items()
    }


def line(row: Mapping[str, Mapping[str, float]]) -> str:
    """One condition in words."""
    parts = [
        f"{name} recall {100 * f['recall']:.1f}, beyond {f['beyond_a_frame']:.3f} a frame"
        for name, f in row.items()
    ]
    ours, peer = (1 - row[name]["recall"] for name in (DEFAULTS, PEER))
    return "  ".join(parts) + (f"  misses ratio {ours / peer:.2f}" if peer else "")
