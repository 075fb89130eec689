from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from steadyface.distortions.suites import Condition
from steadyface.evaluation.gender import evaluate_gender
from steadyface.evaluation.layouts import read_gender_folder, read_match_folder, read_pairs
from steadyface.evaluation.match import evaluate_match
from steadyface.evaluation.output import provenance
from steadyface.evaluation.pairs import PairsEvaluator
from steadyface.matching.calibration import expected_fpir, fmr_for_fpir, rule_for
from steadyface.models.catalog import load_catalog
from steadyface.pipeline import Analyzer

Command = Callable[..., Any]
Paint = Callable[..., Path]

MODEL = load_catalog().default("face-network").id
FINDER = load_catalog().default("detector").id
PLOTS = ["confusion.png", "roc.png", "scores.png"]

pytestmark = pytest.mark.usefixtures("fake_models")


@pytest.fixture
def genders(tmp_path: Path, paint: Paint) -> Path:
    paint(tmp_path / "genders" / "female" / "a.png", blue=204)
    paint(tmp_path / "genders" / "female" / "b_noisy.png", blue=51)
    paint(tmp_path / "genders" / "male" / "c.png", blue=51)
    paint(tmp_path / "genders" / "male" / "d_noisy.png", blue=26)
    return tmp_path / "genders"


@pytest.fixture
def probes(people: Path, paint: Paint) -> Path:
    """Distorted probes beside the references, and a folder `unknown` beside the people."""
    paint(people / "Ann" / "distortion" / "1_noisy.png", degrees=8)
    paint(people / "Ben" / "distortion" / "1_foggy.png", degrees=10)
    paint(people.parent / "unknown" / "x_foggy.png", degrees=200)
    return people


@pytest.fixture
def lfw(tmp_path: Path, paint: Paint) -> tuple[Path, Path]:
    """A pairs file and its images."""
    for name, degrees in (("Ann", 0), ("Ben", 90)):
        for number in (1, 2):
            paint(tmp_path / "lfw" / name / f"{name}_000{number}.jpg", degrees=degrees + number)
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("2 1\nAnn 1 2\nAnn 1 Ben 1\nBen 1 2\nBen 2 Ann 2\n")
    return pairs, tmp_path / "lfw"


@pytest.mark.parametrize("verb", ["gender", "match", "pairs"])
def test_the_limit_of_pixels_and_the_models_are_passed_on(
    steadyface: Command, genders: Path, probes: Path, lfw: tuple[Path, Path], verb: str
) -> None:
    places: dict[str, tuple[Path, ...]] = {"gender": (genders,), "match": (probes,), "pairs": lfw}
    ask = ("evaluate", verb, *places[verb])
    run = steadyface(*ask, "--max-pixels", 1)
    assert run.status == (2 if verb == "match" else 3)  # without references there is no match
    assert "over the limit of 1; " in run.err
    chosen = steadyface(*ask, "--model", "sface-base", "--detector", "yunet-base", "--json").json
    assert chosen["made_by"]["model"] == "sface-base"
    assert chosen["made_by"]["options"]["detector"] == "yunet-base"
    for option in ("--model", "--detector"):
        run = steadyface(*ask, option, "sface-bass")
        assert (run.status, run.out) == (2, "")
        assert run.err.startswith("steadyface: no model 'sface-bass', there are ")


