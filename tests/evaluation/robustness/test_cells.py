from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from steadyface.distortions.suites import Condition
from steadyface.errors import ResultError
from steadyface.evaluation.embedding import DETECTIONS
from steadyface.evaluation.robustness.baseline import corruption_error
from steadyface.evaluation.robustness.cells import Cell, Figure, Worst
from steadyface.evaluation.robustness.compare import compare
from steadyface.evaluation.robustness.facts import dataset_facts
from steadyface.evaluation.robustness.keeping import Cells, content_key
from steadyface.evaluation.robustness.nodes import Node
from steadyface.evaluation.robustness.reading import read_cell
from steadyface.evaluation.robustness.run import (
    Robustness,
    evaluate_robustness,
    read_robustness,
)
from steadyface.imaging.decode import decode
from steadyface.matching.calibration import DecisionRule
from steadyface.types import RGBImage

CONDITIONS = [Condition("noisy", 1.0), Condition("noisy", 3.0), Condition("foggy", 3.0)]


def cell(condition: Condition | None, accuracy: float | None, count: int = 10) -> Cell:
    return Cell(
        kind="clean" if condition is None else condition.kind,
        severity=0.0 if condition is None else condition.severity,
        count=count,
        figures={"accuracy": Figure(accuracy, (0.1, 0.9))},
        wrong={"detection": 1, "recognition": 2},
        detection=dict.fromkeys(DETECTIONS, 1),
        histograms={"mated": [1, 2], "non-mated": [3, 4]},
        edges=[0.0, 0.5, 1.0],
        worst=(Worst(("a.jpg", "b.jpg"), "same person", "similarity 0.1", 0.4),),
        failures=({"source": "x", "what": "undetected", "reason": "no face"},),
        right="1" * count,
    )


@dataclass
class FakeSubject:
    """Accuracies by condition; counts what it was asked."""

    accuracies: dict[str, float | None]
    files: Sequence[Path] = ()
    count: int = 10
    task: str = "pairs"
    measures: Sequence[str] = ("accuracy",)
    sorts: Sequence[str] = ("mated", "non-mated")
    axis: str = "similarity"
    labels: Any = None
    dataset: Mapping[str, Any] = field(default_factory=lambda: dataset_facts({"pairs": 10}))
    rule: DecisionRule | None = field(default_factory=lambda: DecisionRule(0.5))
    persons: Sequence[str] = tuple("babababaab")
    asked: list[str] = field(default_factory=list)

    def decode(self, name: str) -> RGBImage:
        return decode(name)

    def measure(self, condition: Condition | None) -> Cell:
        name = "clean" if condition is None else str(condition)
        self.asked.append(name)
        return cell(condition, self.accuracies[name], self.count)


def result_of(*accuracies: float | None, folder: Path, count: int = 10) -> Robustness:
    names = ["clean", *map(str, CONDITIONS)]
    subject = FakeSubject(dict(zip(names, accuracies, strict=True)), count=count)
    made = {"model": str(accuracies), "options": {"seed": 0}}
    return evaluate_robustness(subject, CONDITIONS, made, folder, lambda line: None)


def test_a_cell_comes_back_from_json_as_it_was() -> None:
    one = cell(CONDITIONS[0], None)
    names = (("accuracy",), ("mated", "non-mated"))
    again = read_cell(Node(json.loads(json.dumps(one.as_json())), "cell"), *names)
    assert again == replace(one, failures=list(one.failures))
    assert (one.name, cell(None, 0.5).name) == ("noisy:1", "clean")
    with pytest.raises(ResultError, match="cell lacks 'severity'"):
        read_cell(Node({"kind": "noisy"}, "cell"), *names)


def test_what_was_measured_is_not_measured_again(tmp_path: Path) -> None:
    image = tmp_path / "a.jpg"
    image.write_bytes(b"one")
    accuracies: dict[str, float | None] = {
        "clean": 1.0,
        "noisy:1": 0.9,
        "noisy:3": 0.8,
        "foggy:3": 0.7,
    }
    lines: list[str] = []

    def run(conditions: list[Condition], model: str = "m") -> list[str]:
        subject = FakeSubject(accuracies, [image])
        made = evaluate_robustness(
            subject, conditions, {"model": model}, tmp_path / "cells", lines.append
        )
        assert [c.figures["accuracy"].value for c in made.cells] == [
            accuracies[name] for name in ["clean", *map(str, conditions)]
        ]
        return subject.asked

    assert run(CONDITIONS[:2]) == ["clean", "noisy:1", "noisy:3"]
    assert run(CONDITIONS) == ["foggy:3"]
    assert lines[1] == "noisy:1      accuracy 90.0 %"
    assert run(CONDITIONS, model="other") == ["clean", "noisy:1", "noisy:3", "foggy:3"]
    # Half a file, as a full disk would leave it.
    broken = next((tmp_path / "cells").glob("*.json"))
    broken.write_text(broken.read_text()[:40])
    assert len(run(CONDITIONS) + run(CONDITIONS, model="other")) == 1
    image.write_bytes(b"two")
    assert run(CONDITIONS) == ["clean", "noisy:1", "noisy:3", "foggy:3"]


