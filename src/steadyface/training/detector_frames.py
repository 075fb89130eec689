"""Whole clean frames to train a detector on, read once and kept side by side on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from steadyface.errors import DatasetLayoutError, ImageError, NoFaceError
from steadyface.imaging.decode import decode
from steadyface.imaging.files import list_images
from steadyface.models.looks import Detector
from steadyface.models.search import FaceSearch
from steadyface.training.consensus import agreed_points, resized
from steadyface.training.prepared import indexed
from steadyface.training.sources import LabelledFace, held_back
from steadyface.types import FloatArray, RGBImage

#: Frames with a longer side are shrunk to this many pixels, as the detector itself does.
LONGEST_SIDE = 640
#: And photographs, in which faces are small.
LONGEST_PHOTO = 1280
#: One person in this many is kept out of the training, for choosing a recipe.
HELD_OUT_SHARE = 20
_PIXELS = "pixels.bin"


@dataclass(frozen=True, slots=True, eq=False)
class FrameSet:
    """Clean frames of any sizes, each with its main face.

    Attributes:
        pixels: all frames' uint8 values one after another, perhaps mapped from disk.
        starts: N int64: where each begins.
        sizes: N x 2 int64, height and width.
        points: N x 5 x 2 float32: the largest face's points, pixels, see `agreed_points`.
        names: where each came from, relative to the data folder.
        held: N bool: whether a frame is kept out of the training.
        left_out: images that gave no face, and why.
    """

    pixels: NDArray[np.uint8]
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    points: FloatArray
    names: tuple[str, ...]
    held: NDArray[np.bool_]
    left_out: tuple[ImageError, ...] = ()

    def __len__(self) -> int:
        return len(self.starts)

    def frame(self, index: int) -> RGBImage:
        """H x W x 3 uint8; not to be written to."""
        start, (height, width) = int(self.starts[index]), self.sizes[index]
        flat = self.pixels[start : start + 3 * int(height) * int(width)]
        return np.asarray(flat).reshape(int(height), int(width), 3)

    def part(self, chosen: NDArray[np.bool_]) -> FrameSet:
        """The frames where `chosen` (N) is true."""
        return replace(
            self,
            starts=self.starts[chosen],
            sizes=self.sizes[chosen],
            points=self.points[chosen],
            names=tuple(compress(self.names, chosen)),
            held=self.held[chosen],
        )


def held_out(face: LabelledFace) -> bool:
    """Whether a face is kept out of the training: by a hash of its person's name."""
    return held_back(f"detector/{face.origin}/{face.identity}", HELD_OUT_SHARE)


def prepare_frames(
    faces: Sequence[LabelledFace], detector: Detector, root: Path, cache: Path
) -> FrameSet:
    """Read frames and find their main face, or take them from the cache if it holds these ones.

    Args:
        faces: what to read.
        detector: finds the faces of the clean images.
        root: folder that names are relative to.
        cache: folder for `pixels.bin` and `frames.json`.

    Raises:
        DatasetLayoutError: no image gave a face.
    """
    wanted = [face.path.relative_to(root).as_posix() for face in faces]
    files = [face.path for face in faces]
    stored = indexed(
        cache / "frames.json",
        wanted,
        lambda: _written(files, lambda file: frame_of(file, detector), cache),
    )
    kept = stored["kept"]
    if not kept:
        raise DatasetLayoutError(f"{root}: no face was found in any image; give images of faces")
    held = np.array([held_out(faces[number]) for number in kept], dtype=np.bool_)
    return _frame_set(stored, wanted, held, cache)


def _frame_set(
    stored: dict[str, Any], wanted: Sequence[str], held: NDArray[np.bool_], cache: Path
) -> FrameSet:
    """The prepared frames that an index speaks of."""
    sizes = np.array(stored["sizes"], dtype=np.int64)
    lengths = 3 * sizes.prod(axis=1)
    return FrameSet(
        np.memmap(cache / _PIXELS, dtype=np.uint8, mode="r"),
        np.cumsum(lengths) - lengths,
        sizes,
        np.array(stored["points"], dtype=np.float32),
        tuple(wanted[number] for number in stored["kept"]),
        held,
        tuple(ImageError(source, reason) for source, reason in stored["left_out"]),
    )


def prepare_photos(folder: Path, cache: Path) -> FrameSet:
    """Read whole photographs, or take them from the cache if it holds these ones.

    Args:
        folder: images with any number of faces, or none.
        cache: folder for `pixels.bin` and `frames.json`.

    Returns:
        Frames without a main face: their points are NaN, and none is held out.

    Raises:
        DatasetLayoutError: there is no such folder, or no image in it can be read.
    """
    images = list_images(folder) if folder.is_dir() else []
    if not images:
        raise DatasetLayoutError(f"{folder}: no images in this folder; give one with photographs")
    wanted = [image.relative_to(folder).as_posix() for image in images]
    stored = indexed(cache / "frames.json", wanted, lambda: _written(images, _photo_of, cache))
    if not stored["kept"]:
        raise DatasetLayoutError(f"{folder}: no image in this folder can be read")
    return _frame_set(stored, wanted, np.zeros(len(stored["kept"]), dtype=np.bool_), cache)


def _photo_of(file: Path) -> tuple[RGBImage, FloatArray]:
    """A photograph as it is trained on; nothing is known of its faces."""
    image = _shrunk(decode(file), LONGEST_PHOTO)
    return image, np.full((5, 2), np.nan, dtype=np.float32)


def frame_of(file: Path, detector: Detector) -> tuple[RGBImage, FloatArray]:
    """An image as it is trained on, and the points of its largest face.

    Raises:
        ImageError: the image cannot be read, or shows no face.
    """
    image = _shrunk(decode(file), LONGEST_SIDE)
    found = FaceSearch([detector], None, turns=()).find(image)
    if not found:
        raise NoFaceError(str(file), "no face was found; leave it out or use a clearer image")
    points = max(found, key=lambda d: d.box.area).landmarks
    return image, agreed_points(image, points, detector)


def _shrunk(image: RGBImage, longest: int) -> RGBImage:
    """The image with a longer side of at most so many pixels."""
    factor = longest / max(image.shape[:2])
    if factor >= 1:
        return image
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    return resized(image, size)


def _written(
    files: Sequence[Path], read: Callable[[Path], tuple[RGBImage, FloatArray]], cache: Path
) -> dict[str, Any]:
    """Write the pixels straight to disk, for there may be more than memory holds."""
    kept: list[int] = []
    sizes: list[list[int]] = []
    points: list[Any] = []
    left_out: list[tuple[str, str]] = []
    with (cache / _PIXELS).open("wb") as pixels:
        for index, file in enumerate(tqdm(files, desc="frames", unit="image", disable=None)):
            try:
                frame, landmarks = read(file)
            except ImageError as error:
                left_out.append((error.source, error.reason))
                continue
            pixels.write(np.ascontiguousarray(frame).tobytes())
            kept.append(index)
            sizes.append(list(frame.shape[:2]))
            points.append(np.round(landmarks.astype(np.float64), 2).tolist())
    return {"kept": kept, "sizes": sizes, "points": points, "left_out": left_out}
