from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyface.matching.calibration import SCHEMA, parse_calibration
from steadyface.training.calibrate import RATES, fit_thresholds, score_pairs, template_pairs
from steadyface.types import FloatArray


def unit_rows(n: int, seed: int) -> FloatArray:
    rows = np.random.default_rng(seed).standard_normal((n, 6)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def scores(n: int, centre: float, seed: int) -> FloatArray:
    return np.random.default_rng(seed).normal(centre, 0.15, n).astype(np.float32)


# --- pairs ----------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=12), st.integers(0, 1000))
def test_pairs_are_those_of_a_double_loop(people: list[str], seed: int) -> None:
    references, probes = unit_rows(len(people), seed), unit_rows(len(people), seed + 1)
    images = np.arange(len(people))
    mated, non_mated = score_pairs(references, probes, np.array(people), images)
    expected: dict[bool, list[float]] = {True: [], False: []}
    for i in range(len(people)):
        for j in range(i + 1, len(people)):
            score = float(np.dot(references[i].astype(float), probes[j].astype(float)))
            expected[people[i] == people[j]].append(score)
    assert mated.dtype == non_mated.dtype == np.float32
    assert mated.tolist() == pytest.approx(expected[True], abs=1e-6)
    assert non_mated.tolist() == pytest.approx(expected[False], abs=1e-6)


def test_an_image_is_never_compared_with_itself() -> None:
    references = unit_rows(5, 0)
    people = np.zeros(5, dtype=int)
    mated, non_mated = score_pairs(references, references, people, np.arange(5))
    assert len(mated) == 10
    assert non_mated.size == 0
    assert mated.max() < 0.999


def test_probes_may_be_of_some_images_alone() -> None:
    people, images = np.array([0, 0, 1, 1, 2]), np.array([1, 4])
    references, probes = unit_rows(5, 0), unit_rows(2, 1)
    mated, non_mated = score_pairs(references, probes, people, images)
    assert mated.tolist() == pytest.approx([float(references[0] @ probes[0])], abs=1e-6)
    expected = [float(references[i] @ probes[1]) for i in range(4)]
    assert non_mated.tolist() == pytest.approx(expected, abs=1e-6)


@given(st.lists(st.sampled_from([0, 1, 2]), min_size=4, max_size=14), st.integers(0, 1000))
def test_templates_are_never_compared_with_what_they_are_made_of(
    people: list[int], seed: int
) -> None:
    identities = np.array(people)
    references, images = unit_rows(len(people), seed), np.arange(len(people))
    mated, non_mated = template_pairs(references, references, identities, images, 2)
    counts = np.bincount(identities, minlength=3)
    having = [int(n) for n in counts if n >= 2]
    assert len(mated) == sum(n - 2 for n in having)
    assert len(non_mated) == sum(len(people) - n for n in having)
    assert np.abs(np.concatenate([mated, non_mated])).max(initial=0) <= 1 + 1e-6


def test_a_template_is_the_normalised_mean_of_its_references() -> None:
    references = np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32)
    mated, non_mated = template_pairs(references, references, np.array([0, 0, 1]), np.arange(3), 2)
    assert mated.size == 0
    assert non_mated.tolist() == pytest.approx([(0.6 + 0.8) / 2**0.5])


# --- thresholds -----------------------------------------------------------------------------------


@given(st.integers(0, 10_000), st.integers(200, 3000), st.sampled_from([0.1, 0.05, 0.01]))
def test_stored_threshold_holds_its_rate_and_is_hardly_stricter_than_need_be(
    seed: int, n: int, rate: float
) -> None:
    mated, non_mated = scores(100, 0.6, seed), scores(n, 0.1, seed + 1)
    (point,) = fit_thresholds(mated, non_mated, (rate,))
    threshold = point["threshold"]
    assert (non_mated.astype(float) >= threshold).mean() <= rate
    assert ((non_mated.astype(float) >= threshold - 2e-6).sum() + 1) / n > rate
    assert threshold == round(threshold, 6)
    assert point["tar"] == pytest.approx((mated.astype(float) >= threshold).mean(), abs=1e-5)
    assert point["fmr"] == rate


def test_thresholds_by_hand() -> None:
    non_mated = np.array([0.0, 0.1, 0.25, 0.5], dtype=np.float32)
    mated = np.array([0.2, 0.26, 0.6, 0.7], dtype=np.float32)
    assert fit_thresholds(mated, non_mated, (0.5, 0.25)) == [
        {"fmr": 0.5, "threshold": 0.100001, "tar": 1.0},
        {"fmr": 0.25, "threshold": 0.250001, "tar": 0.75},
    ]


def test_rounding_never_lets_a_score_in() -> None:
    # The threshold is one step of float32 above 0.1234561, which plain rounding would undercut.
    non_mated = np.array([0.1234561] * 9 + [0.5], dtype=np.float32)
    (point,) = fit_thresholds(np.array([0.9], dtype=np.float32), non_mated, (0.1,))
    assert point["threshold"] == 0.123457


def test_rates_that_too_few_scores_support_are_left_out() -> None:
    points = fit_thresholds(scores(100, 0.6, 0), scores(1000, 0.1, 1))
    assert [point["fmr"] for point in points] == [rate for rate in RATES if rate >= 1 / 1000]


def test_rates_are_five_a_decade_from_a_tenth_to_a_hundred_thousandth() -> None:
    assert (RATES[0], RATES[5], RATES[-1]) == (0.1, 0.01, 1e-5)
    assert len(RATES) == 21
    steps = np.diff(np.log10(RATES))
    np.testing.assert_allclose(steps, -0.2, atol=0.002)


def test_fitted_points_are_what_the_matching_code_reads() -> None:
    points = fit_thresholds(scores(500, 0.6, 0), scores(20_000, 0.1, 1))
    curves = {"located": [points], "assumed": [points]}
    data = {"schema": SCHEMA, "id": "m/d/1", "model_id": "m", "made": {}} | curves
    calibration = parse_calibration(json.dumps(data), "test")
    thresholds = [threshold for _, threshold in calibration.located[0]]
    assert thresholds == sorted(thresholds)
    assert calibration.rule(0.01).threshold == dict(calibration.located[0])[0.01]
