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
    assert (result["schema"], result["unlabelled"]) == ("steadyface/fairness/2", 3)
    assert (result["rule"], result["unmatched_rows"]) == (None, [])
    assert (result["small_group"], result["small_people"]) == (30, 10)
    accuracy = result["comparisons"][0]
    assert (accuracy["worst"], accuracy["difference"]) == ("old", 0.25)
    assert set(accuracy) == {"column", "measure", "groups", "worst", "difference", "ratio"}
    assert accuracy["ratio"] is None  # the young have no error to divide by
    old, unknown, young = accuracy["groups"]
    assert (old["group"], old["count"], old["value"], old["small"]) == ("old", 40, 0.75, False)
    assert (old["people"], young["people"], unknown["people"]) == (20, 40, 3)
    assert old["interval"][0] < 0.75 < old["interval"][1]
    assert (unknown["group"], unknown["value"], unknown["small"]) == ("unknown", 0, True)
    assert young["value"] == young["interval"][1] == 1
    assert 0.9 < young["interval"][0] < 0.95  # Wilson's of forty people
    page = (output / "report.html").read_text()
    assert '<tr class="small"><td>unknown (few)</td><td>3</td><td>3</td>' in page
    assert "The table says nothing of 3 images" in page
    assert "<td>old</td><td>40</td><td>20</td><td>75.0 %</td>" in page
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
    assert {g["people"] for g in misses["groups"]} == {g["people"] for g in false["groups"]} == {40}
    assert run.json["rule"] == {"fmr": None, "threshold": 0.995, "calibration": None}
    page = (tmp_path / "o" / "report.html").read_text()
    assert "decided\nat a similarity of 0.995, a threshold set by hand, by one rule" in page
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


def fairness_of(
    steadyface: Command, data: Path, table: str, *more: object, columns: tuple[str, ...] = ("age",)
) -> Any:
    """Run on a table given as text; returns what the command did."""
    file = data.parent / "given.csv"
    file.write_text(table)
    groups = [word for column in columns for word in ("--group", column)]
    return steadyface(
        *("evaluate", "fairness", data, "--table", file, *groups),
        *("--output", data.parent / "o", "--json", *more),
    )


def test_an_image_with_an_empty_cell_is_labelled_and_others_are_not(
    steadyface: Command, folder: Path
) -> None:
    run = fairness_of(steadyface, folder, "image,age\nold0.png,old\nold1.png,\n")
    assert run.json["unlabelled"] == 81  # of 83; old1 has a row, though it says nothing of its age
    unknown = next(g for g in run.json["comparisons"][0]["groups"] if g["group"] == "unknown")
    assert unknown["count"] == 82


def test_rows_that_match_no_image_are_named_everywhere(steadyface: Command, folder: Path) -> None:
    table = "image,age\nold0.png,old\ngone.png,old\nmale/gone.png,young\n"
    run = fairness_of(steadyface, folder, table)
    assert (run.status, run.json["unmatched_rows"]) == (0, ["gone.png", "male/gone.png"])
    words = "2 rows match no image that was measured: gone.png, male/gone.png"
    assert run.err == f"steadyface: {folder.parent / 'given.csv'}: {words}\n"
    assert f"Of the table {words}." in (folder.parent / "o" / "report.html").read_text()
    many = "image,age\nold0.png,old\n" + "".join(f"no{n:02d}.png,old\n" for n in range(25))
    told = fairness_of(steadyface, folder, many).err
    assert "25 rows match" in told and told.endswith("no19.png and 5 more, see fairness.json\n")


def test_one_large_group_is_not_compared_with_itself_nor_with_unknown(
    steadyface: Command, folder: Path
) -> None:
    rows = "".join(f"young{n}.png,young\n" for n in range(YOUNG))
    run = fairness_of(steadyface, folder, f"image,age\n{rows}")
    accuracy = run.json["comparisons"][0]
    unknown, young = accuracy["groups"]
    assert (unknown["group"], unknown["count"], unknown["small"]) == ("unknown", 43, False)
    assert young["small"] is False
    assert (accuracy["worst"], accuracy["difference"], accuracy["ratio"]) == (None, None, None)


def test_a_name_that_fits_several_images_has_to_be_a_path(
    steadyface: Command, tmp_path: Path, paint: Paint, fake_models: None
) -> None:
    for person in "AB":
        for number in range(2):
            paint(tmp_path / "d" / "female" / person / f"{number}.png", blue=200 + number)
            paint(tmp_path / "d" / "male" / f"{person}{number}.png", blue=number)
    run = fairness_of(steadyface, tmp_path / "d", "image,age\n0.png,old\n1.png,old\n")
    assert run.status == 2
    assert "row '0.png' fits 2 images, such as female/A/0.png and female/B/0.png" in run.err
    assert "give paths below" in run.err
    rows = "".join(f"female/{p}/{n}.png,old\nmale/{p}{n}.png,old\n" for p in "AB" for n in (0, 1))
    run = fairness_of(steadyface, tmp_path / "d", f"image,age\n{rows}")
    (old,) = run.json["comparisons"][0]["groups"]
    # A and B are two people with folders; of the men nothing is known.
    assert (old["count"], old["people"]) == (8, 2 + 4)


def test_a_group_without_a_usable_face_is_listed(
    steadyface: Command, tmp_path: Path, paint: Paint, break_image: Paint, fake_models: None
) -> None:
    paint(tmp_path / "d" / "female" / "a.png", blue=200)
    break_image(tmp_path / "d" / "male" / "b.png")
    run = fairness_of(steadyface, tmp_path / "d", "image,age\na.png,old\nb.png,young\n")
    quality = run.json["comparisons"][1]
    assert quality["groups"][1] == {
        **{"group": "young", "count": 0, "people": 0, "value": None},
        **{"interval": None, "small": True},
    }
    page = (tmp_path / "o" / "report.html").read_text()
    assert "<td>young (few)</td><td>0</td><td>0</td><td>-</td><td>-</td>" in page


def test_a_rate_or_threshold_is_for_pairs(steadyface: Command, folder: Path) -> None:
    for given in (("--fmr", "0.01"), ("--threshold", "0.3")):
        run = fairness_of(steadyface, folder, "image,age\nold0.png,old\n", *given)
        assert run.status == 2
        assert "--fmr and --threshold go with a pairs file" in run.err


def test_a_stated_rate_is_told_with_its_threshold(
    steadyface: Command, tmp_path: Path, paint: Paint, fake_models: None
) -> None:
    for name, angle in (("Ann", 0), ("Ben", 90)):
        for number in (1, 2):
            paint(tmp_path / "i" / name / f"{name}_000{number}.jpg", degrees=angle)
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("2 1\nAnn 1 2\nAnn 1 Ben 1\nBen 1 2\nAnn 2 Ben 2\n")
    table = "image,age\n" + "".join(f"Ann_000{n}.jpg,old\nBen_000{n}.jpg,old\n" for n in (1, 2))
    run = fairness_of(steadyface, pairs, table, "--images", tmp_path / "i", "--fmr", "0.01")
    rule = run.json["rule"]
    assert rule["fmr"] == 0.01 and rule["calibration"] and -1 < rule["threshold"] < 1
    page = (tmp_path / "o" / "report.html").read_text()
    assert f"decided\nat the stated FMR of 0.01 (calibration {rule['calibration']}" in page
