from __future__ import annotations

import numpy as np
import pytest

from steadyface.imaging.framing import FACE_CROP, Framing
from steadyface.imaging.geometry import CROP_LANDMARKS


def test_the_usual_crop_has_the_usual_landmarks() -> None:
    np.testing.assert_allclose(FACE_CROP.landmarks, CROP_LANDMARKS, atol=1e-5)
    np.testing.assert_allclose(Framing(112, None).landmarks, CROP_LANDMARKS, atol=1e-5)


def test_landmarks_scale_about_the_middle() -> None:
    large, loose = Framing(224, 1.0).landmarks, Framing(224, 0.5).landmarks
    assert np.ptp(large[:, 0]) == pytest.approx(2 * np.ptp(CROP_LANDMARKS[:, 0]), rel=1e-5)
    np.testing.assert_allclose(loose - 111.5, (large - 111.5) / 2, atol=1e-4)


@pytest.mark.parametrize(
    ("size", "zoom", "message"),
    [
        (0, 1.0, "size is 0: give 1 or more"),
        (9, 0.0, "zoom is 0.0: give more than 0, up to 4"),
        (9, 5.0, "zoom is 5.0: give more than 0, up to 4"),
    ],
)
def test_values_out_of_range_are_refused(size: int, zoom: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Framing(size, zoom)
