from __future__ import annotations

from math import cos, radians, sin

import numpy as np
import pytest

from steadyface.errors import GalleryModelError
from steadyface.matching.calibration import DecisionRule, load_calibration, rule_for
from steadyface.matching.lookalikes import LookalikeFinder, screening_rule, with_offered
from steadyface.models.catalog import load_catalog
from steadyface.types import Embedding, Reference, Templates

MODEL = load_catalog().default("face-network").id
RULE = DecisionRule(0.9)


def reference(degrees: float, quality: float | None = None, model: str = "m") -> Reference:
    vector = np.array([cos(radians(degrees)), sin(radians(degrees))], dtype=np.float32)
    return Reference(Embedding(vector, model), f"{degrees:g}.jpg", quality=quality)


def templates(**degrees: list[float]) -> Templates:
    nobody = Templates((), np.empty((0, 0), np.float32), np.empty(0, np.int64), "m")
    each = [(name, reference(d)) for name, several in degrees.items() for d in several]
    return with_offered(nobody, each)


def test_offered_references_are_grouped_and_counted_once() -> None:
    first = templates(Ann=[0, 10], Ben=[90])
    more = with_offered(
        first, [("Ann", reference(10)), ("Ann", reference(20, 0.5)), ("Cy", reference(0))]
    )
    assert more.names == ("Ann", "Ben", "Cy")
    assert more.owners.tolist() == [0, 0, 0, 1, 2]
    assert more.qualities is not None
    np.testing.assert_array_equal(more.qualities, [np.nan, np.nan, 0.5, np.nan, np.nan])
    assert with_offered(first, [("Ben", reference(90))]) is first


def test_references_of_another_model_do_not_mix() -> None:
    with pytest.raises(GalleryModelError, match="'other'"):
        with_offered(templates(Ann=[0]), [("Ann", reference(0, model="other"))])


def test_the_likest_other_identity_is_found() -> None:
    finder = LookalikeFinder(templates(Ann=[0], Ben=[20], Cy=[90]), RULE)
    near, own, far = finder.find("Cy", [reference(15), reference(90), reference(180)])
    assert near is not None
    assert (near.source, near.identity, near.threshold) == ("15.jpg", "Ben", 0.9)
    assert near.similarity == pytest.approx(cos(radians(5)))
    assert own is None and far is None
    stranger, *_ = finder.find("Dee", [reference(90)])
    assert stranger is not None and stranger.identity == "Cy"
    assert finder.find("Cy", []) == []


def test_nobody_looks_like_nobody_else() -> None:
    assert LookalikeFinder(templates(), RULE).find("Ann", [reference(0)]) == [None]
    assert LookalikeFinder(templates(Ann=[0]), RULE).find("Ann", [reference(0)]) == [None]


def test_quality_moves_the_threshold() -> None:
    rule = DecisionRule(0.9, pull=0.5)
    known = with_offered(templates(Ann=[0]), [("Ben", reference(50, quality=0.0))])
    finder = LookalikeFinder(known, rule)
    poor, good = finder.find("Cy", [reference(50, 0.0), reference(50, 1.0)])
    assert poor is None
    assert good is not None and good.identity == "Ben"


def test_the_rate_is_that_of_the_whole_gallery() -> None:
    rule = rule_for(MODEL)
    several = screening_rule(rule, MODEL, 10)
    assert several.fmr == pytest.approx(1e-4, rel=1e-2)
    assert several.threshold > rule.threshold
    lowest, _ = load_calibration(MODEL).rates
    assert screening_rule(rule, MODEL, 10**6).fmr == lowest


def test_a_rule_of_ones_own_is_kept() -> None:
    other = DecisionRule(0.5, 1e-3, "mine/1")
    for rule in (DecisionRule(0.5), other):
        assert screening_rule(rule, MODEL, 10) is rule
    assert screening_rule(rule_for(MODEL), MODEL, 1).fmr == 1e-3
    assert screening_rule(other, "no-such-model", 10) is other
