from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from steadyface.distortions import apply, rng_for
from steadyface.imaging.decode import decode
from steadyface.models.defaults import load_finder


@pytest.mark.models
@pytest.mark.parametrize("side", [250, 1000])
def test_noisy_faces_are_found_in_frames_of_any_size(identities: Path, side: int) -> None:
    detector = load_finder()
    found = 0
    files = sorted(identities.glob("*/*/*_0001.jpg"))
    for file in files:
        photo = cv2.resize(decode(file), (side, side), interpolation=cv2.INTER_CUBIC)
        frame = np.asarray(photo, dtype=np.uint8)
        faces = detector.find(apply(frame, "noisy", 3, rng_for(0, file.name)))
        if faces:
            middle = faces[0].landmarks.mean(axis=0) / side
            found += bool(np.abs(middle - 0.5).max() < 0.25)
    assert found >= len(files) - 1
