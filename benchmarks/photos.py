"""Real photographs, with the defaults that a user gets, beside OpenCV's pair on the same images.

    python -m benchmarks.photos --data DATA [--part NAME ...] [--boxes NAME=FORMAT:PATH ...]
        [--empty NAME=FOLDER ...]

Parts: `identification` of 44 people in web photographs, `empty` frames, photographs with annotated
`boxes`, `sizes`, `odd` faces (turned, negative, stretched, cut), and faces `composed` into scenes.
What is in the result file is not measured again. Writes `results/photos.json`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import (
    photos_boxes,
    photos_composed,
    photos_empty,
    photos_identification,
    photos_odd,
    photos_sizes,
)
from benchmarks.peers import OPENCV, OPENCV_SCORE
from benchmarks.results_file import ResultFile
from steadyface.models.catalog import load_catalog

PARTS = ("identification", "empty", "boxes", "sizes", "odd", "composed")


def main() -> None:
    """Measure the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--boxes", action="append", default=[], metavar="NAME=FORMAT:PATH")
    parser.add_argument("--empty", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--one-in", type=int, default=1, help="Take every so-manieth, to try it.")
    parser.add_argument("--severity", type=int, action="append", help="Of (a); default 3.")
    parser.add_argument("--output", default="photos", help="Name of the result file.")
    asked = parser.parse_args()
    catalog = load_catalog()
    result = ResultFile(
        asked.output,
        "python -m benchmarks.photos --data DATA",
        catalog.default("face-network").id,
        {"peer": OPENCV, "peer_score": OPENCV_SCORE, "one_in": asked.one_in},
    )
    parts = asked.part or PARTS
    if "empty" in parts:
        others = dict(one.split("=", 1) for one in asked.empty)
        folders = {name: Path(folder) for name, folder in others.items()}
        photos_empty.run(result, asked.data, asked.one_in, folders)
    if "sizes" in parts:
        photos_sizes.run(result, asked.data)
    if "odd" in parts:
        photos_odd.run(result, asked.data)
    if "identification" in parts:
        severities = asked.severity or [3]
        photos_identification.run(result, asked.data, asked.one_in, severities)
    if "boxes" in parts:
        photos_boxes.run(result, asked.boxes, asked.one_in)
    if "composed" in parts:
        photos_composed.run(result, asked.data, asked.one_in)


if __name__ == "__main__":
    main()
