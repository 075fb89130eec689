from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyface.matching.calibration import SCHEMA, parse_calibration
from steadyface.matching.probability import ProbabilityModel
from steadyface.metrics import prior_weights, reliability
from steadyface.training.calibrate import (
    PULL_RATES,
    RATES,
    fit_probability,
    fit_pull,
    fit_thresholds,
    pull_at,
)
from steadyface.training.comparisons import Comparisons, joined
from steadyface.types import FloatArray


def scores(n: int, centre: float, seed: int) -> FloatArray:
    return np.random.default_rng(seed).normal(centre, 0.15, n).astype(np.float32)


def good(values: FloatArray) -> Comparisons:
    """Of perfect images."""
    return Comparisons(values, np.zeros_like(values), np.zeros_like(values))


def attracting(n: int, pull: float, seed: int) -> Comparisons:
    """Strangers whose scores rise by `pull` times the product of unreliabilities."""
    rng = np.random.default_rng(seed)
    a, b = (rng.random(n).astype(np.float32) * 0.7 for _ in range(2))
    return Comparisons(scores(n, 0.1, seed) + np.float32(pull) * a * b, a, b)


# --- thresholds -----------------------------------------------------------------------------------


@given(st.integers(0, 10_000), st.integers(200, 3000), st.sampled_from([0.1, 0.05, 0.01]))
def test_stored_threshold_holds_its_rate_and_is_hardly_stricter_than_need_be(
    seed: int, n: int, rate: float
) -> None:
    mated, non_mated = scores(100, 0.6, seed), scores(n, 0.1, seed + 1)
    (point,) = fit_thresholds(good(mated), good(non_mated), [], (rate,))
    threshold = point["threshold"]
    assert (non_mated.astype(float) >= threshold).mean() <= rate
    assert ((non_mated.astype(float) >= threshold - 2e-6).sum() + 1) / n > rate
    assert threshold == round(threshold, 6)
    assert point["tar"] == pytest.approx((mated.astype(float) >= threshold).mean(), abs=1e-5)
    assert point["fmr"] == rate


def test_thresholds_by_hand() -> None:
    non_mated = np.array([0.0, 0.1, 0.25, 0.5], dtype=np.float32)
    mated = np.array([0.2, 0.26, 0.6, 0.7], dtype=np.float32)
    assert fit_thresholds(good(mated), good(non_mated), [], (0.5, 0.25)) == [
        {"fmr": 0.5, "threshold": 0.100001, "tar": 1.0},
        {"fmr": 0.25, "threshold": 0.250001, "tar": 0.75},
    ]


def test_rounding_never_lets_a_score_in() -> None:
    # The threshold is one step of float32 above 0.1234561, which plain rounding would undercut.
    non_mated = np.array([0.1234561] * 9 + [0.5], dtype=np.float32)
    mated = np.array([0.9], dtype=np.float32)
    (point,) = fit_thresholds(good(mated), good(non_mated), [], (0.1,))
    assert point["threshold"] == 0.123457


def test_rates_that_too_few_scores_support_are_left_out() -> None:
    points = fit_thresholds(good(scores(100, 0.6, 0)), good(scores(1000, 0.1, 1)), [])
    assert [point["fmr"] for point in points] == [rate for rate in RATES if rate >= 1 / 1000]


def test_rates_are_five_a_decade_from_a_tenth_to_a_hundred_thousandth() -> None:
    assert (RATES[0], RATES[5], RATES[-1]) == (0.1, 0.01, 1e-5)
    assert len(RATES) == 21
    steps = np.diff(np.log10(RATES))
    np.testing.assert_allclose(steps, -0.2, atol=0.002)


def test_fitted_points_are_what_the_matching_code_reads() -> None:
    non_mated = attracting(20_000, 0.5, 1)
    pull = fit_pull(attracting(400_000, 0.5, 2))
    points = fit_thresholds(good(scores(500, 0.6, 0)), non_mated, pull)
    curves = {"located": [points], "assumed": [points], "pull": pull, "probability": None}
    data = {"schema": SCHEMA, "id": "m/d/1", "model_id": "m", "made": {}} | curves
    calibration = parse_calibration(json.dumps(data), "test")
    thresholds = [threshold for _, threshold in calibration.located[0]]
    assert thresholds == sorted(thresholds)
    rule = calibration.rule(0.01)
    assert rule.threshold == dict(calibration.located[0])[0.01]
    assert rule.pull == pytest.approx(pull_at(pull, 0.01), abs=1e-9)
    risen = rule.thresholds(np.array([1]), unreliable=(non_mated.probes, non_mated.references))
    assert float((non_mated.scores >= risen).mean()) == pytest.approx(0.01, abs=2e-4)


# --- poor images ----------------------------------------------------------------------------------


@pytest.mark.parametrize("pull", [0.0, 0.5])
def test_the_rise_is_found_again(pull: float) -> None:
    fitted = fit_pull(attracting(4_000_000, pull, 0))
    assert [point["fmr"] for point in fitted] == [RATES[0], RATES[-1]]
    for rate in PULL_RATES:
        assert pull_at(fitted, rate) == pytest.approx(pull, abs=0.06)


def test_thresholds_with_the_rise_hold_their_rate_however_poor_the_images_are() -> None:
    non_mated = attracting(1_000_000, 0.5, 3)
    pull = fit_pull(non_mated)
    (point,) = fit_thresholds(good(scores(10, 0.6, 0)), non_mated, pull, (1e-2,))
    product = non_mated.references * non_mated.probes
    matched = non_mated.scores >= point["threshold"] + pull_at(pull, 1e-2) * product
    assert matched.mean() == pytest.approx(1e-2, abs=1e-4)
    for low, high in ((0, 0.05), (0.05, 0.2), (0.2, 1)):
        chosen = (product >= low) & (product < high)
        assert matched[chosen].mean() == pytest.approx(1e-2, rel=0.25)


def test_without_qualities_there_is_no_rise() -> None:
    assert fit_pull(good(scores(100_000, 0.1, 0))) == []
    assert pull_at([], 1e-3) == 0


# --- probability ----------------------------------------------------------------------------------


def test_fitted_probabilities_mean_what_they_say() -> None:
    def comparisons(n: int, mated: bool, seed: int) -> Comparisons:
        rng = np.random.default_rng(seed)
        a, b = (rng.random(n).astype(np.float32) * 0.6 for _ in range(2))
        centre = 0.6 - 0.4 * np.maximum(a, b) if mated else 0.1 + 0.2 * a * b
        return Comparisons((centre + rng.normal(0, 0.1, n)).astype(np.float32), a, b)

    conditions = [(comparisons(4000, True, 0), comparisons(300_000, False, 1))]
    model = ProbabilityModel.of(fit_probability({1: conditions, 2: conditions}, 0))
    mated, non_mated = comparisons(6000, True, 2), comparisons(20_000, False, 3)
    both = joined([mated, non_mated])
    truth = np.arange(len(both)) < len(mated)
    for prior in (0.5, 0.05):
        chances = model(both.scores, (both.probes, both.references), prior=prior)
        weights = prior_weights(truth, prior)
        assert reliability(chances, truth, weights=weights).ece < 0.015
    again = ProbabilityModel.of(fit_probability({1: conditions, 2: conditions}, 0))
    assert again == model
