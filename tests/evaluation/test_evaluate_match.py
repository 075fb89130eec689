from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steadyface.errors import DatasetLayoutError
from steadyface.evaluation.layouts import read_match_folder
from steadyface.evaluation.match import evaluate_match
from steadyface.evaluation.match_figures import MatchEvaluation
from steadyface.matching.calibration import DecisionRule
from steadyface.pipeline import Analyzer

Colours = Callable[..., Analyzer]
Paint = Callable[..., Path]
Evaluate = Callable[..., MatchEvaluation]

RULE = DecisionRule(0.9, 1e-3, "by hand/1")
COS_10, COS_80 = 0.9848, 0.1736


@pytest.fixture
def evaluate(tmp_path: Path, colours: Colours) -> Evaluate:
    """Evaluate the folders of this test, with `unknown/` where there is one."""

    def run(**options: object) -> MatchEvaluation:
        unknown = tmp_path / "unknown"
        dataset = read_match_folder(tmp_path / "people", unknown if unknown.is_dir() else None)
        return evaluate_match(colours(**options), dataset, RULE)

    return run


@pytest.fixture
def people(tmp_path: Path, paint: Paint) -> Path:
    """Ann at 0 degrees and Ben at 90."""
    paint(tmp_path / "people" / "Ann" / "1.png", degrees=0)
    paint(tmp_path / "people" / "Ben" / "1.png", degrees=90)
    return tmp_path / "people"


@pytest.fixture
def nine(people: Path, paint: Paint, paint_black: Paint, break_image: Paint) -> Path:
    """Five probes of known people and four of strangers."""
    ann, ben = people / "Ann" / "distortion", people / "Ben" / "distortion"
    paint(ann / "a1_noisy.png", degrees=10)  # found
    paint(ann / "a2_foggy.png", degrees=60)  # below the threshold, and nearer to Ben
    break_image(ann / "a3_noisy.png")
    paint(ben / "b1_noisy.png", degrees=10)  # taken for Ann
    paint(ben / "b2_foggy.png", degrees=90)  # found
    strangers = people.parent / "unknown"
    paint(strangers / "s1_noisy.png", degrees=180)  # kept out
    paint(strangers / "s2_foggy.png", degrees=45)  # kept out
    paint(strangers / "s3_foggy.png", degrees=5)  # taken for Ann
    paint_black(strangers / "s4_foggy.png")
    return people


@pytest.mark.usefixtures("nine")
def test_figures_worked_by_hand(evaluate: Evaluate) -> None:
    summary = evaluate(detection="require").summary()
    overall = summary["overall"]
    assert (summary["identities"], summary["references"]) == (2, 2)
    assert summary["rule"] == {
        "threshold": 0.9,
        "fmr": 1e-3,
        "interval": None,
        "calibration": "by hand/1",
        "expected_fpir": pytest.approx(2e-3, rel=1e-3),
    }
    # s3 is taken for Ann; a2, a3 and b1 are missed.
    assert overall["decisions"]["fpir"]["value"] == 1 / 4
    assert overall["decisions"]["fnir"]["value"] == pytest.approx(3 / 5)
    assert (overall["probes"], overall["known"], overall["unknown"]) == (9, 5, 4)
    label = overall["label"]
    assert label["accuracy"] == pytest.approx(5 / 9)
    assert label["confusion"] == {
        "rows": ["0", "1"],
        "columns": ["0", "1", "no answer"],
        "counts": [[2, 1, 1], [1, 3, 1]],
    }
    assert label["classes"] == {
        "0": pytest.approx({"precision": 2 / 3, "recall": 2 / 4, "f1": 4 / 7, "support": 4}),
        "1": pytest.approx({"precision": 3 / 4, "recall": 3 / 5, "f1": 2 / 3, "support": 5}),
    }
    assert overall["label_and_identity_accuracy"] == pytest.approx(4 / 9)
    assert overall["rank_1"] == pytest.approx(2 / 5)
    assert overall["rank_5"] == pytest.approx(4 / 5)
    assert overall["fnir_at_fpir_1e-02"] is None  # four strangers cannot show a rate of 1 %
    assert overall["detection"]["undetected"] == 1
    assert overall["detection"]["undecodable"] == 1
    assert overall["detection"]["found"] == 7


