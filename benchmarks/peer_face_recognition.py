"""Runs in the peer's own environment: embeds the most central face of each PNG in a folder.

    pip install 'setuptools<81' numpy pillow dlib-bin face-recognition-models
    pip install --no-deps face-recognition==1.3.0
    python benchmarks/peer_face_recognition.py FOLDER ANSWER.npy MIDDLE

Where its detector finds no face the middle of the image, MIDDLE of its shorter side, is taken as
one. Writes N x 128 float64 in order of name; prints JSON: versions, and how many it did not find.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from importlib.metadata import version
from math import dist
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Place = tuple[int, int, int, int]


def main() -> None:
    """Embed a folder."""
    folder, answer, share = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    library: Any = import_module("face_recognition")
    rows, undetected = [], 0
    for file in sorted(folder.glob("*.png")):
        image = np.asarray(Image.open(file).convert("RGB"))
        height, width = image.shape[:2]
        places: list[Place] = library.face_locations(image)
        undetected += not places
        place = min(
            places or [middle(height, width, share)],
            key=lambda p: dist(centre(p), (width / 2, height / 2)),
        )
        rows.append(library.face_encodings(image, [place])[0])
    np.save(answer, np.stack(rows), allow_pickle=False)
    versions = {name: version(name) for name in ("face-recognition", "dlib-bin")}
    json.dump({"versions": versions, "undetected": undetected}, sys.stdout)


def centre(place: Place) -> tuple[float, float]:
    """The middle of a rectangle."""
    top, right, bottom, left = place
    return (left + right) / 2, (top + bottom) / 2


def middle(height: int, width: int, share: float) -> Place:
    """A square in the middle."""
    half = round(share * min(height, width) / 2)
    y, x = height // 2, width // 2
    return y - half, x + half, y + half, x - half


if __name__ == "__main__":
    main()
