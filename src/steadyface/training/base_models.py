"""Builds the packaged data of the base models: graphs and gender head.

    python -m steadyface.training.base_models --data DATA

Writes `sface-base.onnx` and `yunet-base.onnx` beside the catalog; their thresholds are fitted by
`steadyface.training.fit_calibration`. Features are kept in `--cache` under a name that changes with
the images, the models and the code, so a second run takes seconds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steadyface.models.catalog import load_catalog
from steadyface.models.defaults import load_finder
from steadyface.models.session import OnnxSession
from steadyface.models.store import default_store
from steadyface.training import gender_head
from steadyface.training.features import (
    FeatureNetwork,
    Features,
    Sample,
    extract,
    random_distortion,
)
from steadyface.training.fingerprint import fingerprint
from steadyface.training.graphs import sface_graph, yunet_graph
from steadyface.training.sources import LabelledFace, read_all

FACE_NETWORK = "sface-base"
DETECTOR = "yunet-base"
#: Seeds of the distorted copies of every training face.
DISTORTED_COPIES = (1, 2)


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


def weights_of(model_id: str) -> Path:
    """The base weight file of a model, fetched where it is not here."""
    catalog = load_catalog()
    return default_store().ensure(catalog.weight_file(catalog.model(model_id).weights))


def write_graph(package: Path, model_id: str, graph: bytes) -> None:
    """Write a packaged graph where the catalog expects it."""
    (package / "models" / "data" / load_catalog().model(model_id).graph).write_bytes(graph)


def features_of(faces: Sequence[LabelledFace], seed: int | None, cache: Path) -> Features:
    """Features of every face, clean or as distorted by a seed; from the cache where it has them."""
    weights = weights_of(FACE_NETWORK)
    session = OnnxSession(sface_graph(weights).SerializeToString(), weights_folder=weights.parent)
    network = FeatureNetwork(session, load_catalog().model(FACE_NETWORK).preprocessing)
    samples = [
        Sample(face.path) if seed is None else random_distortion(face.path, seed) for face in faces
    ]
    condition = "clean" if seed is None else f"distorted-{seed}"
    file = cache / f"{condition}-{fingerprint(samples)}.npz"
    return extract(samples, load_finder(DETECTOR), network, file)


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


if __name__ == "__main__":
    main()
