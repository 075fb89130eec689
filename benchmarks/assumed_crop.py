"""Chooses the square that is taken as a face crop where no face was found, on free images.

    python -m benchmarks.assumed_crop --data DATA

For frames with a face in the middle (LFW's free people), for loose crops (UTKFace) and tight ones
(CelebA): the mean similarity of the embedding of a centred square, by its share of the shorter
side, to that of the detected and aligned face in the same clean image; with the share of images
whose similarity is above the threshold of FMR 1e-3. Writes `results/assumed_crop.json`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.results_file import ResultFile
from steadyface.imaging.decode import decode
from steadyface.imaging.geometry import align, centre_square, crop_square
from steadyface.matching.calibration import rule_for
from steadyface.models.defaults import load_finder, load_network
from steadyface.training.base_models import DETECTOR, FACE_NETWORK
from steadyface.training.sources import read_celeba, read_lfw, read_utkface

SHARES = (0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 0.9, 1.0)
IMAGES = 150


def main() -> None:
    """Measure every share on every source."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    detector, network = load_finder(DETECTOR), load_network(FACE_NETWORK)
    threshold = rule_for(network.model_id).threshold
    readers = {"lfw": read_lfw, "utkface": read_utkface, "celeba": read_celeba}
    result = ResultFile(
        "assumed_crop",
        "python -m benchmarks.assumed_crop --data DATA",
        network.model_id,
        {"images_a_source": IMAGES},
        detector_id=DETECTOR,
    )
    for source, reader in readers.items():
        faces = list(reader(arguments.data))
        cosines: dict[float, list[float]] = {share: [] for share in SHARES}
        for face in faces[:: max(1, len(faces) // IMAGES)]:
            image = decode(face.path)
            found = detector.find(image)
            if not found:
                continue
            height, width = image.shape[:2]
            crops = [crop_square(image, centre_square(height, width, share)) for share in SHARES]
            points = max(found, key=lambda d: d.box.area).landmarks
            out = network.run([align(image, points), *crops]).embeddings
            for share, value in zip(SHARES, out[1:] @ out[0], strict=True):
                cosines[share].append(float(value))
        row = {
            f"{share:g}": {
                "mean_similarity": float(np.mean(values)),
                "above_threshold": float(np.mean(np.array(values) >= threshold)),
            }
            for share, values in cosines.items()
        }
        result.section("sources")[source] = row
        result.save()
        for name, figures in row.items():
            print(f"{source:<8} {name:<5} {figures}")


if __name__ == "__main__":
    main()
