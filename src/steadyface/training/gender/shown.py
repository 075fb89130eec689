"""How a training image is shown: its number alone decides, so that a run goes on anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms import v2

from steadyface.distortions import KINDS, apply, rng_for
from steadyface.imaging.framing import Framing
from steadyface.training.augment import jitter
from steadyface.training.gender.recipe import GenderRecipe
from steadyface.training.recipe import Mix
from steadyface.types import RGBImage


def cropped(canvas: RGBImage, framing: Framing) -> RGBImage:
    """The middle of a canvas, as the network is shown it when nothing is changed."""
    margin = (len(canvas) - framing.size) // 2
    return np.ascontiguousarray(
        canvas[margin : margin + framing.size, margin : margin + framing.size]
    )


def shown(
    canvas: RGBImage, recipe: GenderRecipe, framing: Framing, rng: np.random.Generator
) -> RGBImage:
    """A canvas changed at random: distorted, shaken, mirrored, its colours shifted.

    Args:
        canvas: C x C x 3 uint8.
        recipe: how much of it.
        framing: the crop.
        rng: where the randomness comes from.

    Returns:
        S x S x 3 uint8.
    """
    if rng.random() < recipe.distort:
        kind = KINDS[int(rng.integers(len(KINDS)))]
        canvas = apply(canvas, kind, float(rng.uniform(1, 5)), rng)
    if framing.zoom is not None and recipe.shake:
        crop = _shaken(canvas, recipe.shake, framing, rng)
    else:
        crop = cropped(canvas, framing)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        changes: list[v2.Transform] = [v2.RandomHorizontalFlip()] if recipe.flip else []
        if recipe.jitter:
            changes.append(v2.ColorJitter(*(recipe.jitter,) * 3))
        pixels = torch.from_numpy(np.ascontiguousarray(crop.transpose(2, 0, 1)))
        for change in changes:
            pixels = change(pixels)
    return np.ascontiguousarray(pixels.numpy().transpose(1, 2, 0))


def _shaken(canvas: RGBImage, share: float, framing: Framing, rng: np.random.Generator) -> RGBImage:
    usual = Mix()
    mix = replace(
        usual, tilt=usual.tilt * share, zoom=usual.zoom * share, shift=usual.shift * share, wild=0
    )
    # `jitter` shakes a crop of 112 pixels: take its matrix to the canvas's pixels and its middle.
    matrix = np.vstack([jitter(mix, rng), [0, 0, 1]]).astype(np.float64)
    scale = framing.size / 112
    bring = np.diag([scale, scale, 1.0])
    margin = (len(canvas) - framing.size) / 2
    inside = np.array([[1, 0, -margin], [0, 1, -margin], [0, 0, 1]])
    whole = bring @ matrix @ np.linalg.inv(bring) @ inside
    warped = cv2.warpAffine(canvas, whole[:2], (framing.size,) * 2, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(warped, dtype=np.uint8)


class Showing(Dataset[tuple[Tensor, int]]):
    """Number -> pixels 3 x S x S uint8 and the image's index.

    Args:
        canvases: M x C x C x 3 uint8.
        recipe: how they are shown; None shows them unchanged.
        framing: the crop.
        numbers: what is shown: epoch x M + index.
        seed: of the changes; the recipe's by default.
    """

    def __init__(
        self,
        canvases: NDArray[np.uint8],
        recipe: GenderRecipe | None,
        framing: Framing,
        numbers: Sequence[int],
    ) -> None:
        self._canvases, self._recipe, self._framing = canvases, recipe, framing
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, offset: int) -> tuple[Tensor, int]:
        number = self._numbers[offset]
        index = number % len(self._canvases)
        canvas = np.asarray(self._canvases[index])
        if self._recipe is None:
            crop = cropped(canvas, self._framing)
        else:
            rng = rng_for(self._recipe.seed, "gender", str(number))
            crop = shown(canvas, self._recipe, self._framing, rng)
        return torch.from_numpy(np.ascontiguousarray(crop.transpose(2, 0, 1))), index


def normalised(pixels: Tensor, mean: Sequence[float], scale: Sequence[float]) -> Tensor:
    """N x 3 x S x S uint8 -> float32, (value - mean) * scale a channel, as at inference."""
    shift, stretch = (torch.tensor(list(v), device=pixels.device) for v in (mean, scale))
    result: Tensor = (pixels.float() - shift[:, None, None]) * stretch[:, None, None]
    return result
