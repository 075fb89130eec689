"""The detector's training run: the frozen base network teaches on clean frames."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from steadyface.distortions import rng_for
from steadyface.training.detector_augment import ShownFrame, show_frame
from steadyface.training.detector_frames import FrameSet
from steadyface.training.detector_losses import detector_losses, silenced, weighted_terms
from steadyface.training.detector_recipe import DetectorRecipe
from steadyface.training.detector_windows import show_background, show_photo
from steadyface.training.loop import Loop
from steadyface.training.yunet_torch import YuNet
from steadyface.types import RGBImage


@dataclass(frozen=True, slots=True, eq=False)
class TaughtFrames:
    """What a detector is trained on.

    Attributes:
        faces: frames with a main face.
        photos: photographs with any number of faces; None where there are none.
        backgrounds: photographs without people; None where there are none.
    """

    faces: FrameSet
    photos: FrameSet | None = None
    backgrounds: FrameSet | None = None


class FrameShower(Dataset[tuple[Tensor, Tensor, Tensor, Tensor]]):
    """Sample number -> a clean and a shown frame, BGR, points, and whether no face is in it.

    The number alone decides.
    """

    def __init__(
        self, frames: TaughtFrames, recipe: DetectorRecipe, first: int, count: int
    ) -> None:
        self._frames, self._recipe = frames, recipe
        self._first, self._count = first, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, offset: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        both = self._show(self._first + offset)
        clean, shown = (
            torch.from_numpy(np.ascontiguousarray(frame[..., ::-1].transpose(2, 0, 1)))
            for frame in (both.clean, both.shown)
        )
        return clean, shown, torch.from_numpy(both.points), torch.tensor(both.empty)

    def _show(self, number: int) -> ShownFrame:
        mix = self._recipe.mix
        rng = rng_for(self._recipe.seed, "show frame", str(number))
        kind = float(rng.random()) if self._mixed else 1.0
        if self._frames.photos is not None and kind < mix.photos:
            return show_photo(_any(self._frames.photos, rng), mix, rng)
        if self._frames.backgrounds is not None and mix.photos <= kind < self._mixed:
            made = rng.random() < mix.textures
            return show_background(None if made else _any(self._frames.backgrounds, rng), mix, rng)
        faces = self._frames.faces
        epoch, place = divmod(number, len(faces))
        order = np.random.default_rng((self._recipe.seed, epoch)).permutation(len(faces))
        index = int(order[place])
        return show_frame(faces.frame(index), faces.points[index], mix, rng)

    @property
    def _mixed(self) -> float:
        """Share of samples that show no main face."""
        return self._recipe.mix.photos + self._recipe.mix.backgrounds


def _any(frames: FrameSet, rng: np.random.Generator) -> RGBImage:
    return frames.frame(int(rng.integers(len(frames))))


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
        frames: TaughtFrames,
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
        *frames, points, empty = batch
        clean, shown = (
            pixels.float().contiguous(memory_format=torch.channels_last) for pixels in frames
        )
        with torch.no_grad():
            right = [silenced(maps, empty) for maps in self._teacher(clean)]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            said = self._student(shown)
        terms = detector_losses(said, right, points)
        return terms, weighted_terms(terms, self._recipe)
