"""What the student is shown, by number: a run that stopped goes on with the very next face."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from steadyface.distortions import rng_for
from steadyface.training.augment import STILL, crop_of, show
from steadyface.training.crops import FaceSet
from steadyface.training.morph import morphed, partner
from steadyface.training.recipe import Recipe
from steadyface.types import RGBImage

#: In place of the second face where a face is shown as it is.
NOBODY = -1


class Shower(Dataset[tuple[Tensor, Tensor, int, int, int, float]]):
    """Sample number -> a shown face; the number alone decides, so a run can go on anywhere.

    A sample is the shown crop and the clean one, both 3 x 112 x 112 uint8, the face's number and
    that of the one it was made one with or `NOBODY`, label and strength.
    """

    def __init__(self, faces: FaceSet, recipe: Recipe, first: int, count: int) -> None:
        self._faces, self._recipe = faces, recipe
        self._first, self._count = first, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, offset: int) -> tuple[Tensor, Tensor, int, int, int, float]:
        number = self._first + offset
        epoch, place = divmod(number, len(self._faces))
        order = np.random.default_rng((self._recipe.seed, epoch)).permutation(len(self._faces))
        face = int(order[place])
        rng = rng_for(self._recipe.seed, "show", str(number))
        canvas, other = np.asarray(self._faces.canvases[face]), NOBODY
        if rng.random() < self._recipe.mix.morph:
            other = partner(self._faces, face, rng)
            canvas = morphed(canvas, self._faces.canvases[other], rng)
        if rng.random() < 0.5:
            canvas = np.ascontiguousarray(canvas[:, ::-1])
        shown = show(canvas, self._recipe.mix, rng)
        clean = crop_of(canvas, STILL)
        return planes(shown.crop), planes(clean), face, other, shown.label, shown.strength


def planes(crop: RGBImage) -> Tensor:
    """H x W x 3 -> 3 x H x W."""
    return torch.from_numpy(np.ascontiguousarray(crop.transpose(2, 0, 1)))
