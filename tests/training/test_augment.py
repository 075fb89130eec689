from __future__ import annotations

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from steadyface.distortions import KINDS, rng_for
from steadyface.imaging.decode import decode
from steadyface.imaging.geometry import CROP_LANDMARKS, align
from steadyface.training.augment import (
    CLEAN_LABEL,
    LABELS,
    blown_out,
    choose_kinds,
    crop_of,
    jitter,
    outside_the_families,
    reframed,
    show,
)
from steadyface.training.crops import CANVAS, CANVAS_LANDMARKS
from steadyface.training.recipe import Mix
from steadyface.types import RGBImage

STILL = np.array([[1, 0, 0], [0, 1, 0]], dtype=np.float32)


@pytest.fixture
def canvas(identities: Path) -> RGBImage:
    photo = decode(identities / "female" / "Edith" / "Edith_0002.jpg")
    return np.asarray(cv2.resize(photo, (CANVAS, CANVAS)), dtype=np.uint8)


def test_an_unshaken_crop_is_the_aligned_crop(canvas: RGBImage) -> None:
    expected = align(canvas, CANVAS_LANDMARKS)
    assert np.abs(crop_of(canvas, STILL).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("seed", range(6))
def test_reframing_leaves_the_face_in_its_place(canvas: RGBImage, seed: int) -> None:
    frame, scale = reframed(canvas, np.random.default_rng(seed))
    assert frame.shape[0] == frame.shape[1]
    difference = crop_of(frame, STILL, scale).astype(int) - crop_of(canvas, STILL)
    moved = crop_of(canvas, STILL + np.array([[0, 0, 2], [0, 0, 0]], dtype=np.float32))
    shift = moved.astype(int) - crop_of(canvas, STILL)
    assert np.abs(difference).mean() < 0.6 * np.abs(shift).mean()


def test_what_is_shown_is_decided_by_the_generator_alone(canvas: RGBImage) -> None:
    first, again, other = (show(canvas, Mix(), rng_for(seed, "x")) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.crop, again.crop)
    assert (first.label, first.strength) == (again.label, again.strength)
    assert not np.array_equal(first.crop, other.crop)
    assert first.crop.shape == (112, 112, 3)


def test_shares_and_kinds_are_the_mixs(canvas: RGBImage) -> None:
    mix = Mix(clean=0.25, second=0.5, weights={"sunny": 3.0})
    shown = [show(canvas, mix, rng_for(seed, "mix")) for seed in range(400)]
    clean = [s for s in shown if s.label == CLEAN_LABEL]
    assert 0.18 < len(clean) / len(shown) < 0.32
    assert {s.strength for s in clean} == {0.0}
    assert all(0.2 <= s.strength <= 1 for s in shown if s.label != CLEAN_LABEL)
    rng = np.random.default_rng(0)
    chosen = [choose_kinds(mix, rng) for _ in range(2000)]
    assert 0.45 < np.mean([len(kinds) == 2 for kinds in chosen]) < 0.55
    assert all(len(set(kinds)) == len(kinds) for kinds in chosen)
    counts = Counter(kinds[0] for kinds in chosen)
    assert set(counts) == set(KINDS)
    assert counts["sunny"] > 2 * counts["foggy"]
    assert LABELS[CLEAN_LABEL] == "clean"
    assert set(LABELS[1:]) == set(KINDS)


def test_jitter_is_as_strong_as_stated() -> None:
    mix = Mix(tilt=3, zoom=0.04, shift=2, wild=0)
    rng = np.random.default_rng(0)
    matrices = np.stack([jitter(mix, rng) for _ in range(2000)])
    angles = np.degrees(np.arctan2(matrices[:, 0, 1], matrices[:, 0, 0]))
    zooms = np.log(np.hypot(matrices[:, 0, 0], matrices[:, 0, 1]))
    middles = matrices[:, :, :2] @ np.array([56.0, 56.0]) + matrices[:, :, 2] - 56
    assert angles.std() == pytest.approx(3, rel=0.1)
    assert zooms.std() == pytest.approx(0.04, rel=0.1)
    assert middles.std(axis=0) == pytest.approx([2, 2], rel=0.1)
    milder = np.stack([jitter(mix, rng, mild=True) for _ in range(500)])
    assert np.abs(milder - STILL).mean() < 0.6 * np.abs(matrices - STILL).mean()


def test_kinds_outside_the_families_all_occur(canvas: RGBImage) -> None:
    copies = [outside_the_families(canvas, np.random.default_rng(seed)) for seed in range(20)]
    assert all(c.shape == canvas.shape and c.dtype == np.uint8 for c in copies)
    assert all(not np.array_equal(c, canvas) for c in copies)
    grey = [c for c in copies if (c == c[..., :1]).all()]
    assert 0 < len(grey) < 12


def test_the_crop_and_the_canvas_have_one_template() -> None:
    np.testing.assert_allclose(CANVAS_LANDMARKS - CROP_LANDMARKS, (CANVAS - 112) / 2, atol=1e-4)


def test_blown_out_tones_rise_with_severity_and_vary(canvas: RGBImage) -> None:
    means = [
        np.mean([blown_out(canvas, severity, rng_for(n, "blown")).mean() for n in range(30)])
        for severity in (1, 3, 5)
    ]
    assert canvas.mean() < means[0] < means[1] < means[2]
    shown = [blown_out(canvas, 4, rng_for(n, "blown")) for n in range(8)]
    assert len({image.tobytes() for image in shown}) == 8
    assert all(image.shape == canvas.shape and image.dtype == np.uint8 for image in shown)
    spots = [blown_out(np.full_like(canvas, 60), 5, rng_for(n, "spot")) for n in range(20)]
    assert 2 < sum(np.ptp(image) > 20 for image in spots) < 20


def test_the_stated_share_of_sunny_faces_is_blown_out(canvas: RGBImage) -> None:
    only_sunny = {kind: 1e9 if kind == "sunny" else 1e-9 for kind in KINDS}

    def crops(blown: float) -> list[bytes]:
        mix = Mix(clean=0, second=0, extra=0, weights=only_sunny, blown=blown)
        return [show(canvas, mix, rng_for(n, "share")).crop.tobytes() for n in range(60)]

    suite, half, all_of_them = crops(0.0), crops(0.5), crops(1.0)
    changed = sum(a != b for a, b in zip(suite, half, strict=True))
    assert 18 < changed < 42
    assert all(a != b for a, b in zip(suite, all_of_them, strict=True))