def test_content_counts_and_a_missing_file_is_no_crash(tmp_path: Path) -> None:
    file = tmp_path / "a"
    missing = content_key([file], None)
    file.write_bytes(b"1")
    there = content_key([file], None)
    assert missing != there == content_key([file], None)
    assert there != content_key([file], "label")
    assert content_key([file], "\udcff")
    assert Cells(tmp_path, ["k"], ("accuracy",), ()).get("clean") is None


def test_mean_corruption_error_by_hand(tmp_path: Path) -> None:
    mine = result_of(1.0, 0.9, 0.8, 0.7, folder=tmp_path / "a")
    theirs = result_of(1.0, 0.8, 0.4, 0.4, folder=tmp_path / "b")
    found = corruption_error(mine, theirs)
    assert found.by_kind == pytest.approx({"noisy": 0.3 / 0.8, "foggy": 0.5})
    assert found.mean == pytest.approx((0.375 + 0.5) / 2)
    flawless = result_of(1.0, 1.0, 1.0, 0.5, folder=tmp_path / "c")
    found = corruption_error(mine, flawless)
    assert found.by_kind["noisy"] is None  # nothing to be a share of
    assert found.without_errors == ("noisy",)
    assert found.baseline == {
        "model": "(1.0, 1.0, 1.0, 0.5)",
        "data": flawless.data,
        "options": {"seed": 0},
    }
    assert found.mean == found.by_kind["foggy"] == pytest.approx(0.6)
    nothing = corruption_error(flawless, result_of(1.0, None, 0.5, None, folder=tmp_path / "d"))
    assert nothing.mean is None
    assert nothing.without_errors == ()  # not measured is not without errors


def test_a_baseline_of_something_else_is_refused(tmp_path: Path) -> None:
    mine = result_of(1.0, 0.9, 0.8, 0.7, folder=tmp_path / "a")
    fewer = result_of(1.0, 0.9, 0.8, 0.7, folder=tmp_path / "b", count=9)
    with pytest.raises(ResultError, match=r"different conditions \(clean, foggy:3, noisy:1, "):
        corruption_error(mine, fewer)
    with pytest.raises(ResultError, match="one result is of task gender, the other of pairs"):
        corruption_error(mine, replace(mine, task="gender"))
    with pytest.raises(ResultError, match="of different images"):
        corruption_error(mine, replace(mine, data="other"))


