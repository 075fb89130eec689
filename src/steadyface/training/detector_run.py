"""The detector's training run: the frozen base network teaches on clean frames."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from steadyface.distortions import rng_for
from steadyface.training.detector_augment import show_frame
from steadyface.training.detector_frames import FrameSet
from steadyface.training.detector_losses import detector_losses, weighted_terms
from steadyface.training.detector_recipe import DetectorRecipe
from steadyface.training.loop import Loop
from steadyface.training.yunet_torch import YuNet


class FrameShower(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Sample number -> a clean and a shown frame, BGR, and points; the number alone decides."""

    def __init__(self, frames: FrameSet, recipe: DetectorRecipe, first: int, count: int) -> None:
        self._frames, self._recipe = frames, recipe
        self._first, self._count = first, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, offset: int) -> tuple[Tensor, Tensor, Tensor]:
        number = self._first + offset
        epoch, place = divmod(number, len(self._frames))
        order = np.random.default_rng((self._recipe.seed, epoch)).permutation(len(self._frames))
        index = int(order[place])
        rng = rng_for(self._recipe.seed, "show frame", str(number))
        both = show_frame(
            self._frames.frame(index), self._frames.points[index], self._recipe.mix, rng
        )
        clean, shown = (
            torch.from_numpy(np.ascontiguousarray(frame[..., ::-1].transpose(2, 0, 1)))
            for frame in (both.clean, both.shown)
        )
        return clean, shown, torch.from_numpy(both.points)


class DetectorRun(Loop[DetectorRecipe]):
    """The detector's run; see `Loop` for how it is stopped and goes on.

    Args:
        student: the base network, which is also copied to be the teacher.
        frames: what it is shown.
        recipe: how.
        folder: where `checkpoint.pt` and `log.jsonl` are kept.
        checkpoint_seconds: at most this much work is lost.
    """

    def __init__(
        self,
        student: YuNet,
        frames: FrameSet,
        recipe: DetectorRecipe,
        folder: Path,
        *,
        checkpoint_seconds: float = 180.0,
    ) -> None:
        self._teacher = copy.deepcopy(student).eval().to(memory_format=torch.channels_last)
        self._student, self._frames = student, frames
        super().__init__(
            student,
            recipe,
            folder,
            optimiser=torch.optim.AdamW(
                student.parameters(), lr=recipe.rate, weight_decay=recipe.decay
            ),
            checkpoint_seconds=checkpoint_seconds,
        )

    def _samples(self, first: int, count: int) -> FrameShower:
        return FrameShower(self._frames, self._recipe, first, count)

    def _terms(self, batch: list[Tensor]) -> tuple[Mapping[str, Tensor], Tensor]:
        *frames, points = batch
        clean, shown = (
            pixels.float().contiguous(memory_format=torch.channels_last) for pixels in frames
        )
        with torch.no_grad():
            right = self._teacher(clean)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            said = self._student(shown)
        terms = detector_losses(said, right, points)
        return terms, weighted_terms(terms, self._recipe)
