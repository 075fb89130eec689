"""Training images brought to one size once, with what was seen of each on the way.

Every image is decoded once: its canvas is written to disk, and its hashes are kept for the search
for duplicates. A canvas of a face has room around the crop, so that distortions act before the
crop is cut and the crop can be shaken; that of a whole image is the crop.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from os import cpu_count
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from steadyface.errors import ImageError
from steadyface.imaging.decode import decode
from steadyface.imaging.framing import Framing
from steadyface.imaging.geometry import align, centre_square, crop_square, eye_distance
from steadyface.pipeline import FaceFinder
from steadyface.training.crops import CANVAS
from steadyface.training.gender.folders import Example
from steadyface.training.prepared import indexed
from steadyface.types import RGBImage

_CANVASES = "canvases.npy"
#: A canvas's side over the crop's, where the crop is as small as the face network's; larger crops
#: get less room, for their canvases would fill the disk.
_ROOM, _LESS_ROOM, _SMALL = CANVAS / 112, 1.25, 112


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of one image.

    Attributes:
        place: row of its canvas; -1 where it has none.
        error: why it could not be read; empty where it could.
        face: whether a face was found.
        pixels: SHA-256 of its pixels.
        likeness: 64-bit perceptual hash, 16 hexadecimal digits (Zauner 2010).
    """

    place: int
    error: str = ""
    face: bool = False
    pixels: str = ""
    likeness: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Images as canvases.

    Attributes:
        canvases: M x C x C x 3 uint8, mapped from disk.
        seen: of all N images, in their order.
    """

    canvases: NDArray[np.uint8]
    seen: tuple[Seen, ...]


def canvas_side(framing: Framing) -> int:
    """Side of a canvas in pixels."""
    if framing.zoom is None:
        return framing.size
    room = _ROOM if framing.size <= _SMALL else _LESS_ROOM
    # The same room on either side, in whole pixels: the middle is the crop of inference.
    return framing.size + 2 * round(framing.size * (room - 1) / 2)


def frames_of(
    examples: Sequence[Example], root: Path, finder: FaceFinder, framing: Framing, folder: Path
) -> Frames:
    """Look at every image once, or read what was seen before of these very files.

    Args:
        examples: N images.
        root: folder that names in the index are relative to.
        finder: finds faces.
        framing: what the network is shown.
        folder: where canvases and index are kept.
    """
    shown = [e.path.relative_to(root).as_posix() for e in examples]
    wanted = [
        f"{name} {e.path.stat().st_size} {e.path.stat().st_mtime_ns}"
        for name, e in zip(shown, examples, strict=True)
    ]
    wanted.append(f"size {framing.size} zoom {framing.zoom}")
    look = partial(_look, finder=finder, framing=framing)
    stored = indexed(
        folder / "frames.json", wanted, lambda: _written(examples, shown, look, framing, folder)
    )
    seen = tuple(Seen(**row) for row in stored["seen"])
    count = sum(one.place >= 0 for one in seen)
    side = canvas_side(framing)
    if count == 0:
        return Frames(np.zeros((0, side, side, 3), dtype=np.uint8), seen)
    return Frames(np.load(folder / _CANVASES, mmap_mode="r")[:count], seen)


def _written(
    examples: Sequence[Example], names: Sequence[str], look: Any, framing: Framing, folder: Path
) -> dict[str, Any]:
    side = canvas_side(framing)
    canvases = open_memmap(
        folder / _CANVASES, mode="w+", dtype=np.uint8, shape=(len(examples), side, side, 3)
    )
    seen: list[Seen] = []
    place = 0
    with ThreadPoolExecutor(cpu_count()) as pool:
        results = pool.map(look, [example.path for example in examples])
        bar = tqdm(results, total=len(examples), desc="images", unit="image", disable=None)
        for canvas, found in bar:
            if canvas is not None:
                canvases[place] = canvas
            seen.append(Seen(place if canvas is not None else -1, *found))
            place += canvas is not None
    canvases.flush()
    return {"names": list(names), "seen": [asdict(one) for one in seen]}


def _look(
    file: Path, *, finder: FaceFinder, framing: Framing
) -> tuple[RGBImage | None, tuple[str, bool, str, str]]:
    try:
        image = decode(file)
    except ImageError as error:
        return None, (error.reason, False, "", "")
    found = [d for d in finder.find(image) if eye_distance(d.landmarks) >= 1]
    hashes = sha256(image.tobytes() + repr(image.shape).encode()).hexdigest(), likeness(image)
    side = canvas_side(framing)
    if framing.zoom is None:
        return crop_square(image, centre_square(*image.shape[:2]), side), ("", bool(found), *hashes)
    if not found:
        return None, ("", False, *hashes)
    points = max(found, key=lambda d: d.box.area).landmarks
    target = framing.landmarks + np.float32((side - framing.size) / 2)
    return align(image, points, target, side), ("", True, *hashes)


def likeness(image: RGBImage) -> str:
    """The perceptual hash of an image."""
    return str(imagehash.phash(Image.fromarray(image)))
