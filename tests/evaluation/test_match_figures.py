"""The figures of Task B on scores handed in, against scikit-learn and SciPy."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from sklearn import metrics as sk

from steadyface.errors import NotAnImageError
from steadyface.evaluation.embedding import Outcome
from steadyface.evaluation.layouts import Probe
from steadyface.evaluation.match_figures import MatchEvaluation
from steadyface.matching.calibration import DecisionRule
from steadyface.types import Box, Embedding, Face

FACE = Face(
    "found",
    Box(0, 0, 1, 1),
    None,
    None,
    None,
    Embedding(np.array([1, 0], dtype=np.float32), "scores"),
    None,
)
KINDS = ("clean", "noisy")


def evaluation_of(
    truth: list[int], scores: Any, threshold: float, kinds: list[str] | None = None
) -> MatchEvaluation:
    """Probes with these true columns (-1 a stranger) and scores, a row of -inf a lost probe."""
    matrix = np.asarray(scores, dtype=np.float32)
    names = tuple(f"person {column}" for column in range(matrix.shape[1]))
    chosen = ["clean"] * len(truth) if kinds is None else kinds
    probes = tuple(
        Probe(Path(f"{row}.jpg"), None if column < 0 else names[column], kind)
        for row, (column, kind) in enumerate(zip(truth, chosen, strict=True))
    )
    outcomes = tuple(
        Outcome(str(probe.path), None, NotAnImageError(str(probe.path), "no"))
        if np.isneginf(row).all()
        else Outcome(str(probe.path), FACE, None)
        for probe, row in zip(probes, matrix, strict=True)
    )
    references = np.ones(len(names), dtype=np.int64)
    rule = DecisionRule(threshold)
    unreliable = np.zeros(len(names))
    return MatchEvaluation(names, probes, outcomes, matrix, references, unreliable, rule, ())


def random_evaluation(seed: int) -> MatchEvaluation:
    """400 probes of ten people and of strangers; a tenth is lost, scores have ties."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(-5, 10, size=400).clip(min=-1)
    scores = rng.normal(0.1, 0.15, size=(400, 10))
    known = truth >= 0
    scores[known, truth[known]] += 0.4
    scores = scores.round(2).clip(-1, 1)
    scores[rng.random(400) < 0.1] = -np.inf
    kinds = [KINDS[i] for i in rng.integers(2, size=400)]
    return evaluation_of(truth.tolist(), scores, 0.305, kinds)


@pytest.mark.parametrize("seed", range(4))
def test_figures_are_those_of_other_libraries(seed: int) -> None:
    evaluation = random_evaluation(seed)
    summary = evaluation.summary()
    check(summary["overall"], evaluation, np.ones(400, dtype=np.bool_))
    for kind in KINDS:
        chosen = np.array([probe.kind == kind for probe in evaluation.probes])
        check(summary["by_kind"][kind], evaluation, chosen)


def check(figures: dict[str, Any], evaluation: MatchEvaluation, chosen: Any) -> None:
    truth, scores = evaluation.truth[chosen], evaluation.scores[chosen].astype(np.float64)
    known, lost = truth >= 0, np.isneginf(scores[:, 0])
    assert 0 < lost.sum() < len(lost)
    best, nearest = scores.max(axis=1), scores.argmax(axis=1)
    said = np.where(lost, -1, np.where(best >= evaluation.rule.threshold, 1, 0))
    check_labels(figures["label"], known.astype(int), said)
    right = np.where(known, (said == 1) & (nearest == truth), said == 0)
    assert figures["label_and_identity_accuracy"] == pytest.approx(right.mean())
    for name, hits in (("fpir", said[~known] == 1), ("fnir", ~right[known])):
        figure = figures["decisions"][name]
        assert figure["value"] == pytest.approx(hits.mean())
        low, high = figure["interval"]
        assert low < figure["value"] < high
    order = np.sort(scores[known], axis=1)[:, ::-1]
    true_scores = scores[known, truth[known]]
    for k in (1, 5):
        # Worse than the k-th best, or equal to the next one: ties count against the true identity.
        hits = ~lost[known] & (true_scores >= order[:, k - 1]) & (true_scores > order[:, k])
        assert figures[f"rank_{k}"] == pytest.approx(hits.mean())
    check_comparisons(figures["comparisons"], scores, truth, lost)


def check_labels(label: dict[str, Any], truth: Any, said: Any) -> None:
    precision, recall, f1, support = sk.precision_recall_fscore_support(
        truth, said, labels=[0, 1], zero_division=np.nan
    )
    for index, name in enumerate("01"):
        assert label["classes"][name] == pytest.approx(
            {
                "precision": precision[index],
                "recall": recall[index],
                "f1": f1[index],
                "support": support[index],
            }
        )
    assert label["accuracy"] == pytest.approx(sk.accuracy_score(truth, said))


def check_comparisons(figures: dict[str, Any], scores: Any, truth: Any, lost: Any) -> None:
    rows = np.flatnonzero(truth >= 0)
    mated = np.where(lost[rows], -1, scores[rows, truth[rows]])
    others = np.ones_like(scores, dtype=np.bool_)
    others[rows, truth[rows]] = False
    non_mated = np.where(lost[:, None], -1, scores)[others]
    assert (figures["mated"], figures["non_mated"]) == (len(mated), len(non_mated))
    y = np.r_[np.ones(len(mated)), np.zeros(len(non_mated))]
    s = np.r_[mated, non_mated]
    assert figures["roc_auc"] == pytest.approx(sk.roc_auc_score(y, s))
    fpr, tpr, _ = sk.roc_curve(y, s, drop_intermediate=False)
    eer = brentq(lambda x: 1 - x - interp1d(fpr, tpr)(x), 0, 1)
    assert figures["eer"] == pytest.approx(eer, abs=1e-9)
    for rate in (1e-2, 1e-3):
        expected = tpr[fpr <= rate].max()
        assert figures[f"tar_at_fmr_{rate:.0e}"] == pytest.approx(expected)


