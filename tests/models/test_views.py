from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyface.models.views import VIEWS, darkened, equalised, halved, smoothed, tone
from steadyface.types import RGBImage


def noise(height: int, width: int, seed: int = 0) -> RGBImage:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", VIEWS)
def test_grey_stays_grey_in_every_view(name: str) -> None:
    frame = np.repeat(noise(40, 50)[..., :1], 3, axis=2)
    view = VIEWS[name](frame).astype(int)
    assert view.std() > 1
    assert np.abs(view - view[..., :1]).max() <= 4


@pytest.mark.parametrize("name", [name for name in VIEWS if name != "equalised"])
@pytest.mark.parametrize("value", [0, 255])
def test_black_and_white_stay_in_every_view_but_the_equalised(name: str, value: int) -> None:
    assert (VIEWS[name](np.full((40, 50, 3), value, dtype=np.uint8)) == value).all()


@pytest.mark.parametrize("name", [name for name in VIEWS if name != "halved"])
def test_views_other_than_the_halved_keep_the_size(name: str) -> None:
    assert VIEWS[name](noise(33, 47)).shape == (33, 47, 3)


@pytest.mark.parametrize(
    ("shape", "half"),
    [((40, 50), (20, 25)), ((41, 51), (20, 25)), ((1, 9), (1, 4)), ((2, 1), (1, 1))],
)
def test_halved_has_half_the_size(shape: tuple[int, int], half: tuple[int, int]) -> None:
    assert halved(noise(*shape)).shape[:2] == half


def test_halved_averages_and_takes_single_spots_out() -> None:
    frame = np.full((20, 20, 3), 100, dtype=np.uint8)
    frame[8:10, 8:10] = 255  # one pixel of the view
    assert (halved(frame) == 100).all()
    checks = np.indices((20, 20)).sum(axis=0) % 2 * 200
    assert (halved(np.repeat(checks[..., None], 3, axis=2).astype(np.uint8)) == 100).all()


def test_smoothed_is_a_gaussian_of_two_pixels() -> None:
    frame = np.zeros((41, 41, 3), dtype=np.uint8)
    frame[:, 20:] = 200
    line = smoothed(frame)[20, :, 0].astype(float)
    steps = np.diff(line)
    centres = np.arange(40) + 0.5
    mean = np.average(centres, weights=steps)
    assert mean == pytest.approx(19.5, abs=0.05)
    assert np.sqrt(np.average((centres - mean) ** 2, weights=steps)) == pytest.approx(2.0, abs=0.1)


def test_equalised_raises_contrast_and_keeps_the_colour() -> None:
    dull = (noise(64, 64) // 16 + 120).astype(np.uint8)
    assert equalised(dull).std() > 1.5 * dull.std()
    flat = np.full((64, 64, 3), (150, 90, 60), dtype=np.uint8)
    flat[::2] += 6
    tones = cv2.cvtColor(equalised(flat), cv2.COLOR_RGB2LAB)[..., 1:].reshape(-1, 2)
    before = cv2.cvtColor(flat, cv2.COLOR_RGB2LAB)[..., 1:].reshape(-1, 2)
    assert np.abs(tones.mean(axis=0) - before.mean(axis=0)).max() < 3


def test_darkened_spreads_bright_tones() -> None:
    frame = np.array([[[200] * 3, [230] * 3]], dtype=np.uint8)
    dark = darkened(frame)[0, :, 0].astype(int)
    assert dark.tolist() == [139, 197]  # 255 * (200 / 255) ** 2.5 and of 230
    assert dark[1] - dark[0] > 30


@given(st.floats(0.1, 5))
def test_tone_never_turns_the_order_of_values_round(gamma: float) -> None:
    values = np.arange(256, dtype=np.uint8).reshape(1, 256, 1).repeat(3, axis=2)
    toned = tone(values, gamma).astype(int)
    assert (np.diff(toned[0, :, 0]) >= 0).all()
    assert toned[0, 0, 0] == 0
    assert toned[0, 255, 0] == 255
    direction = -1 if gamma >= 1 else 1
    assert (direction * (toned[0, :, 0] - np.arange(256)) >= 0).all()
    np.testing.assert_array_equal(toned[..., 0], toned[..., 2])
