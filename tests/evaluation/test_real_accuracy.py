"""Accuracy on real images, as a guard: bounds a little below what was measured.

The people are only measured on, see the rule in the README of the data.
"""

from __future__ import annotations

from dataclasses import replace
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

TASK_A_ACCURACY = 0.92
TASK_B_LEAST = {
    "rank_1": 0.80,
    "rank_5": 0.86,
    "label_and_identity_accuracy": 0.70,
}
TASK_B_LABEL_ACCURACY = 0.70
TASK_B_TAR_AT_1E_3 = 0.71
TASK_B_MOST_FNIR = 0.40
LFW_ACCURACY = 0.985
FIRST_FOLD = 600


@pytest.fixture(scope="module")
def task_b(data: Path, analyzer: Analyzer) -> dict[str, Any]:
    """The summary of Task B with strangers at the default decision rule."""
    root = data / "facecom_lfw" / "Task_B"
    dataset = read_match_folder(root / "val", root / "unknown")
    return evaluate_match(analyzer, dataset, rule_for(analyzer.model_id)).summary()


def test_distorted_probes_find_their_identity(task_b: dict[str, Any]) -> None:
    overall = task_b["overall"]
    assert (task_b["identities"], overall["known"], overall["unknown"]) == (120, 840, 200)
    assert sorted(task_b["by_kind"]) == sorted(KINDS)
    assert task_b["failures"] == task_b["reference_failures"] == []
    found = {name: overall[name] for name in TASK_B_LEAST}
    assert all(found[name] >= least for name, least in TASK_B_LEAST.items()), found
    assert overall["label"]["accuracy"] >= TASK_B_LABEL_ACCURACY
    assert overall["comparisons"]["tar_at_fmr_1e-03"] >= TASK_B_TAR_AT_1E_3
    assert overall["fnir_at_fpir_1e-02"] <= TASK_B_MOST_FNIR


def test_genders_of_distorted_faces(data: Path, analyzer: Analyzer) -> None:
    images = read_gender_folder(data / "facecom_lfw" / "Task_A" / "val")
    summary = evaluate_gender(analyzer, images).summary()
    assert summary["overall"]["images"] == len(images) > 500
    assert summary["failures"] == []
    assert summary["overall"]["accuracy"] >= TASK_A_ACCURACY


def test_clean_pairs_of_lfw(data: Path, analyzer: Analyzer) -> None:
    first_fold = read_pairs(data / "lfw" / "pairs.txt")[:FIRST_FOLD]
    pairs = [replace(pair, fold=index % 10) for index, pair in enumerate(first_fold)]
    summary = PairsEvaluator(analyzer, pairs, data / "lfw" / "images").evaluate().summary()
    assert (summary["mated"], summary["non_mated"]) == (300, 300)
    assert summary["failures"] == []
    assert summary["accuracy"] >= LFW_ACCURACY
