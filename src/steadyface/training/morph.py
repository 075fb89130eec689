"""People who do not exist, made of two training faces, lest the few people be learnt by heart.

The teacher says what a made face is to be embedded as, so no label is needed. Blending inputs is
mixup (Zhang et al. 2018), pasting regions CutMix (Yun et al. 2019); here the target is not blended
but asked for.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from steadyface.training.crops import FaceSet
from steadyface.types import FloatArray, RGBImage

#: Neither face weighs less than this, or the made one would be the other.
_LEAST_WEIGHT = 0.25


def partner(faces: FaceSet, face: int, rng: np.random.Generator) -> int:
    """Another face, of the same label of gender where the first tries give one."""
    other = int(rng.integers(len(faces)))
    for _ in range(8):
        if faces.female[other] == faces.female[face] and other != face:
            break
        other = int(rng.integers(len(faces)))
    return other


def morphed(one: RGBImage, other: RGBImage, rng: np.random.Generator) -> RGBImage:
    """Two aligned faces as one: blended as a whole, or each in regions of its own.

    Args:
        one, other: H x W x 3 uint8, of one size, their landmarks at the same places.
        rng: where the randomness comes from.
    """
    height, width = one.shape[:2]
    if rng.random() < 0.5:
        share: FloatArray | np.float32 = np.float32(rng.uniform(_LEAST_WEIGHT, 1 - _LEAST_WEIGHT))
    else:
        share = _regions(height, width, rng)[..., None]
    mixed = other + share * (one.astype(np.float32) - other)
    return np.asarray(np.clip(mixed + 0.5, 0, 255), dtype=np.uint8)


def _regions(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Shares 0..1 that change smoothly between a few large regions."""
    cells = rng.uniform(-1, 1, (int(rng.integers(3, 6)),) * 2).astype(np.float32)
    field = cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC)
    sharpness = np.float32(rng.uniform(3, 10))
    return np.asarray(1 / (1 + np.exp(-sharpness * field)), dtype=np.float32)
