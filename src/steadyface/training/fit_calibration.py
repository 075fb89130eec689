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
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from steadyface.matching.calibration import SCHEMA
from steadyface.matching.quality import unreliability
from steadyface.models.defaults import load_finder, load_network
from steadyface.pipeline import Analyzer, FaceFinder
from steadyface.training.calibrate import fit_probability, fit_pull, fit_thresholds
from steadyface.training.comparisons import Comparisons, Faces, joined, pairs, templates
from steadyface.training.features import Embedded, Sample, embed, random_distortion
from steadyface.training.fingerprint import fingerprint
from steadyface.training.sources import LabelledFace, read_celeba
from steadyface.types import Detection, RGBImage

#: Templates of 1, 2, ... references have thresholds of their own; the last stands for any more.
TEMPLATE_SIZES = (1, 2, 3, 4)
#: Images whose crops are also assumed: enough for every rate, at half the work.
ASSUMED_IMAGES = 4000
_SEED = 1
_VERSION = 3
#: Of images that others of the same condition are compared with, to see how poor ones attract.
_CLEAN_REFERENCES = 1500

Both: TypeAlias = tuple[Comparisons, Comparisons]


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """N images as the network sees them.

    Attributes:
        identities: N ints, one a person.
        kinds: N strings, how the last of `located` is distorted.
        clean: faces found in the clean images.
        located: probes whose faces were found, by condition.
        assumed: probes whose crops were assumed, by condition, of the first images alone.
    """

    identities: NDArray[np.int64]
    kinds: NDArray[np.str_]
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
    kinds = np.array([_sample(face, _SEED).kind for face in faces])
    calibration = calibrate(
        Embeddings(identities, kinds, clean, (clean, distorted), assumed),
        network.model_id,
        detector.model_id,
    )
    target = Path(str(resources.files("steadyface"))) / "matching" / "data"
    target.mkdir(exist_ok=True)
    text = json.dumps(calibration, indent=1) + "\n"
    (target / f"{network.model_id}.json").write_text(text, encoding="utf-8")


def calibrate(seen: Embeddings, model_id: str, detector_id: str) -> dict[str, Any]:
    """The calibration data of a network, as the matching code reads it."""
    pull = fit_pull(_attracting(seen))
    curves: dict[str, list[list[dict[str, float]]]] = {}
    counts: dict[str, list[dict[str, int]]] = {}
    fitted_on: dict[int, list[Both]] = {}
    for name, conditions in (("located", seen.located), ("assumed", seen.assumed)):
        curves[name], counts[name] = [], []
        for size in TEMPLATE_SIZES:
            each = [_compared(seen, condition, size) for condition in conditions]
            mated, non_mated = (joined(side) for side in zip(*each, strict=True))
            # Minutes for a hundred million comparisons: of the commonest ones alone.
            alone = name == "located" and size == 1
            curves[name].append(fit_thresholds(mated, non_mated, pull, intervals=alone))
            counts[name].append({"mated": len(mated), "non_mated": len(non_mated)})
            if name == "located":
                fitted_on[size] = each
    fitted_on[1].append(_both_distorted(seen))
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
            "middle of the image; pull: distorted images against those of the same kind and "
            "against clean ones; probability: located probes, and distorted ones against distorted "
            "single references",
            "detector": detector_id,
            "images": int(usable.sum()),
            "identities": len(set(seen.identities[usable])),
            "counts": counts,
            "seed": _SEED,
            "command": f"python -m steadyface.training.fit_calibration --data DATA --model "
            f"{model_id} --detector {detector_id}",
        },
        "pull": pull,
        "probability": fit_probability(fitted_on, _SEED),
        **curves,
    }


def _compared(seen: Embeddings, condition: Embedded, size: int) -> Both:
    """The comparisons of a condition's probes with templates of so many references."""
    rows = np.flatnonzero(seen.clean.usable)
    place = np.full(len(seen.identities), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    images = np.flatnonzero(condition.usable & seen.clean.usable[: len(condition.usable)])
    references, probes = _faces(seen.clean, rows), _faces(condition, images)
    if size == 1:
        return pairs(references, probes, seen.identities[rows], place[images])
    return templates(references, probes, seen.identities[rows], place[images], size)


def _both_distorted(seen: Embeddings) -> Both:
    """Distorted references with distorted probes."""
    distorted = seen.located[-1]
    rows = np.flatnonzero(distorted.usable)
    faces = _faces(distorted, rows)
    return pairs(faces, faces, seen.identities[rows], np.arange(len(rows)))


def _attracting(seen: Embeddings) -> Comparisons:
    """Non-mated comparisons of distorted images with those of their kind, and with clean ones."""
    distorted = seen.located[-1]
    several: list[Comparisons] = []
    for kind in np.unique(seen.kinds):
        rows = np.flatnonzero(distorted.usable & (seen.kinds == kind))
        faces = _faces(distorted, rows)
        several.append(pairs(faces, faces, seen.identities[rows], np.arange(len(rows)))[1])
    rows = np.flatnonzero(distorted.usable & seen.clean.usable)
    clean, probes = _faces(seen.clean, rows[:_CLEAN_REFERENCES]), _faces(distorted, rows)
    several.append(pairs(clean, probes, seen.identities[rows], np.arange(len(rows)))[1])
    return joined(several)


def _faces(seen: Embedded, rows: NDArray[np.int64]) -> Faces:
    unreliable = unreliability(seen.quality[rows]).astype(np.float32)
    return Faces(seen.vectors[rows], unreliable)


def _sample(face: LabelledFace, seed: int | None) -> Sample:
    return Sample(face.path) if seed is None else random_distortion(face.path, seed)


if __name__ == "__main__":
    main()
