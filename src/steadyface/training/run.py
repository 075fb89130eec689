"""The embedder's training run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from steadyface.training.crops import FaceSet
from steadyface.training.embedder import Batch, Labels, Student, losses, weighted
from steadyface.training.loop import Loop, rate_at
from steadyface.training.recipe import Recipe
from steadyface.training.shower import Shower

__all__ = ["Run", "optimiser", "rate_at"]


def optimiser(student: Student, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW with a rate of its own for the heads; a group's `times` multiplies the rate."""
    trunk = list(student.trunk.parameters())
    inside = {id(parameter) for parameter in trunk}
    heads = [parameter for parameter in student.parameters() if id(parameter) not in inside]
    groups = [{"params": trunk, "times": 1.0}, {"params": heads, "times": recipe.head_rate}]
    return torch.optim.AdamW(groups, lr=recipe.rate, weight_decay=recipe.decay)


class Run(Loop[Recipe]):
    """The embedder's run; see `Loop` for how it is stopped and goes on.

    Args:
        student: the network, on its start.
        faces: what it is shown.
        labels: what is known of them.
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
        self._forward: Any = torch.compile(student) if compiled else student

    def _samples(self, first: int, count: int) -> Shower:
        return Shower(self._faces, self._recipe, first, count)

    def _terms(self, batch: list[Tensor]) -> tuple[Mapping[str, Tensor], Tensor]:
        rng = np.random.default_rng((self._recipe.seed, 1, self._step))
        bank = torch.from_numpy(rng.integers(0, len(self._faces), self._recipe.bank))
        pixels, face, label, strength = batch
        images = pixels.float().to(memory_format=torch.channels_last)
        shown = Batch(images, face, label, strength)
        terms = losses(self._forward, self._labels, shown, self._recipe, bank)
        return terms, weighted(terms, self._recipe)
