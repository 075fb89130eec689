"""`evaluate robustness`: what it says of its data, and what it does when that changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.test_cli_robustness import Page

from steadyface.errors import DatasetLayoutError
from steadyface.evaluation.robustness.gender import GenderSubject
from steadyface.imaging.decode import decode
from steadyface.matching.calibration import rule_for
from steadyface.types import RGBImage

Command = Callable[..., Any]
Paint = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path, paint: Paint, fake_models: None) -> Path:
    """Women and men in flat colours, one man like a woman."""
    for number in range(4):
        paint(tmp_path / "d" / "female" / f"{number}.png", blue=240 - number)
        paint(tmp_path / "d" / "male" / f"{number}.png", blue=200 if number == 3 else number)
    return tmp_path / "d"


def test_what_is_left_out_and_how_decisions_were_made_are_told(
    steadyface: Command, tmp_path: Path, paint: Paint, fake_models: None
) -> None:
    people, output = tmp_path / "people", tmp_path / "o"
    for name in ("Ann/1", "Ann/2", "Ann/2_noisy", "Eve/1_foggy", "Stranger/1"):
        paint(people / f"{name}.png")
    (people / "Zoe").mkdir()
    command = "evaluate", "robustness", people, "--output", output
    run = steadyface(*command, "--kind", "blurred", "--severity", "1")
    assert run.out.splitlines()[0].endswith(
        "1 strangers (Stranger); left out: 2 images named as distorted (Ann/2_noisy.png, "
        "Eve/1_foggy.png); 1 people without any other image (Eve); 1 folders without an image (Zoe)"
    )
    result = json.loads((output / "robustness.json").read_text())
    facts = result["dataset"]
    assert (facts["enrolled"], facts["references"]) == (1, 1)
    assert facts["strangers"] == {"count": 1, "names": ["Stranger"]}
    assert [(one["count"], one["names"][0]) for one in facts["left_out"]] == [
        *((2, "Ann/2_noisy.png"), (1, "Eve"), (1, "Zoe"))
    ]
    rule = rule_for(result["made_by"]["model"])
    assert result["rule"] == {
        "fmr": 1e-3,
        "threshold": rule.threshold,
        "interval": list(rule.interval or ()),
        "calibration": rule.calibration,
    }
    text = (output / "report.html").read_text()
    assert Page(text).open == []
    for words in (
        "Eve/1_foggy.png",
        "(1): Zoe",
        "(1): Stranger",
        f"calibration {rule.calibration}",
    ):
        assert words in text


def test_a_class_without_a_clean_image_is_refused(
    steadyface: Command, folder: Path, tmp_path: Path, paint: Paint
) -> None:
    for image in (folder / "male").iterdir():
        image.rename(image.with_stem(f"{image.stem}_noisy"))
    run = steadyface("evaluate", "robustness", folder, "--output", tmp_path / "o")
    assert run.status == 2
    assert f"{folder / 'male'}: no image but such whose names say that they are" in run.err


def test_a_corrected_label_is_measured_anew(
    steadyface: Command, folder: Path, tmp_path: Path
) -> None:
    for number in (1, 2, 3):
        (folder / "male" / f"{number}.png").rename(folder / "male" / f"b{number}.png")
    (folder / "male" / "0.png").rename(folder / "male" / "9.png")
    fixed = "--output", tmp_path / "o", "--kind", "blurred", "--severity", "1", "--json"
    first = steadyface("evaluate", "robustness", folder, *fixed).json
    kept = tmp_path / "first.json"
    kept.write_text(json.dumps(first))
    # The same names and bytes in the same order, one of them with the other label.
    (folder / "male" / "9.png").rename(folder / "female" / "9.png")
    again = steadyface("evaluate", "robustness", folder, *fixed).json
    assert [r["cells"][0]["right"] for r in (first, again)] == ["11111110", "11110110"]
    assert first["data"] != again["data"]
    refused = steadyface("compare", kept, tmp_path / "o" / "robustness.json")
    assert refused.status == 2
    assert "of different images or labels" in refused.err


def test_another_limit_of_pixels_is_measured_anew(
    steadyface: Command, folder: Path, tmp_path: Path
) -> None:
    fixed = "--output", tmp_path / "o", "--kind", "blurred", "--severity", "1"
    command = "evaluate", "robustness", folder, *fixed
    assert steadyface(*command, "--max-pixels", "1").status == 3
    assert steadyface(*command).status == 0


def test_a_baseline_that_does_not_fit_is_refused_before_anything_is_measured(
    steadyface: Command, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fixed = "--kind", "blurred", "--severity", "1"
    command = "evaluate", "robustness", folder, "--output"
    assert steadyface(*command, tmp_path / "base", *fixed).status == 0
    baseline = tmp_path / "base" / "robustness.json"

    def refuse(self: object, condition: object) -> None:
        raise AssertionError(f"measured {condition}")

    monkeypatch.setattr(GenderSubject, "measure", refuse)
    whole = json.loads(baseline.read_text())
    for more, change, message in (
        (("--seed", "1"), {}, "the baseline was measured with seed 0, not 1; measure both"),
        (("--faces", "largest"), {}, "was measured with face central, not largest"),
        (("--severity", "2"), {}, "of different conditions (blurred:2)"),
        (("--kind", "noisy"), {}, "of different conditions (noisy:1)"),
        ((), {"data": "other"}, "of different images or labels"),
        ((), {"task": "match"}, "one result is of task match, the other of gender"),
        ((), {"cells": None}, "result.cells is None, not an array"),
    ):
        baseline.write_text(json.dumps(whole | change))
        run = steadyface(*command, tmp_path / "o", *fixed, *more, "--baseline", baseline)
        assert run.status == 2
        assert message in run.err
    baseline.write_text(json.dumps(whole))


def test_a_baseline_with_other_references_is_refused(
    steadyface: Command, tmp_path: Path, paint: Paint, fake_models: None
) -> None:
    for name, angle in (("Ann", 0), ("Ben", 90)):
        for number in range(3):
            paint(tmp_path / "people" / name / f"{number}.png", degrees=angle)
    fixed = "--kind", "blurred", "--severity", "1"
    command = "evaluate", "robustness", tmp_path / "people", *fixed, "--output"
    assert steadyface(*command, tmp_path / "one").status == 0
    baseline = "--baseline", tmp_path / "one" / "robustness.json"
    run = steadyface(*command, tmp_path / "two", "--references", "2", *baseline)
    assert (run.status, run.out) == (2, "")
    assert "the baseline was measured with references 1, not 2" in run.err


def test_a_kind_named_twice_is_measured_once(
    steadyface: Command, folder: Path, tmp_path: Path
) -> None:
    kinds = "--kind", "noisy", "--kind", "foggy", "--kind", "noisy"
    fixed = "--output", tmp_path / "o", "--severity", "1", "--json"
    cells = steadyface("evaluate", "robustness", folder, *fixed, *kinds).json["cells"]
    assert sorted(cell["kind"] for cell in cells) == ["clean", "foggy", "noisy"]


def test_pictures_that_are_gone_do_not_take_the_figures_with_them(
    steadyface: Command, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All cells are kept, and the images vanish after they were looked at for their content."""
    fixed = "--output", tmp_path / "o", "--kind", "blurred", "--severity", "1"
    command = "evaluate", "robustness", folder, *fixed
    assert steadyface(*command).status == 0

    def gone(self: GenderSubject, name: str) -> RGBImage:
        return decode(folder / "gone" / name)

    monkeypatch.setattr(GenderSubject, "decode", gone)
    run = steadyface(*command)
    assert (run.status, run.err) == (0, "")
    page = Page(text := (tmp_path / "o" / "report.html").read_text())
    assert "P(female) 0.78" in text
    assert any(image["alt"] == "male/3.png" for image in page.images)


def test_figures_are_written_before_the_page(
    steadyface: Command, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "o" / "report.html").mkdir(parents=True)  # which cannot be written
    fixed = "--output", tmp_path / "o", "--kind", "blurred", "--severity", "1"
    run = steadyface("evaluate", "robustness", folder, *fixed)
    assert run.status == 2
    assert (tmp_path / "o" / "robustness.json").is_file()

    def broken(*args: object) -> str:
        raise DatasetLayoutError("no page")

    monkeypatch.setattr("steadyface.evaluation.robustness.report.report", broken)
    (tmp_path / "o" / "robustness.json").unlink()
    assert steadyface("evaluate", "robustness", folder, *fixed).status == 2
    assert (tmp_path / "o" / "robustness.json").is_file()
