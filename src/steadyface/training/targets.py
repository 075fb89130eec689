"""What the student is taught: the teacher's embeddings of clean faces, and their labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from steadyface.pipeline import Network
from steadyface.training.augment import STILL, crop_of
from steadyface.training.crops import FaceSet
from steadyface.training.embedder import Labels
from steadyface.training.gender_head import balanced_weights
from steadyface.types import FloatArray

_BATCH = 64


def teacher_embeddings(faces: FaceSet, teacher: Network, file: Path) -> FloatArray:
    """The teacher's embedding of every clean crop averaged with that of its mirror image.

    Args:
        faces: N faces.
        teacher: the frozen base network.
        file: where the N x 128 unit rows are kept, and read from when they are there.
    """
    if file.is_file():
        stored: FloatArray = np.load(file)
        return stored
    rows = []
    for start in range(0, len(faces), _BATCH):
        crops = [crop_of(canvas, STILL) for canvas in faces.canvases[start : start + _BATCH]]
        mirrored = [np.ascontiguousarray(crop[:, ::-1]) for crop in crops]
        rows.append(teacher.run(crops).embeddings + teacher.run(mirrored).embeddings)
    table = unit(np.concatenate(rows))
    np.save(file, table)
    return table


def blend_identities(teacher: FloatArray, identity: NDArray[np.int64], share: float) -> FloatArray:
    """Draw every target to the mean of its person's targets; rows stay of length 1."""
    sums = np.zeros((int(identity.max()) + 1, teacher.shape[1]), dtype=np.float32)
    np.add.at(sums, identity, teacher)
    return unit((1 - share) * teacher + share * unit(sums)[identity])


def labels_of(faces: FaceSet, teacher: FloatArray, identity_share: float) -> Labels:
    """Everything that is known of the faces, as tensors."""
    known = faces.female >= 0
    weights = np.zeros(len(faces))
    if known.any():
        weights[known] = balanced_weights(faces.female[known] == 1, faces.origin[known])
    return Labels(
        torch.from_numpy(blend_identities(teacher, faces.identity, identity_share)),
        torch.from_numpy(teacher),
        torch.from_numpy(faces.female.astype(np.float32)),
        torch.from_numpy(weights.astype(np.float32)),
        torch.from_numpy(faces.identity),
    )


def unit(rows: FloatArray) -> FloatArray:
    """Rows of Euclidean length 1; a row of zeros stays one."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, np.finfo(np.float32).tiny), dtype=np.float32)
