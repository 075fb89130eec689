from __future__ import annotations

import json

import numpy as np
import pytest

from steadyface.matching.calibration import load_calibration, parse_calibration
from steadyface.models.catalog import load_catalog
from steadyface.training.calibrate import RATES
from steadyface.training.features import Embedded
from steadyface.training.fingerprint import fingerprint
from steadyface.training.fit_calibration import TEMPLATE_SIZES, Blind, Embeddings, calibrate
from steadyface.types import FloatArray

PEOPLE, IMAGES = 60, 6
NETWORKS = [entry.id for entry in load_catalog().models if entry.role == "face-network"]


def unit(rows: FloatArray) -> FloatArray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def seen() -> Embeddings:
    """People in 16 dimensions; the assumed crops are near to one another."""
    rng = np.random.default_rng(0)
    identities = np.repeat(np.arange(PEOPLE), IMAGES)
    centres = rng.standard_normal((PEOPLE, 16))[identities]

    def noisy(noise: float, pull: float, count: int) -> Embedded:
        rows = centres + noise * rng.standard_normal(centres.shape) + pull
        usable = rng.random(count) > 0.1
        return Embedded(unit(rows.astype(np.float32))[:count], usable, np.ones(count, np.float32))

    n = len(identities)
    clean = noisy(0.5, 0.0, n)
    located = (clean, noisy(1.0, 0.0, n))
    kinds = np.array(["foggy", "noisy"])[np.arange(n) % 2]
    assumed = (noisy(1.0, 0.5, 90), noisy(1.0, 0.5, 90))
    return Embeddings(identities, kinds, clean, located, assumed)


def test_every_template_size_holds_its_rate_on_the_comparisons_it_is_for() -> None:
    some = seen()
    made = calibrate(some, "m", "d")
    calibration = parse_calibration(json.dumps(made), "made")
    for size, counts in zip(TEMPLATE_SIZES, made["made"]["counts"]["located"], strict=True):
        rule = calibration.rule(0.01)
        threshold = rule.threshold_for(size)
        usable = some.clean.usable
        scores: list[float] = []
        for person in range(PEOPLE):
            rows = np.flatnonzero((some.identities == person) & usable)
            if size == 1 or len(rows) < size:
                continue
            chosen = np.random.default_rng(size).permutation(len(rows))  # as many, not the same
            mean = some.clean.vectors[rows[chosen[:size]]].mean(axis=0)
            for probes in some.located:
                others = (some.identities != person) & probes.usable
                scores += list(probes.vectors[others] @ (mean / np.linalg.norm(mean)))
        assert counts["non_mated"] > 1000
        if scores:
            assert float((np.array(scores) >= threshold).mean()) == pytest.approx(0.01, abs=0.004)


def test_thresholds_of_other_comparisons_are_others() -> None:
    rule = parse_calibration(json.dumps(calibrate(seen(), "m", "d")), "made").rule(0.01)
    assert len({*rule.by_references, *rule.assumed}) == 2 * len(TEMPLATE_SIZES)
    assert rule.threshold == rule.by_references[0]


def test_a_blind_detector_finds_nothing() -> None:
    assert Blind().find(np.zeros((5, 5, 3), dtype=np.uint8)) == []


def test_a_cache_is_named_by_what_was_run() -> None:
    assert fingerprint(["a", "b"]) == fingerprint(["a", "b"]) != fingerprint(["b", "a"])
    assert len(fingerprint([])) == 12


@pytest.mark.parametrize("network", NETWORKS)
def test_packaged_calibration_says_how_it_was_made_and_supports_the_rates_promised(
    network: str,
) -> None:
    calibration = load_calibration(network)
    assert calibration.model_id == network
    made = calibration.made
    assert "CelebA" in made["data"]
    assert "no image of LFW" in made["data"]
    assert load_catalog().model(made["detector"]).role == "detector"
    assert made["command"] == (
        f"python -m steadyface.training.fit_calibration --data DATA --model {network} "
        f"--detector {made['detector']}"
    )
    assert made["counts"]["located"][0]["non_mated"] > 1e7
    assert made["identities"] > 1000
    for curves in (calibration.located, calibration.assumed):
        assert len(curves) == len(TEMPLATE_SIZES)
        for curve in curves:
            assert [rate for rate, _ in curve] == list(RATES)
            thresholds = [threshold for _, threshold in curve]
            assert thresholds == sorted(thresholds)
            assert 0 < thresholds[0] < thresholds[-1] < 1
    if network == load_catalog().default("face-network").id:
        assert 0.3 < calibration.rule().pull < 1
        assert calibration.probability is not None
