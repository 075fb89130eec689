"""The one place where pixels become network input, driven by the catalog's data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from steadyface.models.catalog import Preprocessing
from steadyface.types import FloatArray, RGBImage


def to_batch(images: Sequence[RGBImage], recipe: Preprocessing) -> FloatArray:
    """Turn equally sized RGB images into one N x 3 x H x W float32 batch.

    Each channel becomes (pixel - mean) * scale, in the recipe's colour order.
    """
    stacked = np.stack(images)
    if recipe.colour == "BGR":
        stacked = stacked[..., ::-1]
    batch = np.ascontiguousarray(stacked.transpose(0, 3, 1, 2), dtype=np.float32)
    if any(recipe.mean):
        batch -= np.asarray(recipe.mean, dtype=np.float32)[:, None, None]
    if any(factor != 1 for factor in recipe.scale):
        batch *= np.asarray(recipe.scale, dtype=np.float32)[:, None, None]
    return batch
