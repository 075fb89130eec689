from __future__ import annotations

import json

import numpy as np
import pytest

from steadyface.errors import CalibrationError, GalleryModelError, UsageError
from steadyface.matching.calibration import (
    DecisionRule,
    load_calibration,
    parse_calibration,
    rule_for,
)
from steadyface.matching.decide import compare, match
from steadyface.matching.scores import TemplateScore, template_scores
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
    np.testing.assert_allclose(template_scores(probe, TEMPLATES, "max"), [[1.0, 0.0]], atol=1e-6)
    mean = unit(1.6, 0.8)[0]
    np.testing.assert_allclose(template_scores(probe, TEMPLATES, "mean"), [[mean, 0]], atol=1e-6)


def test_unknown_template_score() -> None:
    with pytest.raises(UsageError, match="template score is 'median': give 'mean' or 'max'"):
        template_scores(unit(1, 0)[None, :], TEMPLATES, "median")  # type: ignore[arg-type]


def test_owners_need_not_be_in_order() -> None:
    mixed = Templates(
        ("Ada", "Bob"),
        np.stack([unit(0, 1), unit(1, 0), unit(0.6, 0.8)]),
        np.array([1, 0, 0]),
        "m",
    )
    probe = unit(0.3, 0.7)[None, :]
    hows: tuple[TemplateScore, ...] = ("mean", "max")
    for how in hows:
        np.testing.assert_allclose(
            template_scores(probe, mixed, how),
            template_scores(probe, TEMPLATES, how),
            atol=1e-6,
        )


def test_compare_is_inclusive_at_the_threshold() -> None:
    a = embedding(1, 0)
    same = compare(a, a, DecisionRule(1.0))
    assert (same.label, same.similarity, same.fmr) == (1, 1.0, None)
    assert compare(a, embedding(0, 1), DecisionRule(0.1)).label == 0


def test_a_threshold_of_zero_is_a_threshold() -> None:
    rule = rule_for("sface-base", threshold=0.0)
    assert rule == DecisionRule(0.0, None, None)


def test_compare_refuses_two_models() -> None:
    with pytest.raises(GalleryModelError, match="embeddings of 'm' and 'n' do not compare"):
        compare(embedding(1, 0), embedding(1, 0, model="n"), RULE)


def test_match_names_the_identity() -> None:
    found = match(embedding(0.1, 1), TEMPLATES, RULE)
    assert (found.label, found.identity, found.fmr, found.calibration) == (1, "Bob", 1e-3, "c")
    assert [c.identity for c in found.candidates] == ["Bob", "Ada"]
    assert found.similarity == found.candidates[0].similarity


def test_match_says_none_and_still_gives_candidates() -> None:
    found = match(embedding(1, -1), TEMPLATES, RULE, top=1)
    assert (found.label, found.identity) == (0, None)
    assert [c.identity for c in found.candidates] == ["Ada"]


def test_match_against_an_empty_gallery() -> None:
    empty = Templates((), np.zeros((0, 2), dtype=np.float32), np.zeros(0, dtype=np.int64), "m")
    found = match(embedding(1, 0), empty, RULE)
    assert (found.label, found.similarity, found.candidates) == (0, None, ())


def test_match_refuses_another_model_and_a_senseless_top() -> None:
    with pytest.raises(GalleryModelError, match="embedded by 'n' and the gallery by 'm'"):
        match(embedding(1, 0, model="n"), TEMPLATES, RULE)
    with pytest.raises(UsageError, match="top is 0: give 1 or more"):
        match(embedding(1, 0), TEMPLATES, RULE, top=0)


def calibration_text(**changes: object) -> str:
    data = {
        "schema": 1,
        "id": "c1",
        "model_id": "m",
        "made": {},
        "thresholds": [
            {"fmr": 1e-2, "threshold": 0.2},
            {"fmr": 1e-3, "threshold": 0.3},
            {"fmr": 1e-4, "threshold": 0.5},
        ],
    }
    return json.dumps(data | changes)


def test_rules_at_measured_rates_and_between() -> None:
    calibration = parse_calibration(calibration_text(), "test.json")
    assert calibration.rule(1e-3) == DecisionRule(0.3, 1e-3, "c1")
    assert calibration.rule(1e-2).threshold == 0.2
    assert calibration.rule(1e-4).threshold == 0.5
    assert calibration.rule(10**-3.5).threshold == pytest.approx(0.4)


@pytest.mark.parametrize("fmr", [0.5, 1e-6, 0.0, float("nan")])
def test_rates_that_the_data_cannot_support(fmr: float) -> None:
    calibration = parse_calibration(calibration_text(), "test.json")
    with pytest.raises(CalibrationError, match=r"supports FMR 0\.0001 to 0\.01, not"):
        calibration.rule(fmr)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 2}, "test.json: schema 2 is not 1, which this version reads"),
        ({"thresholds": []}, "test.json: needs two or more thresholds, FMR falling"),
        (
            {"thresholds": [{"fmr": 1e-4, "threshold": 1}, {"fmr": 1e-2, "threshold": 0}]},
            "test.json: needs two or more thresholds, FMR falling",
        ),
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
    with pytest.raises(CalibrationError, match="give a target FMR or a threshold, not both"):
        rule_for("sface-base", fmr=1e-3, threshold=0.4)
    with pytest.raises(CalibrationError, match="threshold 3 is no cosine similarity"):
        rule_for("sface-base", threshold=3)