def test_plots_that_cannot_be_drawn_are_named(
    steadyface: Command, people: Path, paint: Paint, tmp_path: Path
) -> None:
    paint(tmp_path / "one" / "Ann" / "1.png")
    paint(tmp_path / "one" / "Ann" / "distortion" / "1_noisy.png")
    run = steadyface("evaluate", "match", tmp_path / "one", "--plots", tmp_path / "plots")
    assert run.status == 0
    assert run.err == (
        "steadyface: roc.png and scores.png are not drawn: there is no non-mated comparison\n"
    )
    assert [file.name for file in (tmp_path / "plots").iterdir()] == PLOTS[:1]


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def as_text(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [{key: str(value) for key, value in row.items()} for row in rows]


def assert_plots(folder: Path) -> None:
    assert sorted(file.name for file in folder.iterdir()) == PLOTS
    for name in PLOTS:
        with Image.open(folder / name) as picture:
            assert picture.format == "PNG"


# --- gender ---------------------------------------------------------------------------------------


def test_gender_delivers_figures_rows_and_plots(
    steadyface: Command, genders: Path, tmp_path: Path
) -> None:
    table, plots = tmp_path / "new" / "a.csv", tmp_path / "plots"
    run = steadyface("evaluate", "gender", genders, "--json", "--csv", table, "--plots", plots)
    assert (run.status, run.err) == (0, "")
    evaluation = evaluate_gender(Analyzer(), read_gender_folder(genders))
    assert run.json == evaluation.summary() | {
        "made_by": provenance(MODEL, {"detection": "auto", "face": "central", "detector": FINDER}),
    }
    assert run.json["overall"]["accuracy"] == 3 / 4
    assert rows_of(table) == as_text(evaluation.rows())
    assert len(rows_of(table)) == 4
    assert_plots(plots)


def test_gender_as_text(steadyface: Command, genders: Path) -> None:
    run = steadyface("evaluate", "gender", genders)
    assert (run.status, run.err) == (0, "")
    assert run.out.splitlines() == [
        "kind   images  accuracy  recall female  recall male  F1 macro  ROC AUC",
        "clean       2    100.00         100.00       100.00    100.00   100.00",
        "noisy       2     50.00           0.00       100.00     33.33   100.00",
        "all         4     75.00          50.00       100.00     73.33    87.50",
        "faces: 4 found",
    ]


def test_gender_failures_are_named_and_are_wrong_at_every_threshold(
    steadyface: Command, genders: Path, break_image: Paint
) -> None:
    lost = [break_image(genders / "male" / name) for name in ("c.png", "d_noisy.png")]
    run = steadyface("evaluate", "gender", genders)
    assert run.status == 3
    assert [line.split(": ")[1] for line in run.err.splitlines()] == [str(file) for file in lost]
    assert "not an image" in run.err
    *_, total, faces = run.out.splitlines()
    assert total.split() == ["all", "4", "25.00", "50.00", "0.00", "33.33", "0.00"]
    assert faces == "faces: 2 found, 2 undecodable"


def test_gender_passes_on_how_faces_are_looked_for(
    steadyface: Command, genders: Path, paint_black: Paint
) -> None:
    black = paint_black(genders / "female" / "e.png")
    for detection, count in (("auto", "assumed"), ("require", "undetected"), ("skip", "skipped")):
        run = steadyface("evaluate", "gender", genders, "--detection", detection, "--json")
        assert run.json["overall"]["detection"][count] == (5 if detection == "skip" else 1)
        asked = {"detection": detection, "face": "central", "detector": FINDER}
        assert run.json["made_by"]["options"] == asked
        assert run.status == (3 if detection == "require" else 0)
        assert run.err.startswith(f"steadyface: {black}: no face") == (detection == "require")


def test_the_face_that_counts_is_the_central_one_unless_told(
    steadyface: Command, genders: Path
) -> None:
    for arguments, face in (((), "central"), (("--faces", "largest"), "largest")):
        run = steadyface("evaluate", "gender", genders, "--json", *arguments)
        assert run.json["made_by"]["options"]["face"] == face


# --- match ----------------------------------------------------------------------------------------


def test_match_delivers_figures_rows_and_plots(
    steadyface: Command, probes: Path, tmp_path: Path
) -> None:
    unknown = tmp_path / "unknown"
    table, plots = tmp_path / "a.csv", tmp_path / "plots"
    where = "--csv", table, "--plots", plots
    run = steadyface("evaluate", "match", probes, "--unknown", unknown, "--json", *where)
    assert (run.status, run.err) == (0, "")
    evaluation = evaluate_match(Analyzer(), read_match_folder(probes, unknown), rule_for(MODEL))
    assert run.json == evaluation.summary() | {
        "made_by": provenance(MODEL, {"detection": "auto", "face": "central", "detector": FINDER}),
    }
    assert (run.json["overall"]["known"], run.json["overall"]["unknown"]) == (2, 1)
    assert run.json["overall"]["rank_1"] == 1 / 2
    assert rows_of(table) == as_text(evaluation.rows())
    assert len(rows_of(table)) == 3
    assert_plots(plots)


def test_a_folder_of_strangers_is_one_person(
    steadyface: Command, probes: Path, tmp_path: Path, paint: Paint
) -> None:
    for number in range(10):  # one looks like Ann on every image, the other like nobody
        paint(tmp_path / "strangers" / "Like" / f"{number}.png", degrees=0)
        paint(tmp_path / "strangers" / "Unlike" / f"{number}.png", degrees=200)
    run = steadyface("evaluate", "match", probes, "--unknown", tmp_path / "strangers", "--json")
    assert run.json["overall"]["decisions"]["fpir"] == {"value": 0.5, "interval": [0, 1]}


def test_match_as_text(steadyface: Command, probes: Path, tmp_path: Path) -> None:
    threshold = f"{rule_for(MODEL).threshold:.3f}"
    run = steadyface("evaluate", "match", probes, "--unknown", tmp_path / "unknown")
    assert (run.status, run.err) == (0, "")
    first, header, foggy, noisy, total, decided, faces = run.out.splitlines()
    assert first == f"2 identities, 3 references, threshold {threshold} (FMR 0.001)"
    assert " ".join(header.split()) == (
        "kind probes label acc. label+id acc. rank 1 rank 5 TAR@1e-3 EER FNIR@1e-2"
    )
    assert foggy.split()[:6] == ["foggy", "2", "100.00", "50.00", "0.00", "100.00"]
    assert noisy.split()[:6] == ["noisy", "1", "100.00", "100.00", "100.00", "100.00"]
    assert total.split()[:6] == ["all", "3", "100.00", "66.67", "50.00", "100.00"]
    assert total.split()[-1] == "-"
    assert decided.startswith(
        "strangers matched (FPIR) 0.00 % (expected of the stated FMR: 0.20 %)"
    )
    assert faces == "faces: 3 found"


def test_match_at_a_rate_or_a_threshold_of_the_users(steadyface: Command, probes: Path) -> None:
    by_rate = steadyface("evaluate", "match", probes, "--fmr", "1e-2", "--json").json["rule"]
    expected = rule_for(MODEL, fmr=1e-2)
    assert by_rate == {
        "threshold": expected.threshold,
        "fmr": 1e-2,
        "interval": list(expected.interval or ()),
        "calibration": expected.calibration,
        "expected_fpir": expected_fpir(1e-2, 2),
    }
    run = steadyface("evaluate", "match", probes, "--threshold", "0")
    assert run.out.startswith("2 identities, 3 references, threshold 0.000 (set by hand)\n")
    by_hand = steadyface("evaluate", "match", probes, "--threshold", "0", "--json").json["rule"]
    assert by_hand["threshold"] == 0.0
    assert {value for name, value in by_hand.items() if name != "threshold"} == {None}


def test_match_at_a_share_of_strangers(steadyface: Command, probes: Path, tmp_path: Path) -> None:
    unknown = "--unknown", tmp_path / "unknown"
    run = steadyface("evaluate", "match", probes, *unknown, "--fpir", "0.1")
    rule = rule_for(MODEL, fmr=fmr_for_fpir(0.1, 2))
    assert run.out.startswith(f"2 identities, 3 references, threshold {rule.threshold:.3f} (FMR ")
    assert (
        "strangers matched (FPIR) 0.00 % (expected of the stated FMR: 10.00 %), known people "
        "missed (FNIR) 50.00 %" in run.out
    )
    told = steadyface("evaluate", "match", probes, "--fpir", "0.1", "--json").json
    assert told["rule"]["expected_fpir"] == pytest.approx(0.1)
    assert told["overall"]["decisions"]["fpir"] == {"value": None, "interval": None}
    both = steadyface("evaluate", "match", probes, "--fpir", "0.1", "--fmr", "0.01")
    assert (both.status, both.err) == (
        2,
        "steadyface: give a target FMR or a target FPIR, not both\n",
    )
    beyond = steadyface("evaluate", "match", probes, "--fpir", "1e-9")
    assert beyond.status == 2
    assert "FPIR 1e-09 with 2 identities needs an FMR of 5e-10, and calibration" in beyond.err
    assert "supports 1e-05 to 0.1, which is FPIR 2e-05 to 0.19 with so many;" in beyond.err
    assert steadyface("evaluate", "match", probes, "--fpir", "2e-05").status == 0


def test_match_names_probes_and_references_that_fail(
    steadyface: Command, probes: Path, break_image: Paint
) -> None:
    probe = break_image(probes / "Ann" / "distortion" / "2_noisy.png")
    reference = break_image(probes / "Ann" / "3.png")
    run = steadyface("evaluate", "match", probes, "--json")
    assert run.status == 3
    assert [line.split(": ")[1] for line in run.err.splitlines()] == [str(probe), str(reference)]
    assert run.json["overall"]["probes"] == 3
    assert run.json["overall"]["label"]["accuracy"] == 2 / 3


# --- pairs ----------------------------------------------------------------------------------------


def test_pairs_deliver_figures_rows_and_plots(
    steadyface: Command, lfw: tuple[Path, Path], tmp_path: Path
) -> None:
    table, plots = tmp_path / "a.csv", tmp_path / "plots"
    where = "--csv", table, "--plots", plots
    options = "--distort", "noisy:2", "--seed", 3
    run = steadyface("evaluate", "pairs", *lfw, "--json", *options, *where)
    assert (run.status, run.err) == (0, "")
    evaluator = PairsEvaluator(Analyzer(), read_pairs(lfw[0]), lfw[1], seed=3)
    evaluation = evaluator.evaluate(Condition("noisy", 2))
    assert run.json == evaluation.summary() | {
        "made_by": provenance(
            MODEL, {"detection": "auto", "face": "central", "detector": FINDER, "seed": 3}
        ),
    }
    assert run.json["condition"] == "noisy:2"
    assert rows_of(table) == as_text(evaluation.rows())
    assert len(rows_of(table)) == 4
    assert_plots(plots)


def test_pairs_as_text(steadyface: Command, lfw: tuple[Path, Path]) -> None:
    run = steadyface("evaluate", "pairs", *lfw)
    assert (run.status, run.err) == (0, "")
    assert run.out.splitlines() == [
        "4 pairs (0 without an answer), second image: clean",
        "accuracy          100.00 % +- 0.00",
        "TAR at FMR 1e-3   - %",
        "EER               0.00 %",
        "ROC AUC           100.00 %",
        "second images: faces: 3 found",
    ]


def test_pairs_name_an_image_that_fails(
    steadyface: Command, lfw: tuple[Path, Path], break_image: Paint
) -> None:
    break_image(lfw[1] / "Ann" / "Ann_0001.jpg")
    run = steadyface("evaluate", "pairs", *lfw, "--distort", "foggy:1", "--json")
    assert run.status == 3
    (line,) = run.err.splitlines()
    assert line.startswith("steadyface: Ann/Ann_0001.jpg: not an image")
    assert run.json["pairs"] == 4