@pytest.mark.usefixtures("nine")
def test_comparisons_worked_by_hand(evaluate: Evaluate) -> None:
    evaluation = evaluate(detection="require")
    mated, non_mated = evaluation.comparisons()
    # Comparisons of the two lost probes count with the lowest score.
    assert sorted(mated) == pytest.approx([-1, COS_80, 0.5, COS_10, 1], abs=0.01)
    assert sorted(non_mated) == pytest.approx(
        [-1, -1, -1, -1, 0, 0, 0.0872, COS_80, 0.7071, 0.7071, 0.866, COS_10, 0.9962], abs=0.01
    )
    figures = evaluation.summary()["overall"]["comparisons"]
    assert (figures["mated"], figures["non_mated"]) == (5, 13)
    # Non-mated scores that are lower (ties half) than each of the five: 2, 7.5, 8, 11.5 and 13.
    assert figures["roc_auc"] == pytest.approx(42 / 65)
    assert figures["tar_at_fmr_1e-02"] is None
    assert figures["tar_at_fmr_1e-03"] is None


@pytest.mark.usefixtures("nine")
def test_figures_by_kind_worked_by_hand(evaluate: Evaluate) -> None:
    kinds = evaluate(detection="require").summary()["by_kind"]
    assert list(kinds) == ["foggy", "noisy"]
    foggy, noisy = kinds["foggy"], kinds["noisy"]
    assert (foggy["probes"], foggy["known"], foggy["unknown"]) == (5, 2, 3)
    assert (noisy["probes"], noisy["known"], noisy["unknown"]) == (4, 3, 1)
    assert foggy["label"]["confusion"]["counts"] == [[1, 1, 1], [1, 1, 0]]
    assert noisy["label"]["confusion"]["counts"] == [[1, 0, 0], [0, 2, 1]]
    assert foggy["label_and_identity_accuracy"] == pytest.approx(2 / 5)
    assert noisy["label_and_identity_accuracy"] == pytest.approx(2 / 4)
    assert (foggy["rank_1"], noisy["rank_1"]) == pytest.approx((1 / 2, 1 / 3))
    assert (foggy["comparisons"]["mated"], noisy["comparisons"]["mated"]) == (2, 3)


def test_one_row_a_probe(nine: Path, evaluate: Evaluate) -> None:
    rows = {Path(row["probe"]).name: row for row in evaluate(detection="require").rows()}
    assert len(rows) == 9
    taken_for_ann = rows["b1_noisy.png"]
    assert taken_for_ann.pop("similarity") == pytest.approx(COS_10, abs=0.01)
    assert taken_for_ann == {
        "probe": str(nine / "Ben" / "distortion" / "b1_noisy.png"),
        "kind": "noisy",
        "label": 1,
        "identity": "Ben",
        "predicted_label": 1,
        "predicted_identity": "Ann",
        "best_candidate": "Ann",
        "threshold": 0.9,
        "probability": "",
        "rank_of_identity": 2,
        "detection": "found",
        "error": "",
    }
    stranger, lost = rows["s2_foggy.png"], rows["s4_foggy.png"]
    assert (stranger["label"], stranger["identity"], stranger["rank_of_identity"]) == (0, "", "")
    assert (stranger["predicted_label"], stranger["predicted_identity"]) == (0, "")
    assert [lost[key] for key in ("predicted_label", "best_candidate", "similarity")] == [""] * 3
    assert lost["detection"] == "undetected"
    assert lost["error"].startswith(f"{nine.parent / 'unknown' / 's4_foggy.png'}: no face was ")


def test_several_references_of_one_person_are_one_template(
    people: Path, paint: Paint, evaluate: Evaluate
) -> None:
    paint(people / "Ann" / "2.png", degrees=60)
    paint(people / "Ann" / "distortion" / "a.png", degrees=30)
    evaluation = evaluate()
    assert evaluation.names == ("Ann", "Ben")
    assert evaluation.scores[0] == pytest.approx([1, 0.5], abs=0.01)


def test_a_reference_that_fails_is_named_and_the_others_serve(
    people: Path, paint: Paint, break_image: Paint, evaluate: Evaluate
) -> None:
    # Before the good one, so that a shift of rows would show.
    broken = break_image(people / "Ann" / "0.png")
    paint(people / "Ben" / "distortion" / "b.png", degrees=90)
    evaluation = evaluate()
    assert evaluation.scores[0] == pytest.approx([0, 1], abs=0.01)
    summary = evaluation.summary()
    assert summary["references"] == 3
    assert [failure["source"] for failure in summary["reference_failures"]] == [str(broken)]
    assert summary["failures"] == []


def test_a_reference_without_a_face_is_not_enrolled(
    people: Path, paint: Paint, paint_black: Paint, evaluate: Evaluate
) -> None:
    wall = paint_black(people / "Ann" / "0.png")
    paint(people / "Ann" / "distortion" / "a.png")
    evaluation = evaluate(detection="auto")
    assert evaluation.references.tolist() == [1, 1]
    (failure,) = evaluation.summary()["reference_failures"]
    assert (failure["source"], failure["what"]) == (str(wall), "undetected")
    assert failure["reason"].startswith("no face was found; ")
    # A probe without a face is answered, as `match` does.
    paint_black(people / "Ann" / "distortion" / "b.png")
    assert evaluate(detection="auto").summary()["overall"]["detection"]["assumed"] == 1


