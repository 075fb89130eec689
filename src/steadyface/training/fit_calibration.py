"""Fits and packages the thresholds of a face network.

    python -m steadyface.training.fit_calibration --data DATA [--model ID]

The images go through the product's own pipeline: its default detector with the rescue, the network
named, the most central face. What the network says of them is kept in `--cache` under a name that
changes with every model file and every line of code that could change it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadyface.matching.calibration import SCHEMA
from steadyface.models.defaults import load_finder, load_network
from steadyface.pipeline import Analyzer, FaceFinder
from steadyface.training.calibrate import fit_thresholds, score_pairs, template_pairs
from steadyface.training.features import Embedded, Sample, embed, random_distortion
from steadyface.training.fingerprint import fingerprint
from steadyface.training.sources import LabelledFace, read_celeba
from steadyface.types import Detection, FloatArray, RGBImage

#: Templates of 1, 2, ... references have thresholds of their own; the last stands for any more.
TEMPLATE_SIZES = (1, 2, 3, 4)
#: Images whose crops are also assumed: enough for every rate, at half the work.
ASSUMED_IMAGES = 4000
_SEED = 1
_VERSION = 2


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """N images as the network sees them.

    Attributes:
        identities: N ints, one a person.
        clean: faces found in the clean images.
        located: probes whose faces were found, by condition.
        assumed: probes whose crops were assumed, by condition, of the first images alone.
    """

    identities: NDArray[np.int64]
    clean: Embedded
    located: tuple[Embedded, ...]
    assumed: tuple[Embedded, ...]


class Blind:
    """A detector that finds nothing, so that the pipeline assumes the face crop."""

    def find(self, image: RGBImage) -> list[Detection]:
        """Nothing."""
        return []


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description="Fit the packaged thresholds of a face network.")
    parser.add_argument("--data", type=Path, required=True, help="folder that holds celeba10k/")
    parser.add_argument("--model", help="catalog id; the default network where not given")
    parser.add_argument("--detector", help="catalog id; the default detector where not given")
    parser.add_argument("--cache", type=Path, default=Path("build/features"))
    arguments = parser.parse_args()
    network = load_network(arguments.model)
    faces = list(read_celeba(arguments.data))

    def seen(finder: FaceFinder, several: Sequence[LabelledFace], seed: int | None) -> Embedded:
        samples = [_sample(face, seed) for face in several]
        blind = isinstance(finder, Blind)
        analyzer = Analyzer(
            finder, network, detection="auto" if blind else "require", faces="central"
        )
        how = "assumed" if blind else detector.model_id
        name = f"{network.model_id}-{how}-{seed}-{len(samples)}"
        return embed(samples, analyzer, arguments.cache / f"{name}-{fingerprint(samples)}.npz")

    detector, some = load_finder(arguments.detector), faces[:ASSUMED_IMAGES]
    clean, distorted = seen(detector, faces, None), seen(detector, faces, _SEED)
    assumed = (seen(Blind(), some, None), seen(Blind(), some, _SEED))
    _, identities = np.unique([face.identity for face in faces], return_inverse=True)
    calibration = calibrate(
        Embeddings(identities, clean, (clean, distorted), assumed),
        network.model_id,
        detector.model_id,
    )
    target = Path(str(resources.files("steadyface"))) / "matching" / "data"
    target.mkdir(exist_ok=True)
    text = json.dumps(calibration, indent=1) + "\n"
    (target / f"{network.model_id}.json").write_text(text, encoding="utf-8")


def calibrate(seen: Embeddings, model_id: str, detector_id: str) -> dict[str, Any]:
    """The calibration data of a network, as the matching code reads it."""
    curves: dict[str, list[list[dict[str, float]]]] = {}
    counts: dict[str, list[dict[str, int]]] = {}
    for name, conditions in (("located", seen.located), ("assumed", seen.assumed)):
        scored = [_scores(seen, conditions, size) for size in TEMPLATE_SIZES]
        curves[name] = [fit_thresholds(mated, non_mated) for mated, non_mated in scored]
        counts[name] = [{"mated": len(m), "non_mated": len(n)} for m, n in scored]
    usable = seen.clean.usable
    return {
        "schema": SCHEMA,
        "id": f"{model_id}/celeba10k/{_VERSION}",
        "model_id": model_id,
        "made": {
            "date": datetime.now(UTC).date().isoformat(),
            "data": "CelebA, the first 10,000 images; no image of LFW",
            "comparisons": "templates of 1, 2, 3 and 4 clean references against probes of other "
            "images, clean in one half and distorted in the other (one kind at random, severity 1 "
            "to 5); located: the probe's face was found; assumed: its crop was taken from the "
            "middle of the image",
            "detector": detector_id,
            "images": int(usable.sum()),
            "identities": len(set(seen.identities[usable])),
            "counts": counts,
            "seed": _SEED,
            "command": f"python -m steadyface.training.fit_calibration --data DATA --model "
            f"{model_id} --detector {detector_id}",
        },
        **curves,
    }


def _scores(
    seen: Embeddings, conditions: Sequence[Embedded], size: int
) -> tuple[FloatArray, FloatArray]:
    """Scores of every condition against templates of so many references."""
    references, rows = seen.clean.vectors, np.flatnonzero(seen.clean.usable)
    place = np.full(len(seen.identities), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    identities = seen.identities[rows]
    mated, non_mated = [], []
    for condition in conditions:
        images = np.flatnonzero(condition.usable & seen.clean.usable[: len(condition.usable)])
        probes = condition.vectors[images]
        if size == 1:
            pair = score_pairs(references[rows], probes, identities, place[images])
        else:
            pair = template_pairs(references[rows], probes, identities, place[images], size)
        mated.append(pair[0])
        non_mated.append(pair[1])
    return np.concatenate(mated), np.concatenate(non_mated)


def _sample(face: LabelledFace, seed: int | None) -> Sample:
    return Sample(face.path) if seed is None else random_distortion(face.path, seed)


if __name__ == "__main__":
    main()
