from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from steadyface.errors import CalibrationError, GalleryModelError, UsageError
from steadyface.matching.calibration import (
    SCHEMA,
    DecisionRule,
    expected_fpir,
    fmr_for_fpir,
    load_calibration,
    parse_calibration,
    rule_for,
)
from steadyface.matching.decide import compare, decide, match
from steadyface.matching.scores import TemplateScore, ready
from steadyface.models.catalog import load_catalog
from steadyface.types import Embedding, FloatArray, Templates


def unit(*values: float) -> FloatArray:
    vector = np.array(values, dtype=np.float32)
    return vector / np.linalg.norm(vector)


def embedding(*values: float, model: str = "m") -> Embedding:
    return Embedding(unit(*values), model)


TEMPLATES = Templates(
    ("Ada", "Bob"),
    np.stack([unit(1, 0), unit(0.6, 0.8), unit(0, 1)]),
    np.array([0, 0, 1]),
    "m",
)
RULE = DecisionRule(0.9, 1e-3, "c")


def test_mean_and_max_template_scores() -> None:
    probe = unit(1, 0)[None, :]
    np.testing.assert_allclose(ready(TEMPLATES, "max").score(probe), [[1.0, 0.0]], atol=1e-6)
    mean = unit(1.6, 0.8)[0]
    np.testing.assert_allclose(ready(TEMPLATES, "mean").score(probe), [[mean, 0]], atol=1e-6)


def test_references_weigh_as_their_quality() -> None:
    poor = replace(TEMPLATES, qualities=np.array([0.5, 1.0, 0.0], dtype=np.float32))
    ada = unit(0.5 * 1 + 0.6, 0.8)[0]
    found = ready(poor, "weighted").score(unit(1, 0)[None, :])
    np.testing.assert_allclose(found, [[ada, 0]], atol=1e-6)
    # Bob's only reference is worth nothing, and still says where he is.
    np.testing.assert_allclose(ready(poor, "weighted").score(unit(0, 1)[None, :])[0, 1], 1.0)
    unknown = ready(TEMPLATES, "weighted").vectors
    np.testing.assert_allclose(unknown, ready(TEMPLATES, "mean").vectors, atol=1e-6)


def test_unknown_template_score() -> None:
    with pytest.raises(
        UsageError, match="template score is 'median': give 'mean', 'weighted' or 'max'"
    ):
        ready(TEMPLATES, "median")  # type: ignore[arg-type]


def test_owners_need_not_be_in_order() -> None:
    mixed = Templates(
        ("Ada", "Bob"),
        np.stack([unit(0, 1), unit(1, 0), unit(0.6, 0.8)]),
        np.array([1, 0, 0]),
        "m",
    )
    probe = unit(0.3, 0.7)[None, :]
    hows: tuple[TemplateScore, ...] = ("mean", "weighted", "max")
    for how in hows:
        np.testing.assert_allclose(
            ready(mixed, how).score(probe),
            ready(TEMPLATES, how).score(probe),
            atol=1e-6,
        )


def test_compare_is_inclusive_at_the_threshold() -> None:
    a = embedding(1, 0)
    same = compare(a, a, DecisionRule(1.0))
    assert (same.label, same.similarity, same.fmr) == (1, 1.0, None)
    assert compare(a, embedding(0, 1), DecisionRule(0.1)).label == 0


def test_a_threshold_of_zero_is_a_threshold() -> None:
    rule = rule_for("sface-base", threshold=0.0)
    assert replace(rule, probability=None) == DecisionRule(0.0, None, None)


def test_compare_refuses_two_models() -> None:
    with pytest.raises(GalleryModelError, match="embeddings of 'm' and 'n' do not compare"):
        compare(embedding(1, 0), embedding(1, 0, model="n"), RULE)


def test_match_names_the_identity() -> None:
    found = match(embedding(0.1, 1), ready(TEMPLATES), RULE)
    assert (found.label, found.identity, found.fmr, found.calibration) == (1, "Bob", 1e-3, "c")
    assert [c.identity for c in found.candidates] == ["Bob", "Ada"]
    assert found.similarity == found.candidates[0].similarity


def test_match_says_none_and_still_gives_candidates() -> None:
    found = match(embedding(1, -1), ready(TEMPLATES), RULE, top=1)
    assert (found.label, found.identity) == (0, None)
    assert [c.identity for c in found.candidates] == ["Ada"]


def test_match_against_an_empty_gallery() -> None:
    empty = Templates((), np.zeros((0, 2), dtype=np.float32), np.zeros(0, dtype=np.int64), "m")
    found = match(embedding(1, 0), ready(empty), RULE)
    assert (found.label, found.similarity, found.candidates) == (0, None, ())


