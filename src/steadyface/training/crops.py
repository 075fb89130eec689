"""Training faces brought to one size once: detected, aligned, kept with room around them.

A canvas is larger than the network's crop, so that distortions act before the warp to 112 x 112,
as they do in a photo, and so that the warp can be shaken without running out of picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from tqdm import tqdm

from steadyface.errors import DatasetLayoutError, ImageError, NoFaceError
from steadyface.imaging.decode import decode
from steadyface.imaging.geometry import CROP_LANDMARKS, CROP_SIZE, similarity_transform
from steadyface.pipeline import FaceFinder
from steadyface.training.prepared import indexed
from steadyface.training.sources import LabelledFace
from steadyface.types import RGBImage

#: Side of a canvas; the face in it has the size that it has in a 250-pixel LFW frame, for which
#: the distortions' lengths are stated.
CANVAS = 208
MARGIN = (CANVAS - CROP_SIZE) // 2
CANVAS_LANDMARKS = CROP_LANDMARKS + np.float32(MARGIN)
UNKNOWN_GENDER = -1
_CANVASES = "canvases.npy"
#: Canvases up to this many bytes are read into memory, for pages of a mapped file that random
#: access needs again and again may be dropped in between; more are mapped.
_IN_MEMORY = 4 << 30


@dataclass(frozen=True, slots=True, eq=False)
class FaceSet:
    """Aligned training faces.

    Attributes:
        canvases: N x CANVAS x CANVAS x 3 uint8, perhaps mapped from disk.
        female: N int8: 1 female, 0 male, -1 unknown.
        origin: N names of sources.
        identity: N int64: the person's number, -1 where unknown.
        names: where each came from, relative to the data folder.
        left_out: images that gave no face, and why.
    """

    canvases: NDArray[np.uint8]
    female: NDArray[np.int8]
    origin: NDArray[np.str_]
    identity: NDArray[np.int64]
    names: tuple[str, ...]
    left_out: tuple[ImageError, ...] = ()

    def __len__(self) -> int:
        return len(self.female)


def canvas_of(file: Path, detector: FaceFinder) -> RGBImage:
    """The largest face of an image on its canvas.

    Raises:
        ImageError: the image cannot be read, or shows no face.
    """
    image = decode(file)
    found = detector.find(image)
    if not found:
        raise NoFaceError(str(file), "no face was found; leave it out or use a clearer image")
    points = max(found, key=lambda d: d.box.area).landmarks
    matrix = similarity_transform(points, CANVAS_LANDMARKS)
    warped = cv2.warpAffine(
        image, matrix, (CANVAS, CANVAS), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(warped, dtype=np.uint8)


def prepare(
    faces: Sequence[LabelledFace], detector: FaceFinder, root: Path, cache: Path
) -> FaceSet:
    """Bring faces to canvases, or read them from the cache if it holds these very faces.

    Args:
        faces: what to train on.
        detector: finds them in the clean images.
        root: folder that names in the manifest are relative to.
        cache: folder for `canvases.npy` and `manifest.json`.

    Raises:
        DatasetLayoutError: no image gave a face.
    """
    wanted = [face.path.relative_to(root).as_posix() for face in faces]
    stored = indexed(cache / "manifest.json", wanted, lambda: _written(faces, detector, cache))
    kept = stored["kept"]
    if not kept:
        raise DatasetLayoutError(f"{root}: no face was found in any image; give images of faces")
    file = cache / _CANVASES
    mode: Literal["r"] | None = None if file.stat().st_size <= _IN_MEMORY else "r"
    canvases = np.load(file, mmap_mode=mode)[: len(kept)]
    left_out = tuple(ImageError(source, reason) for source, reason in stored["left_out"])
    return _face_set([faces[index] for index in kept], root, canvases, left_out)


def _written(faces: Sequence[LabelledFace], detector: FaceFinder, cache: Path) -> dict[str, Any]:
    """Write the canvases straight to disk, for there may be more than memory holds."""
    shape = (len(faces), CANVAS, CANVAS, 3)
    canvases = open_memmap(cache / _CANVASES, mode="w+", dtype=np.uint8, shape=shape)
    kept: list[int] = []
    left_out: list[tuple[str, str]] = []
    for index, face in enumerate(tqdm(faces, desc="faces", unit="image", disable=None)):
        try:
            canvases[len(kept)] = canvas_of(face.path, detector)
        except ImageError as error:
            left_out.append((error.source, error.reason))
            continue
        kept.append(index)
    canvases.flush()
    return {"kept": kept, "left_out": left_out}


def _face_set(
    chosen: Sequence[LabelledFace],
    root: Path,
    canvases: NDArray[np.uint8],
    left_out: tuple[ImageError, ...],
) -> FaceSet:
    people = {name: number for number, name in enumerate(sorted({_person(f) for f in chosen}))}
    return FaceSet(
        canvases,
        np.array(
            [UNKNOWN_GENDER if face.female is None else face.female for face in chosen],
            dtype=np.int8,
        ),
        np.array([face.origin for face in chosen]),
        np.array([people[_person(face)] for face in chosen], dtype=np.int64),
        tuple(face.path.relative_to(root).as_posix() for face in chosen),
        left_out,
    )


def _person(face: LabelledFace) -> str:
    return f"{face.origin}/{face.identity}"
