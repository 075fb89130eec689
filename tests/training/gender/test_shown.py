from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from steadyface.distortions import rng_for
from steadyface.imaging.framing import FACE_CROP, Framing
from steadyface.imaging.geometry import align
from steadyface.models.catalog import Preprocessing
from steadyface.models.preprocess import to_batch
from steadyface.training.gender.frames import canvas_side
from steadyface.training.gender.recipe import GenderRecipe
from steadyface.training.gender.shown import Showing, cropped, normalised, shown

RNG = np.random.default_rng(0)
SMOOTH = np.kron(RNG.integers(0, 256, (13, 13, 3)), np.ones((16, 16, 1))).astype(np.uint8)
STILL = GenderRecipe(flip=False, jitter=0.0, shake=0.0)


@pytest.mark.parametrize("framing", [FACE_CROP, Framing(224, 0.75), Framing(64, 0.5)])
def test_the_middle_of_a_canvas_is_the_crop_of_inference(framing: Framing) -> None:
    side = canvas_side(framing)
    landmarks = FACE_CROP.landmarks * 0.9 + 30
    target = framing.landmarks + np.float32((side - framing.size) / 2)
    canvas = align(SMOOTH, landmarks, target, side)
    crop = align(SMOOTH, landmarks, framing.landmarks, framing.size)
    difference = cropped(canvas, framing).astype(int) - crop
    assert np.abs(difference).mean() < 1


def test_a_recipe_that_changes_nothing_shows_the_crop() -> None:
    crop = shown(SMOOTH, STILL, FACE_CROP, np.random.default_rng(1))
    assert np.array_equal(crop, cropped(SMOOTH, FACE_CROP))


@pytest.mark.parametrize(
    "change", [{"flip": True}, {"jitter": 0.5}, {"shake": 1.0}, {"distort": 1.0}]
)
@pytest.mark.parametrize("framing", [FACE_CROP, Framing(208, None)])
def test_every_change_changes_and_the_generator_decides(
    change: dict[str, float], framing: Framing
) -> None:
    recipe = replace(STILL, **change)  # type: ignore[arg-type]
    plain = cropped(SMOOTH, framing)
    several = [shown(SMOOTH, recipe, framing, np.random.default_rng(n)) for n in range(8)]
    again = [shown(SMOOTH, recipe, framing, np.random.default_rng(n)) for n in range(8)]
    assert all(np.array_equal(*pair) for pair in zip(several, again, strict=True))
    changed = sum(not np.array_equal(crop, plain) for crop in several)
    if change == {"shake": 1.0} and framing.zoom is None:
        assert changed == 0  # there is no face to shake about
    else:
        assert changed >= (2 if "flip" in change else 7)
    assert all(crop.shape == plain.shape and crop.dtype == np.uint8 for crop in several)


def test_global_randomness_is_left_alone() -> None:
    torch.manual_seed(3)
    first = torch.rand(1)
    torch.manual_seed(3)
    shown(SMOOTH, GenderRecipe(), FACE_CROP, np.random.default_rng(0))
    assert torch.equal(torch.rand(1), first)


def test_a_shaken_face_stays_near_its_place() -> None:
    canvas = np.zeros((208, 208, 3), np.uint8)
    canvas[102:106, 102:106] = 255
    places = []
    for seed in range(40):
        crop = shown(canvas, replace(STILL, shake=1.0), FACE_CROP, np.random.default_rng(seed))
        ys, xs = np.nonzero(crop[..., 0] > 60)
        places.append((ys.mean(), xs.mean()))
    mean, spread = np.mean(places, axis=0), np.std(places, axis=0)
    assert np.abs(mean - 55.5).max() < 1
    assert (spread > 1).all()
    assert (spread < 4).all()


def test_numbers_decide_what_is_shown() -> None:
    canvases = np.stack([SMOOTH, SMOOTH[::-1], SMOOTH[:, ::-1]])
    recipe = GenderRecipe(distort=0.5)
    data = Showing(canvases, recipe, FACE_CROP, [4, 0, 4])
    (first, index), (other, zero), (again, _) = (data[place] for place in range(3))
    assert (index, zero, len(data)) == (1, 0, 3)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    expected = shown(canvases[1], recipe, FACE_CROP, rng_for(0, "gender", "4"))
    assert np.array_equal(first.numpy().transpose(1, 2, 0), expected)
    plain, _ = Showing(canvases, None, FACE_CROP, [1])[0]
    assert np.array_equal(plain.numpy().transpose(1, 2, 0), cropped(canvases[1], FACE_CROP))


def test_training_normalises_as_inference_does() -> None:
    recipe = Preprocessing("RGB", (10, 20, 30), (0.1, 0.2, 0.3))
    image = RNG.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]
    given = normalised(pixels, recipe.mean, recipe.scale)
    np.testing.assert_allclose(given.numpy(), to_batch([image], recipe), rtol=1e-6)
