"""Photographs with annotated boxes: how many of the faces are found, by size, and how surely.

The annotations are incomplete: faces without a box count as false detections of every system, so
recall says more than precision. YuNet's boxes and annotators' differ in what they take for the
edge of a face: a hit is an overlap (intersection over union) of 0.4, one box one face, the surest
first. Boxes under 8 pixels are neither asked for nor counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import OPENCV_SCORE, OpenCVDetector
from benchmarks.photos_systems import DEFAULTS, conditions, in_chunks, shown
from benchmarks.results_file import ResultFile
from steadyface.imaging.decode import decode
from steadyface.imaging.files import list_images
from steadyface.models.yunet import overlap
from steadyface.pipeline import Analyzer, belief
from steadyface.training.base_models import weights_of
from steadyface.types import Box, Detection, Face, RGBImage

SECTION = "boxes"
HIT = 0.4
LEAST = 8.0
#: Faces by the shorter side of their box, in pixels.
SIZES = ((8, 16), (16, 32), (32, 64), (64, 128), (128, 100_000))
#: The peer's score from which on detections are looked at; its recall is told at `OPENCV_SCORE`.
_PEER_CURVE = 0.3


@dataclass(frozen=True, slots=True)
class Annotated:
    """A photograph and the boxes of its faces, in shares of its width and height."""

    path: Path
    boxes: tuple[Box, ...]


def read_yolo(folder: Path) -> list[Annotated]:
    """Images with a .txt of the same name beside them: class, middle and size in shares.

    Raises:
        ValueError: a line is no box.
    """
    read = []
    for image in list_images(folder):
        text = image.with_suffix(".txt")
        lines = text.read_text(encoding="utf-8").splitlines() if text.is_file() else []
        read.append(Annotated(image, tuple(_yolo(text, one) for one in lines if one.strip())))
    return read


def _yolo(file: Path, text: str) -> Box:
    try:
        _, x, y, width, height = (float(value) for value in text.split())
    except ValueError as error:
        raise ValueError(f"{file}: {text!r} is no box; give class, x, y, width, height") from error
    return Box(x - width / 2, y - height / 2, width, height)


def read_voc(images: Path, annotations: Path) -> list[Annotated]:
    """Images, and Pascal VOC files of the same names; images without one are left out.

    Raises:
        ValueError: an annotation lacks a number.
    """
    read = []
    for image in list_images(images):
        file = annotations / f"{image.stem}.xml"
        if file.is_file():
            read.append(Annotated(image, tuple(_voc(file))))
    return read


def _voc(file: Path) -> Iterator[Box]:
    root = ElementTree.parse(file).getroot()
    width, height = _number(file, root, "size/width"), _number(file, root, "size/height")
    for one in root.iter("object"):
        left, top, right, bottom = (
            _number(file, one, f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")
        )
        yield Box(left / width, top / height, (right - left) / width, (bottom - top) / height)


def _number(file: Path, root: ElementTree.Element, path: str) -> float:
    text = root.findtext(path)
    if text is None:
        raise ValueError(f"{file}: {path} is missing")
    return float(text)


def read_set(asked: str) -> tuple[str, list[Annotated]]:
    """NAME=yolo:FOLDER or NAME=voc:IMAGES:ANNOTATIONS.

    Raises:
        SystemExit: it is neither.
    """
    name, _, where = asked.partition("=")
    form, *paths = where.split(":")
    if form == "yolo" and len(paths) == 1:
        return name, read_yolo(Path(paths[0]))
    if form == "voc" and len(paths) == 2:
        return name, read_voc(Path(paths[0]), Path(paths[1]))
    raise SystemExit(f"--boxes {asked}: give NAME=yolo:FOLDER or NAME=voc:IMAGES:ANNOTATIONS")


def run(result: ResultFile, sets: Sequence[str], one_in: int) -> None:
    """Measure every set and condition that is not in the result file yet."""
    everybody = Analyzer(faces="all", detection="require")
    peer = OpenCVDetector(weights_of("yunet-base"), _PEER_CURVE)
    for asked in sets:
        name, photos = read_set(asked)
        photos = photos[::one_in]
        section = result.section(SECTION).setdefault(name, {"photos": len(photos)})
        for condition in conditions(3):
            if condition in section:
                continue
            section[condition] = _measured(everybody, peer, photos, condition)
            result.save()
            print(f"{name} {condition:<12} {line(section[condition])}", flush=True)


def _measured(
    everybody: Analyzer, peer: OpenCVDetector, photos: Sequence[Annotated], condition: str
) -> dict[str, Any]:
    ours, theirs, faces = Tally(), Tally(), iter(photos)

    def load(photo: Annotated) -> RGBImage:
        return shown(decode(photo.path), condition, photo.path.name)

    for frames in in_chunks(photos, load):
        answers = everybody.analyze_many(frames, name=lambda _: "frame")
        for frame, answer in zip(frames, answers, strict=True):
            boxes = in_pixels(next(faces).boxes, frame.shape)
            ours.add([(f.box, _belief(f)) for f in answer.faces], boxes)
            theirs.add([(d.box, d.score) for d in peer.find(frame)], boxes)
    return {
        DEFAULTS: ours.figures(0.0, theirs.precision(OPENCV_SCORE)),
        "opencv": theirs.figures(OPENCV_SCORE, None),
    }


def _belief(face: Face) -> float:
    assert face.landmarks is not None and face.score is not None
    return belief(Detection(face.box, face.landmarks, face.score, p_face=face.p_face))


def in_pixels(boxes: Sequence[Box], shape: tuple[int, ...]) -> list[Box]:
    """Boxes in shares of an image of this shape, in its pixels."""
    height, width = shape[:2]
    return [Box(b.x * width, b.y * height, b.width * width, b.height * height) for b in boxes]


class Tally:
    """Detections and annotated faces of many photographs, and who met whom."""

    def __init__(self) -> None:
        self._scores: list[float] = []
        self._hits: list[bool] = []
        self._sizes: list[float] = []
        self._found: list[float] = []

    def add(self, detections: Sequence[tuple[Box, float]], faces: Sequence[Box]) -> None:
        """Count one photograph: the surest detection takes the face that it overlaps most."""
        left = set(range(len(faces)))
        found: dict[int, float] = {}
        for box, score in sorted(detections, key=lambda one: -one[1]):
            met = {index: overlap(box, faces[index]) for index in left}
            best = max(met, key=lambda index: met[index], default=None)
            if best is None or met[best] < HIT:
                if min(box.width, box.height) >= LEAST:
                    self._scores.append(score)
                    self._hits.append(False)
                continue
            left.discard(best)
            found[best] = score
        for index, face in enumerate(faces):
            side = min(face.width, face.height)
            if side < LEAST:
                continue
            self._sizes.append(side)
            self._found.append(found.get(index, -1.0))
            if index in found:
                self._scores.append(found[index])
                self._hits.append(True)

    def recall(self, threshold: float, low: float = 0.0, high: float = np.inf) -> float | None:
        """Share of the faces of a size that are found with this score or more."""
        sizes, found = np.array(self._sizes), np.array(self._found)
        chosen = (sizes >= low) & (sizes < high)
        return float((found[chosen] >= threshold).mean()) if chosen.any() else None

    def precision(self, threshold: float) -> float | None:
        """Share of the detections with this score or more that meet a face."""
        chosen = np.array(self._scores) >= threshold
        return float(np.array(self._hits)[chosen].mean()) if chosen.any() else None

    def curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Scores, recall and precision after each detection, the surest first."""
        scores, hits = np.array(self._scores), np.array(self._hits)
        order = np.argsort(-scores, kind="stable")
        right = np.cumsum(hits[order])
        recall = right / max(1, len(self._sizes))
        return scores[order], recall, right / np.arange(1, len(order) + 1)

    def average_precision(self) -> float:
        """Sum of precision times the step of recall, over the detections.

        As `sklearn.metrics.average_precision_score`, with faces that are never found in the
        denominator.
        """
        _, recall, precision = self.curve()
        return float((np.diff(recall, prepend=0.0) * precision).sum())

    def recall_at(self, least_precision: float | None) -> float | None:
        """The highest recall at which precision is still as asked; None where it never is."""
        _, recall, precision = self.curve()
        if least_precision is None:
            return None
        enough = np.flatnonzero(precision >= least_precision)
        return float(recall[enough[-1]]) if len(enough) else None

    def figures(self, threshold: float, peer_precision: float | None) -> dict[str, Any]:
        """Everything that is told of a system under a condition."""
        return {
            "faces": len(self._sizes),
            "recall": self.recall(threshold),
            "precision": self.precision(threshold),
            "average_precision": self.average_precision(),
            "recall_at_opencv_precision": self.recall_at(peer_precision),
            "recall_by_size": {
                f"{low}-{high}": self.recall(threshold, low, high) for low, high in SIZES
            },
        }


def line(row: Mapping[str, Mapping[str, Any]]) -> str:
    """One condition in words."""
    parts = []
    for name, f in row.items():
        recall, precision = f["recall"] or 0.0, f["precision"] or 0.0
        parts.append(
            f"{name} recall {100 * recall:.1f} precision {100 * precision:.1f} AP "
            f"{100 * f['average_precision']:.1f}"
        )
    at_equal = row[DEFAULTS]["recall_at_opencv_precision"]
    missed, peer = 1 - (row[DEFAULTS]["recall"] or 0.0), 1 - (row["opencv"]["recall"] or 0.0)
    return (
        "  ".join(parts)
        + f"  recall at OpenCV's precision {100 * (at_equal or 0.0):.1f}"
        + (f"  misses ratio {missed / peer:.2f}" if peer else "")
    )
