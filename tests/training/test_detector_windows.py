from __future__ import annotations

import numpy as np
import pytest
import torch

from steadyface.training.detector_augment import SIDE
from steadyface.training.detector_losses import silenced
from steadyface.training.detector_recipe import FrameMix
from steadyface.training.detector_windows import (
    made_shapes,
    made_texture,
    show_background,
    show_photo,
    window,
)

STILL = FrameMix(clean=1.0, tilt=0.0)


def photo(height: int = 500, width: int = 800) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("shape", [(500, 800), (100, 90), (3000, 200)])
def test_windows_fit_the_batch_and_never_enlarge_a_photo(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        cut = window(photo(*shape), FrameMix(), rng, most_zoom=1.0)
        assert max(cut.shape[:2]) <= SIDE
        assert cut.shape[0] <= shape[0] and cut.shape[1] <= shape[1]


def test_windows_are_pieces_of_the_photo_at_its_own_size_at_most() -> None:
    whole = photo()
    cut = window(whole, STILL, np.random.default_rng(3), most_zoom=0.32)  # nothing but the whole
    assert cut.shape[:2] == (160, 256)


def test_a_photo_is_taught_by_the_teacher_and_a_background_by_its_emptiness() -> None:
    rng = np.random.default_rng(0)
    taught, empty = show_photo(photo(), STILL, rng), show_background(photo(), STILL, rng)
    for shown in (taught, empty):
        assert shown.clean.shape == shown.shown.shape == (SIDE, SIDE, 3)
        assert np.isnan(shown.points).all()
        np.testing.assert_array_equal(shown.clean, shown.shown)
    assert (taught.empty, empty.empty) == (False, True)


def test_the_student_sees_the_window_distorted() -> None:
    mix = FrameMix(clean=0.0)
    shown = show_photo(photo(), mix, np.random.default_rng(0))
    assert (shown.clean != shown.shown).mean() > 0.2


def test_made_backgrounds_vary_and_come_from_the_generator_alone() -> None:
    for make in (made_texture, made_shapes):
        first, again = (make(np.random.default_rng(5)) for _ in range(2))
        np.testing.assert_array_equal(first, again)
        assert first.shape == (SIDE, SIDE, 3) and first.dtype == np.uint8
        other = make(np.random.default_rng(6))
        assert (first != other).mean() > 0.5
    assert show_background(None, STILL, np.random.default_rng(0)).empty


def test_the_teacher_is_silenced_in_empty_frames_alone() -> None:
    maps = torch.full((2, 16, 3, 3), 4.0)
    quiet = silenced(maps, torch.tensor([False, True]))
    assert torch.sigmoid(quiet[1, :2]).max() < 1e-4
    assert torch.equal(quiet[0], maps[0])
    assert torch.equal(quiet[1, 2:], maps[1, 2:])
    assert maps.min() == 4.0