def test_ranks_follow_what_decisions_rank_by(
    people: Path, paint: Paint, paint_black: Paint, tmp_path: Path, colours: Colours
) -> None:
    # Ann, with two references, needs 0.2 more than Ben, who has one.
    rule = DecisionRule(0.5, 1e-3, "by hand/2", by_references=(0.5, 0.7), assumed=(0.4, 0.9))
    paint(people / "Ann" / "2.png", degrees=0)
    paint(people / "Ben" / "distortion" / "b.png", degrees=40)  # nearer to Ann: 0.77 and 0.64
    paint_black(people / "Ben" / "distortion" / "c.png")  # as if at 225 degrees: -0.71 twice
    evaluation = evaluate_match(colours(), read_match_folder(people), rule)
    assert evaluation.scores[0] == pytest.approx([0.77, 0.64], abs=0.01)
    assert evaluation.decision_scores[0] == pytest.approx([0.57, 0.64], abs=0.01)
    assert evaluation.decision_scores[1] == pytest.approx([-1.11, -0.61], abs=0.01)
    first, second = evaluation.decisions()
    assert first is not None and second is not None
    assert (first.identity, second.candidates[0].identity) == ("Ben", "Ben")
    # By similarity alone both would have rank 2.
    assert [row["rank_of_identity"] for row in evaluation.rows()] == [1, 1]
    assert evaluation.summary()["overall"]["rank_1"] == 1
    mated, non_mated = evaluation.comparisons()
    assert mated == pytest.approx([0.64, -0.61], abs=0.01)
    assert non_mated == pytest.approx([0.57, -1], abs=0.01)


def test_a_person_without_a_usable_reference(
    people: Path, paint: Paint, break_image: Paint, evaluate: Evaluate
) -> None:
    broken = break_image(people / "Ben" / "1.png")
    paint(people / "Ann" / "distortion" / "a.png")
    paint(people / "Ben" / "distortion" / "b.png", degrees=90)
    evaluation = evaluate()
    assert evaluation.names == ("Ann", "Ben")
    assert np.isneginf(evaluation.scores[:, 1]).all()
    assert [d.candidates[0].identity for d in evaluation.decisions() if d] == ["Ann", "Ann"]
    summary = evaluation.summary()
    assert [failure["source"] for failure in summary["reference_failures"]] == [str(broken)]
    overall = summary["overall"]
    assert overall["label_and_identity_accuracy"] == overall["rank_1"] == 0.5
    assert overall["comparisons"]["mated"] == 2


def test_references_that_all_fail(
    people: Path, paint: Paint, break_image: Paint, evaluate: Evaluate
) -> None:
    for file in sorted(people.glob("*/*.png")):
        broken = break_image(file)
    paint(people / "Ann" / "distortion" / "a.png")
    with pytest.raises(DatasetLayoutError) as caught:
        evaluate()
    assert str(caught.value).startswith(f"{people}: none of the 2 reference images can be used (")
    assert str(caught.value).endswith("); give clear ones")
    assert broken.parent.parent == people


def test_probes_that_all_fail(people: Path, break_image: Paint, evaluate: Evaluate) -> None:
    break_image(people / "Ann" / "distortion" / "a.png")
    overall: dict[str, Any] = evaluate().summary()["overall"]
    assert overall["label"]["accuracy"] == 0
    assert overall["rank_1"] == overall["rank_5"] == 0
    comparisons = overall["comparisons"]
    assert (comparisons["mated"], comparisons["non_mated"]) == (1, 1)
    assert (comparisons["roc_auc"], comparisons["eer"]) == (0.5, 0.5)


def test_strangers_alone_in_a_kind_have_no_rank(
    people: Path, paint: Paint, evaluate: Evaluate
) -> None:
    paint(people / "Ann" / "distortion" / "a.png", degrees=0)
    paint(people.parent / "unknown" / "s_sunny.png", degrees=0)
    sunny = evaluate().summary()["by_kind"]["sunny"]
    assert (sunny["rank_1"], sunny["rank_5"], sunny["fnir_at_fpir_1e-02"]) == (None, None, None)
    assert sunny["label"]["classes"]["1"]["recall"] is None
    assert sunny["label"]["accuracy"] == 0
    assert sunny["comparisons"]["roc_auc"] is None
