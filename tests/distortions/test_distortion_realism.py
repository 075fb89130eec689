"""What the kinds look like that act on detail: blur, noise, rain, low resolution."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from steadyface.distortions import apply
from steadyface.distortions.blurred import disc_kernel, line_kernel
from steadyface.distortions.rainy import streak_layer
from steadyface.types import RGBImage

Array = NDArray[np.float64]
SEEDS = range(24)


def flat(value: int, height: int = 100, width: int = 140) -> RGBImage:
    return np.full((height, width, 3), value, dtype=np.uint8)


def distorted(image: RGBImage, kind: str, severity: float, seed: int) -> Array:
    return apply(image, kind, severity, np.random.default_rng(seed)).astype(np.float64)


# --- blurred ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spot:
    """How light is spread: its sum, middle, variances along its two axes, and its direction."""

    mass: float
    x: float
    y: float
    short: float
    long: float
    angle: float


def measure(spread: Array) -> Spot:
    y, x = np.mgrid[: spread.shape[0], : spread.shape[1]]
    mass = spread.sum()
    cy, cx = (spread * y).sum() / mass, (spread * x).sum() / mass
    xy = (spread * (x - cx) * (y - cy)).sum()
    moments = np.array([[(spread * (x - cx) ** 2).sum(), xy], [xy, (spread * (y - cy) ** 2).sum()]])
    (short, long), axes = np.linalg.eigh(moments / mass)
    angle = float(np.rad2deg(np.arctan2(axes[1, 1], axes[0, 1])) % 180)
    return Spot(float(mass), float(cx), float(cy), float(short), float(long), angle)


def blurred_spot(severity: float, seed: int, size: int = 250, side: int = 11) -> Spot:
    """What becomes of a small white square in the middle; the square's own spread taken away."""
    image = np.zeros((size, size, 3), dtype=np.uint8)
    start = (size - side) // 2
    image[start : start + side, start : start + side] = 255
    spot = measure(distorted(image, "blurred", severity, seed)[..., 0] / (255 * side**2))
    own = (side**2 - 1) / 12
    middle = start + (side - 1) / 2
    return Spot(
        spot.mass, spot.x - middle, spot.y - middle, spot.short - own, spot.long - own, spot.angle
    )


def variant(spot: Spot) -> str:
    if spot.short < 0.1 * spot.long:
        return "motion"
    # A disc of radius r has the variance r^2/4 on each axis, a gaussian sigma^2.
    return f"round, {spot.long:.0f}"


def test_blurred_keeps_light_where_it_is() -> None:
    for seed in SEEDS:
        spot = blurred_spot(3, seed)
        assert spot.mass == pytest.approx(1, abs=0.02)
        assert abs(spot.x) < 0.15
        assert abs(spot.y) < 0.15


