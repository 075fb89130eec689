from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
Paint = Callable[..., Path]

OLD, YOUNG = 40, 40


@pytest.fixture
def folder(tmp_path: Path, paint: Paint, fake_models: None) -> Path:
    """Forty old women, ten of whom look like men; forty young men; three of no known age."""
    folder = tmp_path / "d"
    rows = ["image,age,identity"]
    for number in range(OLD):
        blue = 30 + number if number < 10 else 200 + number
        paint(folder / "female" / f"old{number}.png", blue=blue)
        rows.append(f"old{number}.png,old,o{number // 2}")
    for number in range(YOUNG):
        paint(folder / "male" / f"young{number}.png", blue=number)
        rows.append(f"male/young{number}.png,young,y{number}")
    for number in range(3):
        paint(folder / "male" / f"other{number}.png", blue=250 - number)
    (tmp_path / "groups.csv").write_text("\n".join(rows))
    return folder


def test_gender_by_group(steadyface: Command, folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "o"
    run = steadyface(
        *("evaluate", "fairness", folder, "--table", tmp_path / "groups.csv"),
        *("--group", "age", "--output", output),
    )
    assert (run.status, run.err) == (0, "")
    assert run.out.splitlines() == [
        "accuracy of female or male by age: worst old 75.00 %, difference 25.00 points",
        "quality by age: no two groups are large enough to compare",
        f"report: {output / 'report.html'}",
    ]
    result = json.loads((output / "fairness.json").read_text())
    assert (result["schema"], result["unlabelled"]) == ("steadyface/fairness/1", 3)
    accuracy = result["comparisons"][0]
    assert (accuracy["worst"], accuracy["difference"]) == ("old", 0.25)
    assert accuracy["ratio"] is None  # the young have no error to divide by
    old, unknown, young = accuracy["groups"]
    assert (old["group"], old["count"], old["value"], old["small"]) == ("old", 40, 0.75, False)
    assert old["interval"][0] < 0.75 < old["interval"][1]
    assert (unknown["group"], unknown["value"], unknown["small"]) == ("unknown", 0, True)
    assert young["value"] == young["interval"][1] == 1
    assert 0.9 < young["interval"][0] < 0.95  # Wilson's of forty people
    page = (output / "report.html").read_text()
    assert '<tr class="small"><td>unknown (few)</td><td>3</td>' in page
    assert "The table says nothing of 3 images" in page
    assert "<td>old</td><td>40</td><td>75.0 %</td>" in page
    assert str(tmp_path) not in page


def test_pairs_by_group(
    steadyface: Command, tmp_path: Path, paint: Paint, fake_models: None
) -> None:
    # Two folds of 40 + 40. People of a are always found again; one in four of b never; all people
    # of b look alike.
    lines, rows = ["2 40"], ["image,group"]
    for fold in range(2):
        mated, non_mated = [], []
        for number in range(40):
            group, name = ("a" if number % 2 else "b"), f"P{fold}{number:02d}"
            angle = 4.4 * (number + 40 * fold) if group == "a" else 0.1 * number
            away = 90 if group == "b" and number % 8 == 0 else 0
            other = f"P{fold}{(number + 2) % 40:02d}"  # of the same group
            paint(tmp_path / "i" / name / f"{name}_0001.jpg", degrees=angle)
            paint(tmp_path / "i" / name / f"{name}_0002.jpg", degrees=angle + away)
            rows += [f"{name}/{name}_000{image}.jpg,{group}" for image in (1, 2)]
            mated.append(f"{name} 1 2")
            non_mated.append(f"{name} 1 {other} 1")
        lines += mated + non_mated
    (tmp_path / "pairs.txt").write_text("\n".join(lines))
    (tmp_path / "groups.csv").write_text("\n".join(rows))
    run = steadyface(
        *("evaluate", "fairness", tmp_path / "pairs.txt", "--images", tmp_path / "i"),
        *("--table", tmp_path / "groups.csv", "--group", "group", "--output", tmp_path / "o"),
        *("--threshold", "0.995", "--json"),
    )
    assert run.status == 0
    misses, false, _ = run.json["comparisons"]
    assert (misses["measure"], misses["worst"]) == ("FNMR", "b")
    assert {g["group"]: g["value"] for g in misses["groups"]} == {"a": 0, "b": 0.25}
    assert (false["measure"], false["worst"]) == ("FMR", "b")
    rates = {g["group"]: g["value"] for g in false["groups"]}
    assert rates["b"] == 1
    assert rates["a"] < 0.1
    assert sum(g["count"] for g in false["groups"]) == 80
    page = (tmp_path / "o" / "report.html").read_text()
    assert "FMR by group" in page and "1000.00 in 1,000" in page


def test_a_table_of_other_images_and_other_wrong_uses(
    steadyface: Command, folder: Path, tmp_path: Path
) -> None:
    table = tmp_path / "other.csv"
    table.write_text("image,age\nx.png,old\n")
    base = "evaluate", "fairness", folder, "--output", tmp_path / "o", "--group", "age"
    other = steadyface(*base, "--table", table)
    assert other.status == 2
    assert "the table names none of the 83 images" in other.err
    groups = tmp_path / "groups.csv"
    assert "has no column 'race'" in steadyface(*base, "--group", "race", "--table", groups).err
    images = steadyface(*base, "--table", groups, "--images", folder)
    assert "--images goes with a pairs file" in images.err


def test_an_image_without_an_answer_counts_in_its_group(
    steadyface: Command, folder: Path, tmp_path: Path, break_image: Paint
) -> None:
    bad = break_image(folder / "male" / "young0.png")
    run = steadyface(
        *("evaluate", "fairness", folder, "--table", tmp_path / "groups.csv"),
        *("--group", "age", "--output", tmp_path / "o"),
    )
    assert run.status == 3
    assert f"steadyface: {bad}: not an image" in run.err
    groups = json.loads((tmp_path / "o" / "fairness.json").read_text())["comparisons"][0]["groups"]
    young = next(g for g in groups if g["group"] == "young")
    assert (young["count"], young["value"]) == (40, 39 / 40)