def test_match_refuses_another_model_and_a_senseless_top() -> None:
    with pytest.raises(GalleryModelError, match="embedded by 'n' and the gallery by 'm'"):
        match(embedding(1, 0, model="n"), ready(TEMPLATES), RULE)
    with pytest.raises(UsageError, match="top is 0: give 1 or more"):
        match(embedding(1, 0), ready(TEMPLATES), RULE, top=0)


def points(*thresholds: float) -> list[dict[str, float]]:
    """Thresholds at 1e-2, 1e-3 and 1e-4."""
    return [{"fmr": 10.0**-i, "threshold": t} for i, t in enumerate(thresholds, start=2)]


def calibration_text(**changes: object) -> str:
    data = {
        "schema": SCHEMA,
        "id": "c1",
        "model_id": "m",
        "made": {},
        "located": [points(0.2, 0.3, 0.5), points(0.25, 0.35, 0.6)],
        "assumed": [points(0.4, 0.5, 0.7), points(0.45, 0.55, 0.8)],
        "pull": [{"fmr": 1e-1, "pull": 0.4}, {"fmr": 1e-5, "pull": 0.8}],
        "probability": None,
    }
    return json.dumps(data | changes)


def test_rules_at_measured_rates_and_between() -> None:
    calibration = parse_calibration(calibration_text(), "test.json")
    rule = calibration.rule(1e-3)
    assert rule.pull == pytest.approx(0.6)
    assert replace(rule, pull=0) == DecisionRule(0.3, 1e-3, "c1", (0.3, 0.35), (0.5, 0.55), 0)
    assert calibration.rule(1e-2).threshold == 0.2
    assert calibration.rule(1e-4).threshold == 0.5
    between = calibration.rule(10**-3.5)
    assert between.threshold == pytest.approx(0.4)
    assert between.by_references == pytest.approx((0.4, 0.475))
    assert between.assumed == pytest.approx((0.6, 0.675))


def test_a_rule_has_the_interval_of_its_threshold() -> None:
    measured = [
        point | {"low": point["threshold"] - 0.01 * n, "high": point["threshold"] + 0.02 * n}
        for n, point in enumerate(points(0.2, 0.3, 0.5), start=1)
    ]
    text = calibration_text(located=[measured, points(0.25, 0.35, 0.6)])
    calibration = parse_calibration(text, "test.json")
    assert calibration.rule(1e-3).interval == pytest.approx((0.28, 0.34))
    assert calibration.rule(10**-3.5).interval == pytest.approx((0.375, 0.45))
    assert calibration.rates == (1e-4, 1e-2)
    assert parse_calibration(calibration_text(), "test.json").rule(1e-3).interval is None


def test_a_threshold_goes_with_the_references_and_with_whether_the_face_was_found() -> None:
    rule = parse_calibration(calibration_text(), "test.json").rule(1e-3)
    counts = np.array([0, 1, 2, 7])
    np.testing.assert_allclose(rule.thresholds(counts), [0.3, 0.3, 0.35, 0.35])
    np.testing.assert_allclose(rule.thresholds(counts, located=False), [0.5, 0.5, 0.55, 0.55])
    by_hand = DecisionRule(0.4)
    np.testing.assert_allclose(by_hand.thresholds(counts, located=False), [0.4] * 4)
    assert rule.threshold_for(2) == 0.35


def test_candidates_are_ranked_by_how_far_they_are_above_their_own_threshold() -> None:
    rule = DecisionRule(0.5, 1e-3, "c", (0.5, 0.7), (0.95,))
    scores = np.array([0.66, 0.6], dtype=np.float32)
    found = decide(scores, ("two", "one"), np.array([2, 1]), rule)
    assert (found.label, found.identity, found.threshold) == (1, "one", 0.5)
    assert [(c.identity, c.threshold) for c in found.candidates] == [("one", 0.5), ("two", 0.7)]
    assert found.expected_fpir == pytest.approx(1 - 0.999**2)
    assumed = decide(scores, ("two", "one"), np.array([2, 1]), rule, located=False)
    assert (assumed.label, assumed.identity, assumed.threshold) == (0, None, 0.95)


def test_match_knows_how_many_references_an_identity_has() -> None:
    rule = DecisionRule(0.5, 1e-3, "c", (0.5, 0.97), (0.99,))
    probe = embedding(1, 0.1)  # cosine 0.93 to the mean of Ada's two
    assert match(probe, ready(TEMPLATES), DecisionRule(0.5)).identity == "Ada"
    found = match(probe, ready(TEMPLATES), rule)
    assert (found.label, {c.identity: c.threshold for c in found.candidates}) == (
        0,
        {"Ada": 0.97, "Bob": 0.5},
    )


