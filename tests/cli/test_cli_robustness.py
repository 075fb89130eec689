from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
Paint = Callable[..., Path]


class Page(HTMLParser):
    """Pictures without words or from elsewhere, and tags that are not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.images: list[dict[str, str | None]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.images.append(dict(attrs))
        elif tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def folder(tmp_path: Path, paint: Paint, fake_models: None) -> Path:
    """Women and men in flat colours, one man like a woman."""
    for number in range(4):
        paint(tmp_path / "d" / "female" / f"{number}.png", blue=240 - number)
        paint(tmp_path / "d" / "male" / f"{number}.png", blue=200 if number == 3 else number)
    return tmp_path / "d"


def test_a_report_of_a_gender_folder(steadyface: Command, folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    command = ["evaluate", "robustness", folder, "--output", output, "--kind", "blurred"]
    run = steadyface(*command, "--kind", "lowlight", "--severity", "1", "--severity", "3")
    assert (run.status, run.err) == (0, "")
    told, *lines = run.out.splitlines()
    assert told == "data: 4 female, 4 male; left out: nothing"
    assert lines[0].split()[:3] == ["clean", "accuracy", "87.5,"]
    assert [line.split()[0] for line in lines[1:5]] == [
        *("blurred:1", "blurred:3", "lowlight:1", "lowlight:3")
    ]
    assert lines[-1] == f"report: {output / 'report.html'}"
    result = json.loads((output / "robustness.json").read_text())
    assert result["schema"] == "steadyface/robustness/2"
    assert set(result["made_by"]["graphs"]) == {"network", "detector", "face_check"}
    assert str(tmp_path) not in json.dumps(result)
    page = Page(text := (output / "report.html").read_text())
    assert page.open == []
    assert len(page.images) >= 3 + 2 + 1 + 3
    for image in page.images:
        assert image["alt"]
        assert str(image["src"]).startswith("data:image/png;base64,")
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    assert "P(female) 0.78" in text
    assert text.count("<tr><td>") == 5


def test_errors_as_a_share_of_a_baselines(
    steadyface: Command, folder: Path, tmp_path: Path, paint: Paint
) -> None:
    def run(output: str, *more: object) -> Any:
        fixed = "--kind", "blurred", "--severity", "2"
        return steadyface(
            "evaluate", "robustness", folder, "--output", tmp_path / output, *fixed, *more
        )

    assert run("base").status == 0
    baseline = tmp_path / "base" / "robustness.json"
    other_model = json.loads(baseline.read_text())
    other_model["cells"][1]["figures"]["accuracy"]["value"] = 0.75
    baseline.write_text(json.dumps(other_model))
    better = run("better", "--baseline", baseline, "--json").json
    assert better["corruption_error"] == {
        "by_kind": {"blurred": 0.5},
        "mean": 0.5,
        "without_errors": [],
        "baseline": {
            "model": other_model["made_by"]["model"],
            "data": better["data"],
            "options": better["made_by"]["options"],
        },
    }
    page = (tmp_path / "better" / "report.html").read_text()
    assert f"The baseline is {other_model['made_by']['model']} with detection auto" in page
    other_model["cells"][1]["figures"]["accuracy"]["value"] = 1.0
    baseline.write_text(json.dumps(other_model))
    flawless = run("flawless", "--baseline", baseline, "--json").json
    assert flawless["corruption_error"]["without_errors"] == ["blurred"]
    assert run("flawless", "--baseline", baseline).out.splitlines()[-2] == (
        "mean corruption error not measurable of the baseline's, "
        f"{other_model['made_by']['model']}; it has no error under blurred"
    )
    assert "It has no error under blurred" in (tmp_path / "flawless" / "report.html").read_text()
    paint(folder / "male" / "5.png", blue=1)
    other = run("other", "--baseline", baseline)
    assert other.status == 2
    assert "of different images" in other.err
    gone = run("gone", "--baseline", tmp_path / "none.json")
    assert gone.status == 2
    assert "none.json: cannot be read" in gone.err
    assert not (tmp_path / "gone").exists()


def test_images_without_an_answer_are_named_and_count(
    steadyface: Command, folder: Path, tmp_path: Path, break_image: Paint
) -> None:
    bad = break_image(folder / "male" / "bad.png")
    fixed = "--kind", "blurred", "--severity", "1"
    run = steadyface("evaluate", "robustness", folder, "--output", tmp_path / "o", *fixed)
    assert run.status == 3
    assert f"steadyface: {bad}: not an image" in run.err
    result = json.loads((tmp_path / "o" / "robustness.json").read_text())
    assert result["cells"][0]["count"] == 9
    assert result["cells"][0]["wrong"] == {"detection": 1, "recognition": 1}
    assert "Without an answer" in (tmp_path / "o" / "report.html").read_text()


def test_pairs_need_their_images_and_folders_do_not(
    steadyface: Command, folder: Path, tmp_path: Path
) -> None:
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("2 1\nAnn 1 2\nAnn 1 Ben 1\nBen 1 2\nAnn 2 Ben 2\n")
    out = "--output", tmp_path / "o"
    nothing = tmp_path / "none"
    assert (
        f"{nothing}: there is nothing; give a folder or a pairs file"
        in steadyface("evaluate", "robustness", nothing, *out).err
    )
    assert (
        "give the folder of its images as --images"
        in steadyface("evaluate", "robustness", pairs, *out).err
    )
    assert (
        "--images goes with a pairs file"
        in steadyface("evaluate", "robustness", folder, *out, "--images", folder).err
    )
    assert (
        "expected the images of the pairs file"
        in steadyface("evaluate", "robustness", pairs, *out, "--images", folder).err
    )


def test_a_report_of_pairs(
    steadyface: Command, tmp_path: Path, paint: Paint, fake_models: None
) -> None:
    degrees = {"Ann/Ann_0001": 0, "Ann/Ann_0002": 10, "Ben/Ben_0001": 90, "Ben/Ben_0002": 190}
    for name, angle in degrees.items():
        paint(tmp_path / "images" / f"{name}.jpg", degrees=angle)
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("2 1\nAnn 1 2\nAnn 1 Ben 1\nBen 1 2\nAnn 2 Ben 2\n")
    fixed = "--kind", "blurred", "--severity", "1", "--images", tmp_path / "images"
    run = steadyface("evaluate", "robustness", pairs, "--output", tmp_path / "o", *fixed)
    assert (run.status, run.err) == (0, "")
    text = (tmp_path / "o" / "report.html").read_text()
    assert Page(text).open == []
    assert "TAR at FMR 1e-3: not measurable" in text
    assert "same person; similarity -0.1" in text


def test_a_report_of_people(
    steadyface: Command, tmp_path: Path, paint: Paint, fake_models: None
) -> None:
    angles = {"Ann": (0, 5, 10), "Ben": (90, 95), "Stranger": (3,)}
    for name, several in angles.items():
        for number, angle in enumerate(several):
            paint(tmp_path / "people" / name / f"{number}.png", degrees=angle)
    fixed = "--kind", "blurred", "--severity", "1"
    run = steadyface(
        "evaluate", "robustness", tmp_path / "people", "--output", tmp_path / "o", *fixed
    )
    assert (run.status, run.err) == (0, "")
    told, first = run.out.splitlines()[:2]
    assert told == (
        "data: 3 probes of people enrolled, 1 of strangers, 2 people enrolled with 2 references, "
        "1 strangers (Stranger); left out: nothing"
    )
    assert first.split()[:5] == ["clean", "label", "and", "identity", "75.0,"]
    result = json.loads((tmp_path / "o" / "robustness.json").read_text())
    assert (result["task"], result["cells"][1]["count"]) == ("match", 4)
    text = (tmp_path / "o" / "report.html").read_text()
    assert Page(text).open == []
    assert "not enrolled; matched Ann, similarity 1.00" in text
    two = steadyface(
        *("evaluate", "robustness", tmp_path / "people", "--output", tmp_path / "p", *fixed),
        *("--references", "2", "--json"),
    ).json
    assert two["cells"][0]["count"] == 1 + 3
    refused = steadyface(
        *("evaluate", "robustness", tmp_path / "people", "--output", tmp_path / "p", *fixed),
        *("--references", "3"),
    )
    assert refused.status == 2
    assert "nobody has more than 3 clean images" in refused.err


def test_two_results_are_compared(
    steadyface: Command, folder: Path, tmp_path: Path, fake_models: None
) -> None:
    for output, detection, seed in (("a", "auto", 0), ("b", "skip", 0), ("c", "auto", 1)):
        steadyface(
            *("evaluate", "robustness", folder, "--output", tmp_path / output),
            *("--kind", "blurred", "--severity", "2", "--seed", seed, "--detection", detection),
        )
    files = [tmp_path / name / "robustness.json" for name in "ab"]
    run = steadyface("compare", *files)
    assert run.status == 0
    lines = run.out.splitlines()
    assert [line.split()[0] for line in lines] == ["condition", "clean", "blurred:2"]
    assert lines[1].split()[1:4] == ["87.5", "87.5", "+0.0"]
    assert lines[1].endswith("no difference shown")
    told = steadyface("compare", *files, "--json").json
    assert told["schema"] == "steadyface/comparison/2"
    assert [row["condition"] for row in told["rows"]] == ["clean", "blurred:2"]
    assert {(row["test"], row["people"]) for row in told["rows"]} == {("McNemar's exact test", 8)}
    other = steadyface("compare", files[0], tmp_path / "c" / "robustness.json")
    assert other.status == 2
    assert "different questions (seed 0 and 1)" in other.err
    assert steadyface("compare", files[0], tmp_path / "none.json").status == 2
