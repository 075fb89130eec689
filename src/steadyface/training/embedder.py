"""The student: the face network with its heads, and the terms of its loss.

The teacher is the frozen base network on the clean crop; the student starts as the same network and
is shown distorted, shaken crops. Hinton, Vinyals and Dean 2015 for the idea of distillation; the
contrastive term is InfoNCE (van den Oord et al. 2018) against other faces' teacher embeddings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from steadyface.training.augment import LABELS
from steadyface.training.crops import UNKNOWN_GENDER
from steadyface.training.recipe import Recipe
from steadyface.training.sface_torch import FEATURES, SFace

#: Units of a head's hidden layer.
HIDDEN = 64
#: Brings pooled features, whose deviation in the base network is 0.085, to a deviation near 1.
FEATURE_GAIN = 12.0


class Head(nn.Module):
    """A small answer on the pooled features: one hidden layer of rectified units."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(FEATURES, HIDDEN)
        self.answer = nn.Linear(HIDDEN, outputs)

    def forward(self, pooled: Tensor) -> Tensor:
        """N x 1024 pooled features in, N x outputs out."""
        answer: Tensor = self.answer(F.relu(self.hidden(pooled * FEATURE_GAIN)))
        return answer


class Student(nn.Module):
    """The face network with its heads on the pooled last feature map."""

    def __init__(self, trunk: SFace) -> None:
        super().__init__()
        self.trunk = trunk
        self.gender = Head(1)
        self.quality = Head(1)
        self.distortion = Head(len(LABELS) + 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """N x 3 x 112 x 112 in; N x 128 unit embeddings and N x (1 + 1 + 8 + 1) head values."""
        embedding, pooled = self.trunk(x)
        pooled = pooled.float()
        heads = torch.cat(
            [self.gender(pooled), self.quality(pooled.detach()), self.distortion(pooled.detach())],
            1,
        )
        return F.normalize(embedding.float()), heads


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """What is known of every face, on the training device.

    Attributes:
        targets: N x 128 unit teacher embeddings.
        clean: N x 128 unit teacher embeddings before identities were blended.
        female: N floats 0 or 1, -1 unknown.
        weight: N gender weights, of mean 1.
        identity: N ints.
    """

    targets: Tensor
    clean: Tensor
    female: Tensor
    weight: Tensor
    identity: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """N shown faces.

    Attributes:
        pixels: N x 3 x 112 x 112.
        face: N rows of `Labels`.
        other: N rows of the faces that these were made one with, or those of `face` again.
        target: N x 128, where they are to be embedded.
        clean: N x 128, what the teacher says of the very photo when clean.
        label: N kinds of distortion.
        strength: N, 0..1.
    """

    pixels: Tensor
    face: Tensor
    other: Tensor
    target: Tensor
    clean: Tensor
    label: Tensor
    strength: Tensor


def losses(
    student: Callable[[Tensor], tuple[Tensor, Tensor]],
    labels: Labels,
    batch: Batch,
    recipe: Recipe,
    bank: Tensor,
) -> dict[str, Tensor]:
    """The terms of the loss, unweighted.

    Args:
        student: N crops -> unit embeddings and head values, as `Student`.
        labels: what is known of every face.
        batch: what is shown.
        recipe: for the temperature.
        bank: rows of `labels` to contrast with; rows of the same person are left out, and of both
            people where a face was made of two.
    """
    face = batch.face
    with torch.autocast("cpu", dtype=torch.bfloat16):
        embedding, heads = student(batch.pixels)
    embedding, heads = embedding.float(), heads.float()
    similarity = (embedding * batch.target).sum(1)
    others = embedding @ labels.targets[bank].T / recipe.temperature
    for parent in (face, batch.other):
        same = labels.identity[parent][:, None] == labels.identity[bank][None, :]
        others = others.masked_fill(same, -math.inf)
    logits = torch.cat([similarity[:, None] / recipe.temperature, others], 1)
    female = labels.female[face]
    known = (female != UNKNOWN_GENDER).float() * labels.weight[face]
    gender = F.binary_cross_entropy_with_logits(heads[:, 0], female.clamp(min=0), reduction="none")
    truth = (embedding.detach() * batch.clean).sum(1).clamp(0, 1)
    return {
        "cosine": (1 - similarity).mean(),
        "contrast": F.cross_entropy(logits, torch.zeros(len(face), dtype=torch.long)),
        "gender": (gender * known).mean(),
        "quality": F.mse_loss(torch.sigmoid(heads[:, 1]), truth) * 10,
        "distortion": F.cross_entropy(heads[:, 2:-1], batch.label)
        + F.mse_loss(torch.sigmoid(heads[:, -1]), batch.strength.float()),
    }


def weighted(terms: Mapping[str, Tensor], recipe: Recipe) -> Tensor:
    """The loss."""
    return (
        terms["cosine"]
        + recipe.contrast * terms["contrast"]
        + recipe.gender * terms["gender"]
        + recipe.quality * terms["quality"]
        + recipe.distortion * terms["distortion"]
    )