def test_compare_asks_more_of_an_assumed_crop() -> None:
    rule = DecisionRule(0.5, 1e-3, "c", (0.5,), (0.99,))
    pair = embedding(1, 0), embedding(1, 0.5)
    assert compare(*pair, rule).label == 1
    unsure = compare(*pair, rule, located=False)
    assert (unsure.label, unsure.threshold) == (0, 0.99)


@pytest.mark.parametrize(("fpir", "identities"), [(0.01, 1), (0.01, 1000), (0.3, 7)])
def test_rates_of_comparisons_and_of_searches_turn_into_each_other(
    fpir: float, identities: int
) -> None:
    fmr = fmr_for_fpir(fpir, identities)
    assert 1 - (1 - fmr) ** identities == pytest.approx(fpir)
    assert expected_fpir(fmr, identities) == pytest.approx(fpir)


def test_a_rate_of_searches_that_cannot_be_aimed_at() -> None:
    with pytest.raises(CalibrationError) as caught:
        fmr_for_fpir(0.01, 0)
    assert str(caught.value) == ("the gallery is empty, so no FPIR can be aimed at; enrol people")
    for rate in (0, 1, -0.1, float("nan")):
        with pytest.raises(CalibrationError, match="is no rate: give a fraction between 0 and 1"):
            fmr_for_fpir(rate, 5)


@pytest.mark.parametrize("fmr", [0.5, 1e-6, 0.0, float("nan")])
def test_rates_that_the_data_cannot_support(fmr: float) -> None:
    calibration = parse_calibration(calibration_text(), "test.json")
    with pytest.raises(CalibrationError, match=r"supports FMR 0\.0001 to 0\.01, not"):
        calibration.rule(fmr)


def test_a_rate_has_to_be_supported_for_every_template() -> None:
    text = calibration_text(assumed=[points(0.4, 0.5, 0.7), points(0.45, 0.55)])
    calibration = parse_calibration(text, "test.json")
    assert calibration.rule(1e-3).assumed == (0.5, 0.55)
    with pytest.raises(CalibrationError, match=r"supports FMR 0\.001 to 0\.01, not 0\.0001"):
        calibration.rule(1e-4)


FALLING = "needs two or more thresholds, FMR falling"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 1}, f"test.json: schema 1 is not {SCHEMA}, which this version reads"),
        ({"located": []}, f"test.json: located {FALLING}"),
        ({"assumed": [points(0.4)]}, f"test.json: assumed {FALLING}"),
        ({"located": [points(0.4, 0.5)[::-1]]}, f"test.json: located {FALLING}"),
    ],
)
def test_malformed_calibration(changes: dict[str, object], message: str) -> None:
    with pytest.raises(CalibrationError) as caught:
        parse_calibration(calibration_text(**changes), "test.json")
    assert str(caught.value) == message


def test_calibration_that_is_no_json() -> None:
    with pytest.raises(CalibrationError, match=r"test\.json: not calibration data"):
        parse_calibration("{", "test.json")


def test_every_face_network_has_a_calibration_for_itself() -> None:
    networks = [m for m in load_catalog().models if m.role == "face-network"]
    assert networks
    for entry in networks:
        calibration = load_calibration(entry.id)
        assert calibration.model_id == entry.id
        assert 0 < calibration.rule(1e-3).threshold < 1


def test_no_calibration_for_a_stranger() -> None:
    with pytest.raises(CalibrationError, match="no calibration is packaged for model 'x'"):
        load_calibration("x")


def test_rate_and_threshold_exclude_each_other() -> None:
    with pytest.raises(CalibrationError, match="give one of a target FMR, a threshold and a rule"):
        rule_for("sface-base", fmr=1e-3, threshold=0.4)
    with pytest.raises(CalibrationError, match="threshold 3 is no cosine similarity"):
        rule_for("sface-base", threshold=3)


def test_a_number_is_no_rule() -> None:
    with pytest.raises(CalibrationError) as caught:
        rule_for("sface-base", rule=0.4)  # type: ignore[arg-type]
    assert str(caught.value) == (
        "rule is 0.4, no DecisionRule; give a number as fmr= or threshold="
    )
    ready_made = DecisionRule(0.4)
    assert rule_for("sface-base", rule=ready_made) is ready_made


def test_packaged_thresholds_rise_with_the_references() -> None:
    for entry in load_catalog().models:
        if entry.role == "face-network":
            rule = load_calibration(entry.id).rule(1e-3)
            for thresholds in (rule.by_references, rule.assumed):
                assert len(thresholds) == 4
                assert list(thresholds) == sorted(thresholds)
