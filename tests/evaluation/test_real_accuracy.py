"""Accuracy on real images, as a guard: bounds a little below what was measured.

The people are only measured on, see the rule in the README of the data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from steadyface.distortions import KINDS
from steadyface.evaluation.gender import evaluate_gender
from steadyface.evaluation.layouts import read_gender_folder, read_match_folder, read_pairs
from steadyface.evaluation.match import evaluate_match
from steadyface.evaluation.pairs import PairsEvaluator
from steadyface.matching.calibration import rule_for
from steadyface.pipeline import Analyzer

pytestmark = [pytest.mark.data, pytest.mark.models, pytest.mark.slow]


@dataclass(frozen=True)
class Guards:
    """What a detector with a face network must reach; `most_fnir` is at an FPIR of 1e-2."""

    detector: str | None
    network: str | None
    gender: float
    rank_1: float
    rank_5: float
    label: float
    label_and_identity: float
    tar: float
    most_fnir: float
    clean_pairs: float


GUARDS = {
    "default": Guards(None, None, 0.965, 0.91, 0.95, 0.86, 0.855, 0.885, 0.165, 0.985),
    "base": Guards("yunet-base", "sface-base", 0.92, 0.80, 0.86, 0.70, 0.70, 0.71, 0.40, 0.985),
}
FIRST_FOLD = 600


@pytest.fixture(scope="module", params=list(GUARDS))
def guards(request: pytest.FixtureRequest) -> Guards:
    return GUARDS[request.param]


@pytest.fixture(scope="module")
def seeing(guards: Guards) -> Analyzer:
    return Analyzer(guards.detector, guards.network)


@pytest.fixture(scope="module")
def task_b(data: Path, seeing: Analyzer) -> dict[str, Any]:
    """The summary of Task B with strangers at the default decision rule."""
    root = data / "facecom_lfw" / "Task_B"
    dataset = read_match_folder(root / "val", root / "unknown")
    return evaluate_match(seeing, dataset, rule_for(seeing.model_id)).summary()


def test_distorted_probes_find_their_identity(task_b: dict[str, Any], guards: Guards) -> None:
    overall = task_b["overall"]
    assert (task_b["identities"], overall["known"], overall["unknown"]) == (120, 840, 200)
    assert sorted(task_b["by_kind"]) == sorted(KINDS)
    assert task_b["failures"] == task_b["reference_failures"] == []
    assert overall["rank_1"] >= guards.rank_1
    assert overall["rank_5"] >= guards.rank_5
    assert overall["label"]["accuracy"] >= guards.label
    assert overall["label_and_identity_accuracy"] >= guards.label_and_identity
    assert overall["comparisons"]["tar_at_fmr_1e-03"] >= guards.tar
    assert overall["fnir_at_fpir_1e-02"] <= guards.most_fnir


def test_genders_of_distorted_faces(data: Path, seeing: Analyzer, guards: Guards) -> None:
    images = read_gender_folder(data / "facecom_lfw" / "Task_A" / "val")
    summary = evaluate_gender(seeing, images).summary()
    assert summary["overall"]["images"] == len(images) > 500
    assert summary["failures"] == []
    assert summary["overall"]["accuracy"] >= guards.gender


def test_clean_pairs_of_lfw(data: Path, seeing: Analyzer, guards: Guards) -> None:
    first_fold = read_pairs(data / "lfw" / "pairs.txt")[:FIRST_FOLD]
    pairs = [replace(pair, fold=index % 10) for index, pair in enumerate(first_fold)]
    summary = PairsEvaluator(seeing, pairs, data / "lfw" / "images").evaluate().summary()
    assert (summary["mated"], summary["non_mated"]) == (300, 300)
    assert summary["failures"] == []
    assert summary["accuracy"] >= guards.clean_pairs
