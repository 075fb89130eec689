"""One embedder, from a folder of faces to an exported network."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib import resources
from pathlib import Path

import numpy as np

from steadyface.errors import ImageError
from steadyface.evaluation.output import provenance, write_json
from steadyface.models.defaults import load_finder, load_network
from steadyface.training.augment import STILL, crop_of
from steadyface.training.base_models import DETECTOR, FACE_NETWORK, weights_of
from steadyface.training.crops import FaceSet, prepare
from steadyface.training.curves import draw_curves
from steadyface.training.embedder import Student
from steadyface.training.export import write_model
from steadyface.training.loop import CHECKPOINT, LOG, finished_weights
from steadyface.training.recipe import Recipe, read_recipe
from steadyface.training.run import Run
from steadyface.training.sface_torch import load_sface
from steadyface.training.sources import read_faces
from steadyface.training.targets import labels_of, teacher_embeddings

#: Faces on which torch and ONNX Runtime are compared.
_PARITY_FACES = 16


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What a run gave.

    Attributes:
        file: the exported ONNX network.
        left_out: images that could not be trained on, and why.
    """

    file: Path
    left_out: tuple[ImageError, ...]


def default_recipe() -> Recipe:
    """The packaged recipe."""
    with resources.as_file(resources.files("steadyface.training") / "embedder.toml") as file:
        return read_recipe(file)


def train_embedder(
    folder: Path,
    output: Path,
    recipe: Recipe,
    *,
    start: Path | None = None,
    compiled: bool = True,
) -> Trained:
    """Adapt the base face network to distorted faces.

    Stopped at any moment, the same call goes on from its last checkpoint.

    Args:
        folder: faces, see `steadyface.training.sources.read_faces`.
        output: keeps the prepared faces, checkpoint, log, manifest and the network.
        recipe: how.
        start: folder of a finished run whose network the student starts as; None starts as the
            base network. The teacher is the base network either way.
        compiled: let torch compile the network, which takes a minute and doubles the speed.

    Raises:
        DatasetLayoutError: the folder holds no usable face.
        UsageError: the output holds a run of another recipe, or `start` no finished run.
        ModelError: torch and ONNX Runtime do not agree on the result.
    """
    labelled = read_faces(folder)
    student = Student(load_sface(weights_of(FACE_NETWORK)))
    made = provenance(FACE_NETWORK, json.loads(json.dumps(asdict(recipe))))
    if start is not None:
        student.load_state_dict(finished_weights(start))
        made["start"] = sha256((start / CHECKPOINT).read_bytes()).hexdigest()
    faces = prepare(labelled, load_finder(DETECTOR), folder, output / "faces")
    write_json(output / "manifest.json", {"images": list(faces.names)})
    these = sha256("\n".join(faces.names).encode()).hexdigest()[:12]
    kept = output / "faces" / f"teacher-{these}.npy"
    teacher = teacher_embeddings(faces, load_network(FACE_NETWORK), kept)
    labels = labels_of(faces, teacher, recipe.identity)
    asked = load_sface(weights_of(FACE_NETWORK))
    run = Run(student, faces, labels, asked, recipe, output, compiled=compiled)
    student.load_state_dict(run.train())
    draw_curves(output / LOG, output / "curves.png")
    file = output / "network.onnx"
    worst = write_model(student, some_crops(faces), file)
    summary = {"made_by": made, "faces": len(faces), "torch_and_onnx_differ_by": worst}
    write_json(output / "network.json", summary)
    return Trained(file, faces.left_out)


def some_crops(faces: FaceSet) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The first faces as the network sees them clean."""
    return np.stack([crop_of(canvas, STILL) for canvas in faces.canvases[:_PARITY_FACES]])
