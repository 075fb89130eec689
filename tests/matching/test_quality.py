from __future__ import annotations

import numpy as np
import pytest

from steadyface.errors import CalibrationError
from steadyface.matching.calibration import DecisionRule, load_calibration
from steadyface.matching.decide import compare, decide, match
from steadyface.matching.probability import FEATURES, ProbabilityModel, features
from steadyface.matching.quality import unreliability
from steadyface.matching.scores import ready
from steadyface.models.catalog import load_catalog
from steadyface.types import Embedding, FloatArray, Templates

#: Log odds 10 s - 5.
SIMPLE = ProbabilityModel.of(dict.fromkeys(FEATURES, 0.0) | {"one": -5.0, "similarity": 10.0})


def unit(*values: float) -> FloatArray:
    vector = np.array(values, dtype=np.float32)
    return vector / np.linalg.norm(vector)


def embedding(*values: float) -> Embedding:
    return Embedding(unit(*values), "m")


# --- what poor images do to thresholds ------------------------------------------------------------


def test_an_unknown_quality_is_trusted() -> None:
    assert unreliability(None) == 0
    assert unreliability(0.3) == pytest.approx(0.7)
    np.testing.assert_allclose(unreliability(np.array([1.0, np.nan, 0.25])), [0, 0, 0.75])


def test_a_threshold_rises_where_both_images_are_poor_and_not_where_one_is() -> None:
    rule = DecisionRule(0.4, 1e-3, "c", (0.4, 0.5), pull=0.6)
    counts = np.array([1, 2])
    np.testing.assert_allclose(rule.thresholds(counts, unreliable=(0.5, [0.5, 0.0])), [0.55, 0.5])
    np.testing.assert_allclose(rule.thresholds(counts, unreliable=(0.0, [0.9, 0.9])), [0.4, 0.5])
    probes = np.array([[0.0], [1.0]])
    np.testing.assert_allclose(
        rule.thresholds(counts, unreliable=(probes, [0.5, 0.5])), [[0.4, 0.5], [0.7, 0.8]]
    )
    by_hand = DecisionRule(0.4)
    np.testing.assert_allclose(by_hand.thresholds(counts, unreliable=(1.0, [1.0, 1.0])), [0.4] * 2)


def test_two_poor_images_have_to_be_more_alike() -> None:
    rule = DecisionRule(0.8, 1e-3, "c", pull=0.5)
    pair = embedding(1, 0), embedding(1, 0.5)  # cosine 0.894
    assert compare(*pair, rule).label == 1
    assert compare(*pair, rule, qualities=(0.2, 0.95)).label == 1
    poor = compare(*pair, rule, qualities=(0.2, 0.3))
    assert poor.label == 0
    assert poor.threshold == pytest.approx(0.8 + 0.5 * 0.8 * 0.7)


def test_a_template_is_as_unreliable_as_its_references_on_average() -> None:
    vectors = np.stack([unit(1, 0), unit(1, 0.1), unit(0, 1), unit(1, 1)])
    qualities = np.array([0.2, 0.6, np.nan, 1.0], dtype=np.float32)
    templates = Templates(("Ada", "Bob", "Eve"), vectors, np.array([0, 0, 1, 2]), "m", qualities)
    np.testing.assert_allclose(ready(templates).unreliable, [0.6, 0, 0], atol=1e-6)
    np.testing.assert_allclose(ready(templates, "max").unreliable, [0.6, 0, 0], atol=1e-6)
    unmeasured = Templates(("Ada",), vectors[:1], np.array([0]), "m")
    assert ready(unmeasured).unreliable.tolist() == [0]
    rule = DecisionRule(0.8, 1e-3, "c", pull=0.5)
    found = match(embedding(1, 0), ready(templates), rule, quality=0.5)
    assert found.label == 1
    thresholds = {c.identity: c.threshold for c in found.candidates}
    assert thresholds == pytest.approx({"Ada": 0.8 + 0.5 * 0.5 * 0.6, "Bob": 0.8, "Eve": 0.8})


# --- probability ----------------------------------------------------------------------------------


def test_probability_is_that_of_the_odds_with_the_prior() -> None:
    assert SIMPLE(0.5, (0, 0)) == pytest.approx(0.5)
    assert SIMPLE(0.5, (0, 0), prior=0.01) == pytest.approx(0.01)
    odds = np.exp(10 * 0.7 - 5) * 0.2 / 0.8
    assert SIMPLE(0.7, (0, 0), prior=0.2) == pytest.approx(odds / (1 + odds))
    assert SIMPLE([[0.1], [0.9]], (0, [0, 0.5])).shape == (2, 2)
    for prior in (0, 1, -0.5, float("nan")):
        with pytest.raises(CalibrationError, match="give a fraction between 0 and 1"):
            SIMPLE(0.5, (0, 0), prior=prior)


def test_features_by_hand() -> None:
    row = dict(zip(FEATURES, features(0.5, (0.2, 0.4), 4), strict=True))
    assert row == pytest.approx(
        {
            "one": 1,
            "similarity": 0.5,
            "similarity squared": 0.25,
            "product": 0.08,
            "sum": 0.6,
            "similarity times sum": 0.3,
            "references": 0.75,
            "similarity times references": 0.375,
        }
    )


def test_weights_that_do_not_fit_are_named() -> None:
    with pytest.raises(CalibrationError, match="do not fit: similarity squared"):
        ProbabilityModel.of({name: 0.0 for name in FEATURES if name != "similarity squared"})
    with pytest.raises(CalibrationError, match="finite numbers"):
        ProbabilityModel.of(dict.fromkeys(FEATURES, float("inf")))


def test_decisions_carry_their_probability() -> None:
    rule = DecisionRule(0.6, 1e-3, "c", probability=SIMPLE, prior=0.3)
    found = compare(embedding(1, 0), embedding(1, 1), rule)
    assert found.probability == pytest.approx(float(SIMPLE(0.5**0.5, (0, 0), prior=0.3)), abs=1e-6)
    assert compare(embedding(1, 0), embedding(1, 1), rule, located=False).probability is None
    assert compare(embedding(1, 0), embedding(1, 1), DecisionRule(0.6)).probability is None
    scores = np.array([0.2, 0.9], dtype=np.float32)
    best = decide(scores, ("Ada", "Bob"), np.array([1, 1]), rule)
    assert best.probability == best.candidates[0].probability
    assert [c.probability for c in best.candidates] == pytest.approx(
        SIMPLE(np.array([0.9, 0.2]), (0, 0), prior=0.3).tolist(), abs=1e-6
    )


def test_the_packaged_probability_rises_with_similarity_whatever_the_images_are_worth() -> None:
    default = load_calibration(load_catalog().default("face-network").id)
    model = default.probability
    assert model is not None
    similarity = np.linspace(-0.1, 1, 200)
    for first in (0.0, 0.1, 0.3, 0.6):
        for second in (0.0, 0.1, 0.3, 0.6):
            for references in (1, 4):
                chances = model(similarity, (first, second), references)
                assert (np.diff(chances) >= 0).all()
                assert chances[0] < 0.35
                assert chances[-1] > 0.99
    # At the default threshold of two good images the same person is far likelier than not.
    assert 0.5 < model(default.rule().threshold, (0.07, 0.07)) < 0.99