def test_fnir_is_read_at_the_threshold_that_lets_one_stranger_of_a_hundred_in() -> None:
    # The second-best stranger is at 0.98, so the threshold is just above it.
    strangers = [[number / 100, 0.0] for number in range(100)]
    known = [
        [0.985, 0.1],  # returned
        [0.98, 0.1],  # as high as that stranger: below the threshold
        [0.985, 0.99],  # above the threshold, but only second
        [-np.inf, -np.inf],  # lost
    ]
    evaluation = evaluation_of([-1] * 100 + [0] * 4, strangers + known, 0.5)
    assert evaluation.summary()["overall"]["fnir_at_fpir_1e-02"] == 3 / 4
    fewer = evaluation_of([-1] * 99 + [0] * 4, strangers[1:] + known, 0.5)
    assert fewer.summary()["overall"]["fnir_at_fpir_1e-02"] is None


def test_a_score_at_the_threshold_matches() -> None:
    evaluation = evaluation_of([0, 0], [[0.5, 0.25], [0.499, 0.25]], 0.5)
    assert [decision and decision.label for decision in evaluation.decisions()] == [1, 0]


def test_a_threshold_of_zero_decides() -> None:
    evaluation = evaluation_of([0, -1], [[0.1, -0.5], [-0.1, -0.5]], 0.0)
    assert [decision and decision.label for decision in evaluation.decisions()] == [1, 0]
    rule = evaluation.summary()["rule"]
    assert rule["threshold"] == 0.0
    assert {value for name, value in rule.items() if name != "threshold"} == {None}


score = st.floats(-1, 1, width=32)
row = st.one_of(st.just((-np.inf, -np.inf)), st.tuples(score, score))


@given(st.lists(st.tuples(st.integers(-1, 1), row, st.sampled_from(KINDS)), min_size=1))
def test_any_outcome_is_valid_json_and_counts_every_probe(
    probes: list[tuple[int, tuple[float, float], str]],
) -> None:
    truth, scores, kinds = (list(column) for column in zip(*probes, strict=True))
    evaluation = evaluation_of(truth, scores, 0.3, kinds)
    summary = json.loads(json.dumps(evaluation.summary(), allow_nan=False))
    for figures in [summary["overall"], *summary["by_kind"].values()]:
        assert np.sum(figures["label"]["confusion"]["counts"]) == figures["probes"]
        assert sum(figures["detection"].values()) == figures["probes"]
        assert figures["known"] + figures["unknown"] == figures["probes"]
        assert figures["comparisons"]["mated"] == figures["known"]
        interval = figures["label_and_identity_interval"]
        assert interval is None or 0 <= interval[0] <= interval[1] <= 1
    by_kind = summary["by_kind"].values()
    assert sum(figures["probes"] for figures in by_kind) == summary["overall"]["probes"]
    assert len(evaluation.rows()) == len(probes)


def of_people(paths: list[str], right: list[bool], folder: str | None) -> dict[str, Any]:
    """Figures of strangers at these places, decided rightly or not."""
    evaluation = evaluation_of([-1] * len(paths), [[0.1 if fine else 0.9] for fine in right], 0.5)
    probes = tuple(Probe(Path(path), None, "clean") for path in paths)
    strangers = None if folder is None else Path(folder)
    figures: dict[str, Any] = replace(evaluation, probes=probes, strangers=strangers).summary()[
        "overall"
    ]
    return figures


def test_strangers_are_resampled_by_their_folder() -> None:
    paths = [f"u/P{n // 20}/{'distortion/' * (n % 2)}{n}.jpg" for n in range(400)]
    right = [n // 20 % 2 == 0 for n in range(400)]  # whole people are right or wrong
    by_person, by_image = (of_people(paths, right, folder) for folder in ("u", None))
    for of in ("decisions", "label"):
        low, high = interval_of(by_person, of)
        alone = interval_of(by_image, of)
        assert high - low > 3 * (alone[1] - alone[0])
    flat = of_people([f"u/{n}.jpg" for n in range(400)], right, "u")
    assert interval_of(flat, "label") == pytest.approx(interval_of(by_image, "label"), abs=0.02)


def interval_of(figures: dict[str, Any], of: str) -> tuple[float, float]:
    """Of strangers matched, or of all that is right."""
    if of == "decisions":
        low, high = figures["decisions"]["fpir"]["interval"]
    else:
        low, high = figures["label_and_identity_interval"]
    return low, high


def test_known_people_are_resampled_as_wholes_too() -> None:
    truth = [n // 20 for n in range(200)]
    scores = [[0.9 if t == c and t % 2 else 0.1 for c in range(10)] for t in truth]
    figures = evaluation_of(truth, scores, 0.5).summary()["overall"]
    low, high = figures["label_and_identity_interval"]
    assert figures["label_and_identity_accuracy"] == 0.5
    assert high - low > 0.4  # Wilson's of 200 rows is 0.14 wide
