"""What the kinds look like that act on light: fog, low light, over-exposure."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from steadyface.distortions import apply
from steadyface.distortions.sunny import glare_layer
from steadyface.distortions.tools import from_light, to_light
from steadyface.types import RGBImage

Array = NDArray[np.float64]


def flat(value: int, height: int = 100, width: int = 140) -> RGBImage:
    return np.full((height, width, 3), value, dtype=np.uint8)


def distorted(image: RGBImage, kind: str, severity: float, seed: int) -> Array:
    return apply(image, kind, severity, np.random.default_rng(seed)).astype(np.float64)


def light(image: RGBImage, kind: str, severity: float, seed: int) -> Array:
    return to_light(apply(image, kind, severity, np.random.default_rng(seed))).astype(np.float64)


def test_light_there_and_back_is_the_same_image() -> None:
    every = np.arange(256, dtype=np.uint8).reshape(1, 256, 1).repeat(3, axis=2)
    np.testing.assert_array_equal(from_light(to_light(every)), every)
    assert to_light(every)[0, [0, 255], 0].tolist() == [0, 1]
    assert to_light(every)[0, 127, 0] == pytest.approx((127 / 255) ** 2.2, rel=1e-5)
    beyond = np.array([[[-1.0, 0.5, 7.0]]], dtype=np.float32)
    assert from_light(beyond).tolist() == [[[0, round(255 * 0.5 ** (1 / 2.2)), 255]]]


# --- foggy --------------------------------------------------------------------------------------


@pytest.mark.parametrize("severity", [1, 3, 5])
@pytest.mark.parametrize("seed", range(4))
def test_foggy_lets_light_through_unevenly_and_the_same_in_all_colours(
    severity: int, seed: int
) -> None:
    # Black and white in the same fog: their difference is the transmission.
    black, white = (light(flat(value), "foggy", severity, seed) for value in (0, 255))
    transmission = white - black
    assert transmission.min() > 0
    assert transmission.max() < 1
    assert np.ptp(transmission) > 0.1
    assert np.ptp(transmission, axis=2).max() < 0.02
    # It varies smoothly.
    assert np.abs(np.diff(transmission, axis=0)).max() < 0.03
    # What the scene lost, one airlight replaces, bright and nearly grey.
    airlight = black / (1 - transmission)
    assert airlight.std(axis=(0, 1)).max() < 0.02
    mean = airlight.mean(axis=(0, 1))
    assert mean.min() > 0.55
    assert mean.max() < 0.9
    assert mean.max() / mean.min() < 1.1


def test_foggy_lets_less_light_through_at_each_severity() -> None:
    for seed in range(4):
        through = [
            (light(flat(255), "foggy", s, seed) - light(flat(0), "foggy", s, seed)).mean()
            for s in range(1, 6)
        ]
        assert (np.diff(through) < -0.05).all()


def test_foggy_takes_contrast_away(texture: RGBImage) -> None:
    for seed in range(4):
        contrast = [texture.std()]
        contrast += [distorted(texture, "foggy", s, seed).std() for s in range(1, 6)]
        assert (np.diff(contrast) < 0).all()


# --- lowlight -----------------------------------------------------------------------------------


def test_lowlight_darkens_all_light_by_one_share() -> None:
    for seed in range(6):
        share = [
            light(flat(value), "lowlight", 1, seed).mean(axis=(0, 1)) / to_light(flat(value))[0, 0]
            for value in (90, 180, 255)
        ]
        assert np.min(share) > 0.15
        assert np.max(share) < 0.3
        np.testing.assert_allclose(share[1:], [share[0]] * 2, rtol=0.02)


def test_lowlight_has_the_noise_of_counted_photons() -> None:
    for seed in range(6):
        patches = [light(flat(v), "lowlight", 1, seed)[..., 1] for v in (60, 120, 180, 255)]
        signal = np.array([patch.mean() for patch in patches])
        variance = np.array([patch.var() for patch in patches])
        slope, _ = np.polyfit(signal, variance, 1)
        # Variance in proportion to the signal, as of Poisson counts of about 6000 at full well.
        assert slope == pytest.approx(1 / 6000, rel=0.15)
        np.testing.assert_allclose(variance / signal, slope, rtol=0.15)


def test_lowlight_loses_more_of_the_signal_in_noise_at_each_severity() -> None:
    for seed in range(4):
        ratios = []
        for severity in range(1, 6):
            patch = light(flat(200), "lowlight", severity, seed)[..., 1]
            ratios.append(patch.mean() / patch.std())
        assert (np.diff(ratios) < 0).all()


# --- sunny --------------------------------------------------------------------------------------


def grey_ramp() -> RGBImage:
    row = np.linspace(0, 255, 140).astype(np.uint8)
    return np.repeat(np.repeat(row[None, :, None], 100, axis=0), 3, axis=2)


def test_sunny_clips_highlights_and_more_at_each_severity() -> None:
    for seed in range(8):
        clipped = [
            (distorted(grey_ramp(), "sunny", severity, seed) == 255).all(axis=2).mean()
            for severity in range(1, 6)
        ]
        assert (np.diff([(grey_ramp() == 255).all(axis=2).mean(), *clipped]) > 0).all()
        assert clipped[0] > 0.1
        assert clipped[-1] > 0.5


def test_sunny_brightens_everything_and_dark_parts_stay_apart() -> None:
    for seed in range(8):
        result = distorted(grey_ramp(), "sunny", 3, seed)
        assert (result[..., :2] >= grey_ramp()[..., :2]).all()
        assert (result[:, 0] < 255).any()


def test_sunny_has_one_bright_spot_that_fades_with_distance() -> None:
    y, x = np.mgrid[:100, :140]
    places = set()
    for seed in range(8):
        layers = (
            glare_layer((100, 140), np.random.default_rng(seed)).astype(np.float64),
            distorted(flat(40), "sunny", 1, seed)[..., 1],
        )
        for layer in layers:
            tops = np.argwhere(layer >= layer.max())
            top, left = tops.mean(axis=0)
            # All that is brightest lies together.
            assert np.ptp(tops, axis=0).max() < 30
            away = np.hypot(y - top, x - left)
            assert np.corrcoef(away.ravel(), layer.ravel())[0, 1] < -0.7
            near, far = layer[away < 10].mean(), layer[away > away.max() - 20].mean()
            assert near > 1.3 * far
            places.add((round(top / 30), round(left / 30)))
    assert len(places) > 5


def test_sunny_is_warm() -> None:
    for seed in range(8):
        red, green, blue = distorted(flat(40), "sunny", 1, seed).mean(axis=(0, 1))
        assert red > green > blue