def test_result_files_are_read_back_and_others_are_refused(tmp_path: Path) -> None:
    mine = result_of(1.0, 0.9, 0.8, 0.7, folder=tmp_path / "cells")
    file = tmp_path / "robustness.json"
    file.write_text(json.dumps(mine.as_json()))
    again = read_robustness(file)
    assert json.dumps(again.as_json()) == json.dumps(mine.as_json())
    assert (again.kinds, again.severities) == (("noisy", "foggy"), (1.0, 3.0))
    assert again.cell("foggy", 3.0).figures["accuracy"].value == 0.7
    assert again.people == (1, 0, 1, 0, 1, 0, 1, 0, 0, 1)
    for text, message in (
        ("{", "not a JSON document"),
        ("[]", "schema None is not"),
        ('{"schema": "steadyface/robustness/0"}', "schema 'steadyface/robustness/0' is not"),
        (
            '{"schema": "steadyface/robustness/1"}',
            "is not 'steadyface/robustness/2', which this version reads; measure it again",
        ),
        ('{"schema": "steadyface/robustness/2"}', r"robustness\.json: result lacks 'task'"),
        ('{"schema": "steadyface/robustness/2", "x": NaN}', "NaN stands in it"),
    ):
        file.write_text(text)
        with pytest.raises(ResultError, match=message):
            read_robustness(file)
    with pytest.raises(ResultError, match=r"gone\.json: cannot be read"):
        read_robustness(tmp_path / "gone.json")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("cells", None, "result.cells is None, not an array of 1 or more"),
        ("cells", [], r"result.cells is \[\], not an array of 1 or more"),
        ("measures", None, "result.measures is None, not an array"),
        ("measures", ["accuracy", "more"], r"result.cells\[0\].figures lacks 'more'"),
        ("measures", ["accuracy"] * 2, "not an array without repetitions"),
        ("task", "verify", "result.task is 'verify', not one of gender, match, pairs"),
        ("made_by", {}, "result.made_by lacks 'model'"),
        ("data", 3, "result.data is 3, not a string"),
        ("dataset/left_out", [{"what": "x", "count": 0, "names": ["a"]}], "count is 0, not a"),
        ("rule/threshold", 7, "result.rule.threshold is 7, not a number of -1 to 1"),
        ("cells/1/figures", [], r"result.cells\[1\].figures is \[\], not an object"),
        ("cells/1/figures", {}, r"result.cells\[1\].figures lacks 'accuracy'"),
        ("cells/1/figures/accuracy/value", "0.5", "value is '0.5', not a number of 0 to 1"),
        ("cells/1/figures/accuracy/value", 1.5, "value is 1.5, not a number of 0 to 1"),
        ("cells/1/figures/accuracy/value", True, "value is True, not a number"),
        ("cells/1/figures/accuracy/interval", [0.9, 0.1], "not an interval, low before high"),
        ("cells/1/figures/accuracy/interval", [0.1], "not an array of 2"),
        ("cells/1/right", None, "right is None, not a string"),
        ("cells/1/right", "1" * 9, "not a 1 or 0 for each of 10 decisions"),
        ("cells/1/right", "1" * 9 + "2", "not a 1 or 0 for each of 10 decisions"),
        ("cells/1/severity", "x", "severity is 'x', not a number of 1 to 5"),
        ("cells/1/severity", 6, "severity is 6, not a number of 1 to 5"),
        ("cells/1/severity", 3, "result.cells has noisy:3 more than once"),
        ("cells/1/kind", "zzz", "kind is 'zzz', not one of clean, "),
        ("cells/0/kind", "noisy", "severity is 0.0, not a number of 1 to 5"),
        ("cells/0", {}, r"result.cells\[0\] lacks 'kind'"),
        ("cells/1/count", 0, "count is 0, not a whole number of 1 or more"),
        ("cells/1/count", 10.0, "count is 10.0, not a whole number"),
        ("cells/1/wrong", {"detection": 1}, "wrong lacks 'recognition'"),
        ("cells/1/detection/found", -1, "found is -1, not a whole number"),
        ("cells/1/histograms", {"mated": [1, 2]}, "histograms lacks 'non-mated'"),
        ("cells/1/histograms/mated", [1], "not an array of 2"),
        ("cells/1/edges", [0, 2, 1], "not an array of rising numbers"),
        ("cells/1/worst/0/certainty", 1e999, "certainty is inf, not a number of 0 or more"),
        ("cells/1/worst/0/certainty", 10**400, "not a number of 0 or more"),
        ("cells/1/worst/0/images", [], "not an array of 1 to 2"),
        ("cells/1/failures/0/reason", None, "reason is None, not a string"),
    ],
)
def test_a_damaged_result_is_refused_with_what_is_wrong(
    tmp_path: Path, path: str, value: object, message: str
) -> None:
    result = result_of(1.0, 0.9, 0.8, 0.7, folder=tmp_path / "cells").as_json()
    whole = at = json.loads(json.dumps(result))
    *steps, last = (int(step) if step.isdecimal() else step for step in path.split("/"))
    for step in steps:
        at = at[step]
    at[last] = value
    file = tmp_path / "robustness.json"
    file.write_text(json.dumps(whole).replace("Infinity", "1e999"))
    with pytest.raises(ResultError, match=message) as caught:
        read_robustness(file)
    assert str(caught.value).startswith(f"{file}: ")


def test_other_labels_or_another_rule_are_measured_anew_and_not_set_side_by_side(
    tmp_path: Path,
) -> None:
    names = ["clean", *map(str, CONDITIONS)]

    def run(labels: Any, rule: DecisionRule) -> tuple[int, Robustness]:
        subject = FakeSubject(dict.fromkeys(names, 0.5), labels=labels, rule=rule)
        made = {"model": "m"}
        result = evaluate_robustness(subject, CONDITIONS, made, tmp_path, lambda line: None)
        return len(subject.asked), result

    asked, one = run([["a", "female"]], DecisionRule(0.5))
    assert (asked, run([["a", "female"]], DecisionRule(0.5))[0]) == (4, 0)
    asked, other = run([["a", "male"]], DecisionRule(0.5))
    assert asked == 4
    with pytest.raises(ResultError, match="of different images or labels"):
        compare(one, other)
    for rule in (DecisionRule(0.6), DecisionRule(0.5, 1e-3), DecisionRule(0.5, None, "other")):
        asked, same = run([["a", "female"]], rule)
        assert asked == 4
        assert len(compare(one, same)) == 4
    assert one.as_json()["rule"] == {
        "fmr": None,
        "threshold": 0.5,
        "interval": None,
        "calibration": None,
    }


def test_the_same_failure_is_told_once(tmp_path: Path) -> None:
    result = result_of(1.0, 0.9, 0.8, 0.7, folder=tmp_path)
    assert result.as_json()["failures"] == [
        {"source": "x", "what": "undetected", "reason": "no face"}
    ]
