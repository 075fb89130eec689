"""Images that the tests of distortions share."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from steadyface.imaging.decode import decode
from steadyface.types import FloatArray, RGBImage


def textured(height: int, width: int, seed: int) -> RGBImage:
    """Smooth colours with finer and finer detail on them, as photographs have."""
    rng = np.random.default_rng(seed)
    field: FloatArray = np.zeros((height, width, 3), dtype=np.float32)
    for cells in (3, 6, 12, 24, 48):
        grid = rng.random((cells, cells, 3), dtype=np.float32) - np.float32(0.5)
        grown = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        field += np.asarray(grown, dtype=np.float32) * np.float32((3 / cells) ** 0.5)
    field = (field - field.min()) / (field.max() - field.min())
    return np.rint(20 + 215 * field).astype(np.uint8)


@pytest.fixture(scope="session")
def texture() -> RGBImage:
    """A textured image that is not square; read-only."""
    image = textured(90, 120, seed=1)
    image.setflags(write=False)
    return image


@pytest.fixture(scope="session")
def pictures(identities: Path) -> list[RGBImage]:
    """Textures and some of the bundled sample identities."""
    files = sorted(identities.glob("*/*/*_0001.jpg"))
    assert len(files) >= 8, "the sample identities are missing"
    return [textured(120, 160, 1), textured(200, 90, 2), *map(decode, files[::3])]
