"""What the student is shown, by number: a run that stopped goes on with the very next face."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from steadyface.distortions import rng_for
from steadyface.training.augment import show
from steadyface.training.crops import FaceSet
from steadyface.training.recipe import Recipe


class Shower(Dataset[tuple[Tensor, int, int, float]]):
    """Sample number -> a shown face; the number alone decides, so a run can go on anywhere."""

    def __init__(self, faces: FaceSet, recipe: Recipe, first: int, count: int) -> None:
        self._faces, self._recipe = faces, recipe
        self._first, self._count = first, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, offset: int) -> tuple[Tensor, int, int, float]:
        number = self._first + offset
        epoch, place = divmod(number, len(self._faces))
        order = np.random.default_rng((self._recipe.seed, epoch)).permutation(len(self._faces))
        face = int(order[place])
        rng = rng_for(self._recipe.seed, "show", str(number))
        canvas = np.asarray(self._faces.canvases[face])
        if rng.random() < 0.5:
            canvas = np.ascontiguousarray(canvas[:, ::-1])
        shown = show(canvas, self._recipe.mix, rng)
        pixels = torch.from_numpy(np.ascontiguousarray(shown.crop.transpose(2, 0, 1)))
        return pixels, face, shown.label, shown.strength
