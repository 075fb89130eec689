"""The embedder's training run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from steadyface.training.crops import FaceSet
from steadyface.training.embedder import Batch, Labels, Student, losses, weighted
from steadyface.training.loop import Loop, rate_at
from steadyface.training.recipe import Recipe
from steadyface.training.sface_torch import SFace
from steadyface.training.shower import NOBODY, Shower

__all__ = ["Run", "optimiser", "rate_at"]


def optimiser(student: Student, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW with a rate of its own for the heads; a group's `times` multiplies the rate."""
    trunk = list(student.trunk.parameters())
    inside = {id(parameter) for parameter in trunk}
    heads = [parameter for parameter in student.parameters() if id(parameter) not in inside]
    groups = [{"params": trunk, "times": 1.0}, {"params": heads, "times": recipe.head_rate}]
    return torch.optim.AdamW(groups, lr=recipe.rate, weight_decay=recipe.decay)


def asked(teacher: SFace, crops: Tensor) -> Tensor:
    """What the teacher says of clean crops, each taken together with its mirror image.

    Args:
        teacher: the frozen base network, in evaluation mode.
        crops: N x 3 x 112 x 112, 0..255.

    Returns:
        N x 128 unit rows.
    """
    both = torch.cat([crops, crops.flip(3)]).float().to(memory_format=torch.channels_last)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        embedding, _ = teacher(both)
    first, second = F.normalize(embedding.float()).chunk(2)
    return F.normalize(first + second)


class Run(Loop[Recipe]):
    """The embedder's run; see `Loop` for how it is stopped and goes on.

    Args:
        student: the network, on its start.
        faces: what it is shown.
        labels: what is known of them.
        teacher: the frozen base network, which is asked about faces made of two.
        recipe: how.
        folder: where `checkpoint.pt` and `log.jsonl` are kept.
        checkpoint_seconds: at most this much work is lost.
        compiled: let torch compile the network.
    """

    def __init__(
        self,
        student: Student,
        faces: FaceSet,
        labels: Labels,
        teacher: SFace,
        recipe: Recipe,
        folder: Path,
        *,
        checkpoint_seconds: float = 180.0,
        compiled: bool = True,
    ) -> None:
        super().__init__(
            student,
            recipe,
            folder,
            optimiser=optimiser(student, recipe),
            checkpoint_seconds=checkpoint_seconds,
        )
        self._faces, self._labels = faces, labels
        self._teacher = teacher.eval().to(memory_format=torch.channels_last)
        self._forward: Any = torch.compile(student) if compiled else student

    def _samples(self, first: int, count: int) -> Shower:
        return Shower(self._faces, self._recipe, first, count)

    def _terms(self, batch: list[Tensor]) -> tuple[Mapping[str, Tensor], Tensor]:
        rng = np.random.default_rng((self._recipe.seed, 1, self._step))
        bank = torch.from_numpy(rng.integers(0, len(self._faces), self._recipe.bank))
        terms = losses(self._forward, self._labels, self._batch(batch), self._recipe, bank)
        return terms, weighted(terms, self._recipe)

    def _batch(self, batch: list[Tensor]) -> Batch:
        pixels, crops, face, other, label, strength = batch
        target, clean = self._labels.targets[face], self._labels.clean[face]
        made = other != NOBODY
        if made.any():
            target[made] = clean[made] = asked(self._teacher, crops[made])
        return Batch(
            pixels.float().to(memory_format=torch.channels_last),
            face,
            torch.where(made, other, face),
            target,
            clean,
            label,
            strength,
        )