def test_blurred_has_three_variants_and_motion_any_direction() -> None:
    spots = [blurred_spot(3, seed) for seed in SEEDS]
    assert len({variant(spot) for spot in spots}) == 3
    angles = np.array([spot.angle for spot in spots if variant(spot) == "motion"])
    assert {int(angle // 45) for angle in angles} == {0, 1, 2, 3}
    for spot in spots:
        if variant(spot) != "motion":
            assert spot.short == pytest.approx(spot.long, rel=0.02)


def test_blurred_has_lengths_relative_to_the_frame() -> None:
    for seed in SEEDS:
        small, large = blurred_spot(3, seed, 250), blurred_spot(3, seed, 500)
        assert large.long == pytest.approx(4 * small.long, rel=0.1)
        assert blurred_spot(5, seed).long > 1.5 * small.long


@pytest.mark.parametrize("angle", [0, 20, 45, 70, 90, 110, 135, 160])
@pytest.mark.parametrize("length", [7.0, 16.0, 25.0])
def test_blurred_by_motion_has_a_direction_and_a_length(length: float, angle: float) -> None:
    kernel = line_kernel(length, angle).astype(np.float64)
    spot = measure(kernel)
    assert spot.mass == pytest.approx(1, abs=1e-5)
    assert abs((spot.angle - angle + 90) % 180 - 90) < 2
    # An even line of length l has the variance l^2/12.
    assert np.sqrt(12 * spot.long) == pytest.approx(length + 0.7, abs=0.6)
    assert np.sqrt(12 * spot.short) < 2
    assert abs(spot.x - kernel.shape[1] // 2) < 0.15
    assert abs(spot.y - kernel.shape[0] // 2) < 0.15


@pytest.mark.parametrize("radius", [0.02, 1.0, 2.4, 5.5, 9.4])
def test_blurred_out_of_focus_is_an_even_disc(radius: float) -> None:
    kernel = disc_kernel(radius)
    assert float(kernel.sum()) == pytest.approx(1, abs=1e-5)
    for turned in (kernel[::-1], kernel[:, ::-1], kernel.T):
        np.testing.assert_allclose(kernel, turned)
    reach = kernel.shape[0] // 2
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    inside, outside = np.hypot(x, y) <= radius - 0.5, np.hypot(x, y) >= radius + 0.5
    np.testing.assert_allclose(kernel[inside], kernel[reach, reach])
    assert (kernel[outside] == 0).all()


# --- noisy --------------------------------------------------------------------------------------


def noise_of(seed: int, severity: float = 1) -> Array:
    image = flat(64, 120, 160)
    image[:, 80:] = 160
    return distorted(image, "noisy", severity, seed) - image


def noise_variant(noise: Array) -> str:
    """By which of two brightnesses is noisier, and whether most pixels are untouched."""
    if (noise == 0).mean() > 0.5:
        return "salt and pepper"
    ratio = noise[:, 80:].std() / noise[:, :80].std()
    # Brightness differs by 2.5: noise does not, by its root, or by as much.
    expected = {"gaussian": 1.0, "shot": 2.5**0.5, "speckle": 2.5}
    matching = [name for name, value in expected.items() if abs(ratio / value - 1) < 0.05]
    assert len(matching) == 1, ratio
    return matching[0]


def test_noisy_has_four_variants() -> None:
    variants = {noise_variant(noise_of(seed)) for seed in SEEDS}
    assert variants == {"gaussian", "shot", "speckle", "salt and pepper"}


def test_noisy_is_coloured_or_grey() -> None:
    coloured: dict[str, set[bool]] = {}
    for seed in range(48):
        noise = noise_of(seed)
        has_colour = bool(np.ptp(noise, axis=2).max() > 0)
        coloured.setdefault(noise_variant(noise), set()).add(has_colour)
    for name in ("gaussian", "shot", "speckle"):
        assert coloured[name] == {False, True}


def test_noisy_leaves_brightness_alone_and_pixels_independent() -> None:
    for seed in SEEDS:
        noise = noise_of(seed)[:, :80, 0]
        spread = noise.std()
        assert abs(noise.mean()) < 0.1 * spread
        for moved in (noise[1:] * noise[:-1], noise[:, 1:] * noise[:, :-1]):
            assert abs(moved.mean()) < 0.05 * spread**2


def test_noisy_salt_and_pepper_spoils_a_share_to_black_and_white() -> None:
    seed = next(s for s in SEEDS if noise_variant(noise_of(s)) == "salt and pepper")
    shares = []
    for severity in range(1, 6):
        result = distorted(flat(100, 200, 200), "noisy", severity, seed)
        assert set(np.unique(result)) == {0, 100, 255}
        black, white = (result == 0).mean(), (result == 255).mean()
        assert black == pytest.approx(white, rel=0.3)
        shares.append(black + white)
    np.testing.assert_allclose(shares, [0.014, 0.045, 0.085, 0.13, 0.18], rtol=0.15)


# --- rainy --------------------------------------------------------------------------------------


def slant_of(layer: Array) -> tuple[float, float]:
    """The direction of the structure tensor's lesser axis, in degrees, and its coherence, 0..1."""
    smooth = cv2.GaussianBlur(layer, (0, 0), 1.0)
    down, right = np.gradient(np.asarray(smooth, dtype=np.float64))
    xx, yy, xy = (right**2).sum(), (down**2).sum(), (right * down).sum()
    angle = np.rad2deg(np.arctan2(2 * xy, xx - yy) / 2) + 90
    return float(angle % 180), float(np.hypot(xx - yy, 2 * xy) / (xx + yy))


@pytest.mark.parametrize("severity", [1, 3, 5])
@pytest.mark.parametrize("slant", [60.0, 75.0, 90.0, 105.0, 120.0])
def test_rainy_streaks_have_the_slant_that_was_asked_for(severity: float, slant: float) -> None:
    layer = streak_layer((250, 300), severity, slant, np.random.default_rng(1)).astype(np.float64)
    assert layer.shape == (250, 300)
    assert layer.min() >= 0
    assert layer.max() <= 1
    measured, coherence = slant_of(layer)
    assert measured == pytest.approx(slant, abs=6)
    assert coherence > 0.6


def test_rainy_pictures_have_one_slant_each_and_not_always_the_same() -> None:
    slants = []
    for seed in range(12):
        picture = distorted(flat(90, 250, 250), "rainy", 3, seed)[..., 0]
        whole, coherence = slant_of(picture)
        assert coherence > 0.7
        assert 54 < whole < 126
        for part in (picture[:125, :125], picture[:125, 125:], picture[125:, :125]):
            assert slant_of(part)[0] == pytest.approx(whole, abs=3)
        slants.append(whole)
    assert max(slants) - min(slants) > 30


def test_rainy_covers_more_at_each_severity() -> None:
    for seed in range(4):
        covers = [
            streak_layer((200, 200), severity, 80, np.random.default_rng(seed)).mean()
            for severity in range(1, 6)
        ]
        assert (np.diff(covers) > 0).all()


def test_rainy_drops_brighten_what_is_behind_them_without_colour() -> None:
    for seed in range(4):
        picture = distorted(flat(60, 250, 250), "rainy", 3, seed)
        # The veil of far drops is everywhere, the near ones are bright and few.
        assert picture.min() == pytest.approx(60 * 0.85 + 150 * 0.15, abs=1)
        assert picture.max() > picture.min() + 80
        assert np.median(picture) < picture.min() + 20
        assert np.ptp(picture, axis=2).max() == 0


# --- resized ------------------------------------------------------------------------------------


def detail(image: Array, finest: float) -> float:
    """The energy in waves of at least `finest` of the highest frequency that pixels can hold."""
    grey = image.mean(axis=2)
    energy = np.abs(np.fft.fft2(grey - grey.mean())) ** 2
    down = np.abs(np.fft.fftfreq(grey.shape[0]))[:, None]
    right = np.abs(np.fft.fftfreq(grey.shape[1]))[None, :]
    return float(energy[np.maximum(down, right) > finest / 2].sum())


def test_resized_loses_high_frequencies_and_keeps_low_ones() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (128, 160, 3), dtype=np.uint8)
    whole = noise.astype(np.float64)
    left = [
        detail(distorted(noise, "resized", 1, seed), 0.5) / detail(whole, 0.5) for seed in SEEDS
    ]
    assert max(left) < 0.2
    assert float(np.median(left)) < 0.01
    coarse = cv2.resize(noise[:6, :8], (160, 128), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    for seed in SEEDS:
        result = distorted(coarse, "resized", 2, seed)
        assert np.corrcoef(result.ravel(), coarse.ravel())[0, 1] > 0.95


def test_resized_loses_more_at_each_severity() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (128, 160, 3), dtype=np.uint8)
    left = [
        np.median([detail(distorted(noise, "resized", severity, seed), 0.1) for seed in SEEDS])
        for severity in range(1, 6)
    ]
    assert (np.diff(left) < 0).all()


def test_resized_neither_moves_nor_swaps_colours() -> None:
    image = flat(40, 120, 160)
    image[:60, :80] = (230, 60, 90)
    for seed in SEEDS:
        result = distorted(image, "resized", 3, seed)
        np.testing.assert_allclose(result[20:40, 20:60].mean(axis=(0, 1)), (230, 60, 90), atol=8)
        np.testing.assert_allclose(result[80:, 100:].mean(axis=(0, 1)), (40, 40, 40), atol=5)
