from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from steadyface.distortions import KINDS, apply, rng_for
from steadyface.imaging.decode import decode
from steadyface.types import RGBImage

SIDE = 250
SEEDS = range(12)


def resized_to(image: RGBImage, side: int) -> RGBImage:
    method = cv2.INTER_AREA if side < image.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (side, side), interpolation=method), dtype=np.uint8)


def effect(image: RGBImage, kind: str) -> float:
    """Mean change that a reference frame's pixels see, over several seeds."""
    clean = resized_to(image, SIDE).astype(np.float64)
    return float(
        np.mean(
            [
                np.abs(resized_to(apply(image, kind, 3, rng_for(seed, kind)), SIDE) - clean).mean()
                for seed in SEEDS
            ]
        )
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_severity_does_the_same_to_a_face_in_a_large_photo(kind: str, identities: Path) -> None:
    frame = resized_to(decode(identities / "female" / "Edith" / "Edith_0002.jpg"), SIDE)
    in_frame = effect(frame, kind)
    in_photo = effect(resized_to(frame, 4 * SIDE), kind)
    assert 0.7 < in_photo / in_frame < 1.4
