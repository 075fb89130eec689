"""Training faces brought to one size once: detected, aligned, kept with room around them.

A canvas is larger than the network's crop, so that distortions act before the warp to 112 x 112,
as they do in a photo, and so that the warp can be shaken without running out of picture.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from steadyface.errors import DatasetLayoutError, SteadyfaceError
from steadyface.imaging.decode import decode
from steadyface.imaging.geometry import CROP_LANDMARKS, CROP_SIZE, similarity_transform
from steadyface.pipeline import FaceFinder
from steadyface.training.sources import LabelledFace
from steadyface.types import RGBImage

#: Side of a canvas; the face in it has the size that it has in a 250-pixel LFW frame, for which
#: the distortions' lengths are stated.
CANVAS = 208
MARGIN = (CANVAS - CROP_SIZE) // 2
CANVAS_LANDMARKS = CROP_LANDMARKS + np.float32(MARGIN)
UNKNOWN_GENDER = -1


@dataclass(frozen=True, slots=True, eq=False)
class FaceSet:
    """Aligned training faces.

    Attributes:
        canvases: N x CANVAS x CANVAS x 3 uint8, perhaps mapped from disk.
        female: N int8: 1 female, 0 male, -1 unknown.
        origin: N names of sources.
        identity: N int64: the person's number, -1 where unknown.
        names: where each came from, relative to the data folder.
    """

    canvases: NDArray[np.uint8]
    female: NDArray[np.int8]
    origin: NDArray[np.str_]
    identity: NDArray[np.int64]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.female)


def canvas_of(image: RGBImage, detector: FaceFinder) -> RGBImage | None:
    """The largest face of an image on its canvas; None where there is none."""
    found = detector.find(image)
    if not found:
        return None
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
    manifest = cache / "manifest.json"
    if manifest.is_file():
        stored = json.loads(manifest.read_text(encoding="utf-8"))
        if stored["wanted"] == wanted:
            return _face_set(
                faces, root, stored["kept"], np.load(cache / "canvases.npy", mmap_mode="r")
            )
    kept: list[int] = []
    canvases: list[RGBImage] = []
    for index, face in enumerate(tqdm(faces, desc="faces", unit="image", disable=None)):
        try:
            canvas = canvas_of(decode(face.path), detector)
        except SteadyfaceError:
            continue
        if canvas is not None:
            kept.append(index)
            canvases.append(canvas)
    if not canvases:
        raise DatasetLayoutError(f"{root}: no face was found in any image; give images of faces")
    cache.mkdir(parents=True, exist_ok=True)
    np.save(cache / "canvases.npy", np.stack(canvases))
    manifest.write_text(json.dumps({"wanted": wanted, "kept": kept}), encoding="utf-8")
    return _face_set(faces, root, kept, np.load(cache / "canvases.npy", mmap_mode="r"))


def _face_set(
    faces: Sequence[LabelledFace], root: Path, kept: Sequence[int], canvases: NDArray[np.uint8]
) -> FaceSet:
    chosen = [faces[index] for index in kept]
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
    )


def _person(face: LabelledFace) -> str:
    return f"{face.origin}/{face.identity}"
