"""Where the fitting gets its samples from: images through the whole network, or kept features.

A frozen backbone answers the same for the same image, so where images are shown in a fixed number
of ways its features are computed once and the head alone is fitted on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from steadyface.training.gender.backbones import Built
from steadyface.training.gender.recipe import GenderRecipe
from steadyface.training.gender.shown import Showing, normalised

_BATCH = 64


class Source(Protocol):
    """N samples, in as many ways as epochs ask for."""

    def __len__(self) -> int:
        """N."""

    def dataset(self, epoch: int, indices: Sequence[int]) -> Dataset[tuple[Tensor, int]]:
        """Samples and their indices, as they are shown in an epoch."""

    def ready(self, batch: Tensor) -> Tensor:
        """A batch of samples as the fitted module takes it."""


class Images:
    """Images, shown anew in every epoch, or unchanged where there is no recipe."""

    def __init__(
        self, canvases: NDArray[np.uint8], recipe: GenderRecipe | None, built: Built
    ) -> None:
        self._canvases, self._recipe, self._built = canvases, recipe, built

    def __len__(self) -> int:
        return len(self._canvases)

    def dataset(self, epoch: int, indices: Sequence[int]) -> Showing:
        """Crops; with `copies` the ways repeat after so many epochs."""
        copies = 0 if self._recipe is None else self._recipe.copies
        way = epoch % copies if copies else epoch
        numbers = [way * len(self) + index for index in indices]
        return Showing(self._canvases, self._recipe, self._built.framing, numbers)

    def ready(self, batch: Tensor) -> Tensor:
        """Crops as the network's input."""
        recipe = self._built.preprocessing
        return normalised(batch, recipe.mean, recipe.scale)


class Rows(Dataset[tuple[Tensor, int]]):
    """Rows of a table."""

    def __init__(self, table: Tensor, indices: Sequence[int]) -> None:
        self._table, self._indices = table, indices

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, offset: int) -> tuple[Tensor, int]:
        index = self._indices[offset]
        return self._table[index], index


class Features:
    """A frozen backbone's features of images, one row a way of showing and an image."""

    def __init__(self, table: Tensor) -> None:
        self._table = table

    def __len__(self) -> int:
        return self._table.shape[1]

    def dataset(self, epoch: int, indices: Sequence[int]) -> Rows:
        """Features; the ways repeat."""
        return Rows(self._table[epoch % len(self._table)], indices)

    def ready(self, batch: Tensor) -> Tensor:
        """Features as they are."""
        return batch


def features_of(images: Images, ways: int, built: Built, file: Path, label: str) -> Features:
    """Run the backbone over every image in every way, or read what it gave before.

    Args:
        images: N images.
        ways: how many.
        built: the frozen backbone.
        file: where the table is kept; a key in its name has to change with all that shapes it.
        label: for the progress bar.
    """
    if file.is_file():
        return Features(torch.from_numpy(np.load(file)))
    trunk: nn.Module = built.classifier.trunk.eval()
    table = []
    bar = tqdm(total=ways * len(images), desc=label, unit="image", disable=None)
    for way in range(ways):
        rows = []
        for pixels, _ in DataLoader(images.dataset(way, range(len(images))), _BATCH):
            with torch.no_grad():
                rows.append(trunk(images.ready(pixels)).flatten(1).float())
            bar.update(len(pixels))
        table.append(torch.cat(rows))
    bar.close()
    stacked = torch.stack(table)
    part = file.with_suffix(".part.npy")
    np.save(part, stacked.numpy())
    part.replace(file)
    return Features(stacked)


def key_of(*parts: object) -> str:
    """A short name that changes with any of these."""
    return sha256("\n".join(map(str, parts)).encode()).hexdigest()[:12]
