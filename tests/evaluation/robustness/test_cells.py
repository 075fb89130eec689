from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from steadyface.distortions.suites import Condition
from steadyface.errors import ResultError
from steadyface.evaluation.robustness.cells import (
    Cell,
    Cells,
    Figure,
    Worst,
    content_key,
    read_cell,
)
from steadyface.evaluation.robustness.run import (
    Robustness,
    corruption_error,
    evaluate_robustness,
    read_robustness,
)

CONDITIONS = [Condition("noisy", 1.0), Condition("noisy", 3.0), Condition("foggy", 3.0)]


def cell(condition: Condition | None, accuracy: float | None, count: int = 10) -> Cell:
    return Cell(
        kind="clean" if condition is None else condition.kind,
        severity=0.0 if condition is None else condition.severity,
        count=count,
        figures={"accuracy": Figure(accuracy, (0.1, 0.9))},
        wrong={"detection": 1, "recognition": 2},
        detection={"found": 9, "assumed": 1},
        histograms={"mated": [1, 2], "non-mated": [3, 4]},
        edges=[0.0, 0.5, 1.0],
        worst=(Worst(("a.jpg", "b.jpg"), "same person", "similarity 0.1", 0.4),),
        failures=({"source": "x", "what": "undetected", "reason": "no face"},),
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
    persons: Sequence[str] = ("b", "a", "b")
    asked: list[str] = field(default_factory=list)

    def path(self, name: str) -> Path:
        return Path(name)

    def measure(self, condition: Condition | None) -> Cell:
        name = "clean" if condition is None else str(condition)
        self.asked.append(name)
        return cell(condition, self.accuracies[name], self.count)


def result_of(*accuracies: float | None, folder: Path, count: int = 10) -> Robustness:
    names = ["clean", *map(str, CONDITIONS)]
    subject = FakeSubject(dict(zip(names, accuracies, strict=True)), count=count)
    made = {"model": str(accuracies)}
    return evaluate_robustness(subject, CONDITIONS, made, folder, lambda line: None)


def test_a_cell_comes_back_from_json_as_it_was() -> None:
    one = cell(CONDITIONS[0], None)
    again = read_cell(json.loads(json.dumps(one.as_json())))
    assert again == replace(one, failures=list(one.failures))
    assert (one.name, cell(None, 0.5).name) == ("noisy:1", "clean")
    with pytest.raises(ResultError, match="not a cell"):
        read_cell({"kind": "noisy"})


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
    missing = content_key([file])
    file.write_bytes(b"1")
    there = content_key([file])
    assert missing != there == content_key([file])
    assert Cells(tmp_path, ["k"]).get("clean") is None


def test_mean_corruption_error_by_hand(tmp_path: Path) -> None:
    mine = result_of(1.0, 0.9, 0.8, 0.7, folder=tmp_path / "a")
    theirs = result_of(1.0, 0.8, 0.4, 0.4, folder=tmp_path / "b")
    found = corruption_error(mine, theirs)
    assert found.by_kind == pytest.approx({"noisy": 0.3 / 0.8, "foggy": 0.5})
    assert found.mean == pytest.approx((0.375 + 0.5) / 2)
    flawless = result_of(1.0, 1.0, 1.0, 0.5, folder=tmp_path / "c")
    found = corruption_error(mine, flawless)
    assert found.by_kind["noisy"] is None  # nothing to be a share of
    assert found.mean == found.by_kind["foggy"] == pytest.approx(0.6)
    nothing = corruption_error(flawless, result_of(1.0, None, 0.5, None, folder=tmp_path / "d"))
    assert nothing.mean is None


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
    for text, message in (
        ("{", "not a JSON document"),
        ("[]", "schema None is not"),
        ('{"schema": "steadyface/robustness/0"}', "schema 'steadyface/robustness/0' is not"),
        ('{"schema": "steadyface/robustness/1"}', "'task'"),
    ):
        file.write_text(text)
        with pytest.raises(ResultError, match=message):
            read_robustness(file)
    with pytest.raises(ResultError, match=r"gone\.json: cannot be read"):
        read_robustness(tmp_path / "gone.json")
