"""Builds the packaged data of the base models: graphs, gender head, calibration.

    python -m steadyface.training.base_models --data DATA

Writes `sface-base.onnx` and `yunet-base.onnx` beside the catalog and the calibration beside the
matching code. Features are kept in `--cache`, so a second run takes seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import DatasetLayoutError
from steadyface.matching.calibration import SCHEMA
from steadyface.models.catalog import load_catalog
from steadyface.models.defaults import default_detector
from steadyface.models.session import OnnxSession
from steadyface.models.store import default_store
from steadyface.training import gender_head
from steadyface.training.calibrate import fit_thresholds, score_pairs
from steadyface.training.features import (
    FeatureNetwork,
    Features,
    Sample,
    extract,
    random_distortion,
)
from steadyface.training.graphs import sface_graph, yunet_graph
from steadyface.training.sources import LabelledFace, read_all

FACE_NETWORK = "sface-base"
DETECTOR = "yunet-base"
#: Seeds of the distorted copies of every training face.
DISTORTED_COPIES = (1, 2)
CALIBRATED_IN = "1"


def main() -> None:
    """Build everything."""
    parser = argparse.ArgumentParser(description="Build the packaged data of the base models.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the free data")
    parser.add_argument("--cache", type=Path, default=Path("build/features"))
    arguments = parser.parse_args()
    package = Path(str(resources.files("steadyface")))
    write_graph(package, DETECTOR, yunet_graph(weights_of(DETECTOR)).SerializeToString())
    faces = read_all(arguments.data)
    clean = features_of(faces, None, arguments.cache)
    distorted = [features_of(faces, seed, arguments.cache) for seed in DISTORTED_COPIES]
    head, scores = train_head(faces, [clean, *distorted])
    sys.stdout.write(f"balanced accuracy in cross-validation by penalty: {scores}\n")
    graph = sface_graph(weights_of(FACE_NETWORK), head)
    write_graph(package, FACE_NETWORK, graph.SerializeToString())
    calibration = calibrate(faces, clean, distorted[0])
    target = package / "matching" / "data" / f"{FACE_NETWORK}.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(calibration, indent=2) + "\n", encoding="utf-8")


def weights_of(model_id: str) -> Path:
    """The base weight file of a model, fetched where it is not here."""
    catalog = load_catalog()
    return default_store().ensure(catalog.weight_file(catalog.model(model_id).weights))


def write_graph(package: Path, model_id: str, graph: bytes) -> None:
    """Write a packaged graph where the catalog expects it."""
    (package / "models" / "data" / load_catalog().model(model_id).graph).write_bytes(graph)


def features_of(faces: list[LabelledFace], seed: int | None, cache: Path) -> Features:
    """Features of every face, clean or as distorted by a seed; from the cache where it has them.

    Raises:
        DatasetLayoutError: the cache was made from another number of faces.
    """
    file = cache / ("clean.npz" if seed is None else f"distorted-{seed}.npz")
    if file.is_file():
        with np.load(file) as stored:
            features = Features(stored["embeddings"], stored["pooled"], stored["usable"])
        if len(features.usable) != len(faces):
            raise DatasetLayoutError(
                f"{file}: holds the features of {len(features.usable)} faces, but the data has "
                f"{len(faces)}; delete it"
            )
        return features
    weights = weights_of(FACE_NETWORK)
    session = OnnxSession(sface_graph(weights).SerializeToString(), weights_folder=weights.parent)
    network = FeatureNetwork(session, load_catalog().model(FACE_NETWORK).preprocessing)
    samples = [
        Sample(face.path) if seed is None else random_distortion(face.path, seed) for face in faces
    ]
    features = extract(samples, default_detector(), network, total=len(samples))
    cache.mkdir(parents=True, exist_ok=True)
    np.savez(
        file,
        embeddings=features.embeddings,
        pooled=features.pooled,
        usable=features.usable,
    )
    return features


def train_head(
    faces: list[LabelledFace], conditions: list[Features]
) -> tuple[dict[str, NDArray[np.float32]], dict[float, float]]:
    """Choose the penalty by cross-validation over people, then fit on everything."""
    usable = np.concatenate([condition.usable for condition in conditions])
    pooled = np.concatenate([condition.pooled for condition in conditions])[usable]
    female = np.tile([face.female for face in faces], len(conditions))[usable]
    origin = np.tile([face.origin for face in faces], len(conditions))[usable]
    people = np.tile([f"{face.origin}/{face.identity}" for face in faces], len(conditions))[usable]
    weights = gender_head.balanced_weights(female, origin)
    strength, scores = gender_head.choose_strength(pooled, female, weights, people)
    return gender_head.fit(pooled, female, weights, strength), scores


def calibrate(faces: list[LabelledFace], clean: Features, distorted: Features) -> dict[str, Any]:
    """Thresholds from CelebA: clean references; probes clean and distorted, half and half."""
    celeba = np.array([face.origin == "celeba" for face in faces])
    identities = np.array([face.identity for face in faces])
    use = celeba & clean.usable & distorted.usable
    references = clean.embeddings[use]
    sets = [score_pairs(references, f.embeddings[use], identities[use]) for f in (clean, distorted)]
    mated = np.concatenate([m for m, _ in sets])
    non_mated = np.concatenate([n for _, n in sets])
    today = datetime.now(UTC).date().isoformat()
    return {
        "schema": SCHEMA,
        "id": f"{FACE_NETWORK}/celeba10k/{CALIBRATED_IN}",
        "model_id": FACE_NETWORK,
        "made": {
            "date": today,
            "data": "CelebA, the first 10,000 images; no image of LFW",
            "comparisons": "every pair of different images; the reference clean, the probe clean "
            "in one half and distorted in the other (one kind at random, severity 1 to 5)",
            "images": int(use.sum()),
            "identities": len(set(identities[use])),
            "mated": len(mated),
            "non_mated": len(non_mated),
            "command": "python -m steadyface.training.base_models --data DATA",
        },
        "thresholds": fit_thresholds(mated, non_mated),
    }


if __name__ == "__main__":
    main()
