from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from steadyface.errors import MetricError
from steadyface.metrics import brier, prior_weights, reliability


def test_a_case_worked_by_hand() -> None:
    probability = np.array([0.0, 0.2, 0.5, 0.6, 0.9, 1.0])
    truth = np.array([False, True, False, True, True, True])
    found = reliability(probability, truth, bins=2)
    assert found.edges.tolist() == [0, 0.5, 1]
    assert found.weight.tolist() == pytest.approx([0.5, 0.5])  # 0.5 is in the lower bin
    assert found.foretold.tolist() == pytest.approx([0.7 / 3, 2.5 / 3])
    assert found.observed.tolist() == pytest.approx([1 / 3, 1])
    assert found.ece == pytest.approx(0.5 * (0.3 / 3) + 0.5 * (0.5 / 3))
    assert found.mce == pytest.approx(0.5 / 3)
    expected = (0 + 0.64 + 0.25 + 0.16 + 0.01 + 0) / 6
    assert brier(probability, truth) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_what_scikit_learn_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    probability = rng.beta(0.5, 0.7, 400)
    truth = rng.random(400) < probability**1.4
    found = reliability(probability, truth, bins=10)
    observed, foretold = calibration_curve(truth, probability, n_bins=10)
    held = found.weight > 0
    np.testing.assert_allclose(found.observed[held], observed)
    np.testing.assert_allclose(found.foretold[held], foretold)
    shares, _ = np.histogram(probability, found.edges)
    assert found.ece == pytest.approx((shares[held] / 400 * np.abs(observed - foretold)).sum())
    weights = rng.random(400) + 0.1
    theirs = brier_score_loss(truth, probability, sample_weight=weights)
    assert brier(probability, truth, weights=weights) == pytest.approx(theirs)


def test_weights_stand_for_rows_that_are_there_more_often() -> None:
    rng = np.random.default_rng(0)
    probability, often = rng.random(50), rng.integers(1, 5, 50)
    truth = rng.random(50) < 0.5
    weighed = reliability(probability, truth, weights=often.astype(float))
    repeated = reliability(np.repeat(probability, often), np.repeat(truth, often))
    np.testing.assert_allclose(weighed.weight, repeated.weight)
    assert weighed.ece == pytest.approx(repeated.ece)


def test_a_prior_weighs_both_answers_to_their_shares() -> None:
    truth = np.array([True] * 3 + [False] * 7)
    weights = prior_weights(truth, 0.5)
    assert weights[truth].sum() == pytest.approx(weights[~truth].sum()) == pytest.approx(5)
    assert prior_weights(truth, 0.3).tolist() == pytest.approx([1] * 10)


@pytest.mark.parametrize(
    ("probability", "truth", "message"),
    [
        ([0.5, 1.1], [True, False], "probability: give fractions"),
        ([0.5], [True, False], "truth has 2 entries and probability has 1"),
        ([np.nan], [True], "probability[0] is nan"),
        ([], [], "probability is empty"),
    ],
)
def test_unfit_arrays_are_named(probability: list[float], truth: list[bool], message: str) -> None:
    for metric in (reliability, brier):
        with pytest.raises(MetricError) as caught:
            metric(np.array(probability), np.array(truth, dtype=bool))
        assert str(caught.value).startswith(message)


def test_unfit_weights_priors_and_bins() -> None:
    p, t = np.array([0.2, 0.8]), np.array([False, True])
    with pytest.raises(MetricError, match="weights: give numbers above 0"):
        brier(p, t, weights=np.array([1.0, 0.0]))
    with pytest.raises(MetricError, match="weights has 1 entries"):
        brier(p, t, weights=np.array([1.0]))
    with pytest.raises(MetricError, match="bins is 0"):
        reliability(p, t, bins=0)
    with pytest.raises(MetricError, match="truth has one value only"):
        prior_weights(np.array([True]), 0.5)
    with pytest.raises(MetricError, match="prior is 1"):
        prior_weights(t, 1.0)
