from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steadyface.gallery import Counts, open_gallery
from steadyface.matching.calibration import DecisionRule, load_calibration, rule_for
from steadyface.models.catalog import load_catalog

Command = Callable[..., Any]
Paint = Callable[..., Path]

MODEL = load_catalog().default("face-network").id
COS_10 = 0.985

pytestmark = pytest.mark.usefixtures("fake_models")


@pytest.fixture(scope="module")
def rule() -> DecisionRule:
    """The decision rule where none is asked for."""
    return rule_for(MODEL)


def decided(rule: DecisionRule) -> str:
    return f"threshold {rule.threshold:.3f}, FMR {rule.fmr:g}"


def similarity(printed: str) -> float:
    """The number after the word."""
    return float(printed.partition("similarity ")[2].split()[0].rstrip(","))


# --- gender ---------------------------------------------------------------------------------------


def test_gender_of_files_and_folders_in_order(
    steadyface: Command, tmp_path: Path, paint: Paint, paint_black: Paint
) -> None:
    b = paint(tmp_path / "folder" / "deep" / "b.png", blue=51)
    a = paint(tmp_path / "folder" / "a.png", blue=204)
    c = paint_black(tmp_path / "c.png")
    run = steadyface("gender", c, tmp_path / "folder")
    assert (run.status, run.err) == (0, "")
    assert run.out.splitlines() == [
        f"{c}: male 1.000 [no face found: middle of the image taken as a face]",
        f"{a}: female 0.800",
        f"{b}: male 0.800",
    ]


def test_gender_as_json_with_the_failures(
    steadyface: Command, tmp_path: Path, paint: Paint, break_image: Paint
) -> None:
    good, broken = paint(tmp_path / "a.png", blue=204), break_image(tmp_path / "b.png")
    missing = tmp_path / "c.png"
    run = steadyface("gender", broken, good, missing, "--json")
    assert run.status == 3
    (result,) = run.json["results"]
    assert result["source"] == str(good)
    (face,) = result["faces"]
    assert (face["gender"], face["probability"], face["p_female"]) == ("female", 0.8, 0.8)
    assert (face["detection"], face["view"], face["score"]) == ("found", "raw", 0.9)
    assert face["box"] == [0, 0, 112, 112]
    assert len(face["landmarks"]) == 5
    errors = run.json["errors"]
    assert [error["source"] for error in errors] == [str(broken), str(missing)]
    assert run.err.splitlines() == [f"steadyface: {error['error']}" for error in errors]
    assert errors[1]["error"] == f"{missing}: no such file; check the path"


def test_gender_below_the_least_confidence_is_uncertain(
    steadyface: Command, tmp_path: Path, paint: Paint
) -> None:
    image = paint(tmp_path / "a.png", blue=204)
    assert (
        steadyface("gender", image, "--min-confidence", "0.9").out == f"{image}: uncertain 0.800\n"
    )
    assert steadyface("gender", image, "--min-confidence", "0.8").out == f"{image}: female 0.800\n"


# --- verify ---------------------------------------------------------------------------------------


def test_verify_says_yes_or_no_by_its_exit_status(
    steadyface: Command, people: Path, rule: DecisionRule
) -> None:
    ann, ann_again, ben = (
        people / "Ann" / "1.png",
        people / "Ann" / "2.png",
        people / "Ben" / "1.png",
    )
    same = steadyface("verify", ann, ann_again)
    assert (same.status, same.err) == (0, "")
    assert similarity(same.out) == pytest.approx(COS_10, abs=0.01)
    assert same.out.startswith("same person: similarity ")
    assert same.out.endswith(f" ({decided(rule)})\n")
    different = steadyface("verify", ann, ben)
    assert (different.status, different.err) == (1, "")
    assert different.out == (
        f"different people: similarity 0.000, probability 0.00 ({decided(rule)})\n"
    )


def test_verify_as_json(steadyface: Command, people: Path, rule: DecisionRule) -> None:
    run = steadyface("verify", people / "Ann" / "1.png", people / "Ben" / "1.png", "--json")
    assert run.status == 1
    first, second = run.json.pop("first"), run.json.pop("second")
    assert first["detection"] == second["detection"] == "found"
    answer = {key: run.json[key] for key in run.json if key not in ("first", "second")}
    assert rule.probability is not None
    assert answer.pop("probability") == round(float(rule.probability(0.0, (0, 0))), 4)
    likelier = "verify", people / "Ann" / "1.png", people / "Ben" / "1.png", "--json"
    prior = steadyface(*likelier, "--prior", "0.9").json["probability"]
    assert prior == round(float(rule.probability(0.0, (0, 0), prior=0.9)), 4)
    assert "prior 1 is no share" in steadyface(*likelier, "--prior", "1").err
    assert answer == {
        "label": 0,
        "similarity": 0.0,
        "threshold": round(rule.threshold, 4),
        "fmr": rule.fmr,
        "calibration": rule.calibration,
    }


@pytest.mark.parametrize(
    ("threshold", "degrees", "label"),
    [("0", 80, 1), ("0", 100, 0), ("-0.5", 100, 1), ("0.99", 10, 0), ("1", 0, 1)],
)
def test_a_threshold_given_by_hand_decides_even_when_it_is_zero(
    steadyface: Command, tmp_path: Path, paint: Paint, threshold: str, degrees: int, label: int
) -> None:
    a, b = paint(tmp_path / "a.png"), paint(tmp_path / "b.png", degrees=degrees)
    run = steadyface("verify", a, b, f"--threshold={threshold}", "--json")
    assert run.status == 1 - label
    assert (run.json["label"], run.json["threshold"]) == (label, float(threshold))
    assert (run.json["fmr"], run.json["calibration"]) == (None, None)
    text = steadyface("verify", a, b, f"--threshold={threshold}").out
    assert text.endswith(f" (threshold {float(threshold):.3f}, set by hand)\n")


def test_a_rate_moves_the_threshold(steadyface: Command, people: Path) -> None:
    images = people / "Ann" / "1.png", people / "Ann" / "2.png"
    strict, loose = (
        steadyface("verify", *images, "--fmr", rate, "--json").json for rate in ("1e-4", "1e-2")
    )
    assert (strict["fmr"], loose["fmr"]) == (1e-4, 1e-2)
    assert strict["threshold"] == round(rule_for(MODEL, fmr=1e-4).threshold, 4)
    assert loose["threshold"] == round(rule_for(MODEL, fmr=1e-2).threshold, 4)
    assert strict["threshold"] > loose["threshold"]


def test_verify_names_every_image_that_fails_and_how_faces_were_come_by(
    steadyface: Command, tmp_path: Path, break_image: Paint, paint_black: Paint
) -> None:
    broken, missing = break_image(tmp_path / "a.png"), tmp_path / "b.png"
    run = steadyface("verify", broken, missing, "--json")
    assert run.status == 3
    named = [line.split(": ")[1] for line in run.err.splitlines()]
    assert named == [str(broken), str(missing)]
    assert [error["source"] for error in run.json["errors"]] == named
    assert [f"steadyface: {e['error']}" for e in run.json["errors"]] == run.err.splitlines()
    black = paint_black(tmp_path / "c.png")
    for options in ((), ("--json",)):
        blind = steadyface("verify", black, black, *options)
        assert blind.status == 3
        assert blind.err == (
            f"steadyface: {black} and {black}: no face was found in either image; use clearer "
            "ones, or detection 'skip' if both are face crops\n"
        )
    assert blind.json["errors"][0]["source"] == f"{black} and {black}"


def test_an_image_without_a_face_is_compared_at_a_threshold_of_its_own(
    steadyface: Command, people: Path, tmp_path: Path, paint_black: Paint
) -> None:
    image, black = people / "Ann" / "1.png", paint_black(tmp_path / "c.png")
    answer = steadyface("verify", image, black, "--json").json
    rule = load_calibration(MODEL).rule()
    assert answer["threshold"] == round(rule.assumed[0], 4)
    lines = steadyface("verify", image, black).out.splitlines()
    assert lines[1:] == [f"{black}: [no face found: middle of the image taken as a face]"]


# --- enroll and match -----------------------------------------------------------------------------


def contents(file: Path) -> Counts:
    with open_gallery(file, model_id=MODEL) as opened:
        return opened.count()


def test_enroll_stores_every_image_with_a_face(
    steadyface: Command, people: Path, tmp_path: Path, paint_black: Paint
) -> None:
    black = paint_black(people / "Ben" / "2.png")
    file = tmp_path / "new.db"
    run = steadyface("enroll", people, "--gallery", file)
    assert (run.status, run.err) == (
        3,
        f"steadyface: {black}: no face was found; use a clearer image, or detection 'skip' if it "
        "is a face crop\n",
    )
    assert run.out.splitlines() == ["Ann: 2 references", "Ben: 1 reference"]
    with open_gallery(file, model_id=MODEL) as opened:
        assert [r.source for r in opened.references("Ann")] == [
            str(people / "Ann" / "1.png"),
            str(people / "Ann" / "2.png"),
        ]
        assert opened.count() == Counts(2, 3)
    again = steadyface("enroll", people, "--gallery", file)
    assert again.out.splitlines() == [
        "Ann: 0 references, 2 held already",
        "Ben: 0 references, 1 held already",
    ]
    assert contents(file) == Counts(2, 3)


def test_one_bad_image_keeps_nobody_else_out(
    steadyface: Command, people: Path, tmp_path: Path, break_image: Paint
) -> None:
    broken = break_image(people / "Ann" / "0.png")
    file = tmp_path / "new.db"
    run = steadyface("enroll", people, "--gallery", file, "--json")
    assert run.status == 3
    assert contents(file) == Counts(2, 3)
    (error,) = run.json["enrolled"][0]["errors"]
    assert run.err == f"steadyface: {error['error']}\n"
    assert error["source"] == str(broken)
    assert error["error"].startswith(f"{broken}: not an image")
    assert run.json["gallery"] == str(file)
    ann, ben = run.json["enrolled"]
    assert (ann["identity"], ann["references"]) == ("Ann", 2)
    assert ben == {
        "identity": "Ben",
        "references": 1,
        "held": 0,
        "duplicates": [],
        "poor": [],
        "lookalikes": [],
        "errors": [],
    }


def test_a_person_of_whom_no_image_can_be_used_is_named(
    steadyface: Command, people: Path, tmp_path: Path, break_image: Paint
) -> None:
    broken = break_image(people / "Aaron" / "1.png")
    (people / "Cy").mkdir()
    file = tmp_path / "new.db"
    run = steadyface("enroll", people, "--gallery", file)
    assert run.status == 3
    assert run.out.splitlines() == [
        "Aaron: 0 references",
        "Ann: 2 references",
        "Ben: 1 reference",
        "Cy: 0 references",
    ]
    first, *rest = run.err.splitlines()
    assert first.startswith(f"steadyface: {broken}: not an image")
    why = "nobody enrolled, for no image in it can be used; add a clear one"
    assert rest == [
        f"steadyface: {people / 'Aaron'}: {why}",
        f"steadyface: {people / 'Cy'}: {why}",
    ]
    assert contents(file) == Counts(2, 3)


def test_match_tells_known_from_unknown(
    steadyface: Command, gallery: Path, tmp_path: Path, paint: Paint, rule: DecisionRule
) -> None:
    known, unknown = paint(tmp_path / "k.png", degrees=85), paint(tmp_path / "u.png", degrees=225)
    run = steadyface("match", known, unknown, "--gallery", gallery)
    assert (run.status, run.err) == (0, "")
    first, second = run.out.splitlines()
    assert first.startswith(f"{known}: match Ben: similarity 0.99")
    assert first.endswith(f" ({decided(rule)})")
    assert second.startswith(f"{unknown}: no match: similarity -0.7")
    assert second.endswith(f", best Ben ({decided(rule)})")
    assert steadyface("match", unknown, "--gallery", gallery).status == 1


def test_match_as_json(
    steadyface: Command, gallery: Path, tmp_path: Path, paint: Paint, rule: DecisionRule
) -> None:
    probe = paint(tmp_path / "k.png", degrees=85)
    run = steadyface("match", probe, "--gallery", gallery, "--json")
    (result,) = run.json["results"]
    assert run.json["errors"] == []
    assert (result["source"], result["label"], result["identity"]) == (str(probe), 1, "Ben")
    assert [c["identity"] for c in result["candidates"]] == ["Ben", "Ann"]
    assert result["similarity"] == result["candidates"][0]["similarity"]
    # Ann is the mean of her two references, at 5 degrees.
    assert result["candidates"][1]["similarity"] == pytest.approx(0.1736, abs=0.01)
    assert (result["fmr"], result["calibration"]) == (rule.fmr, rule.calibration)
    assert result["face"]["detection"] == "found"
    top = steadyface("match", probe, "--gallery", gallery, "--json", "--top", 1).json["results"]
    assert [c["identity"] for c in top[0]["candidates"]] == ["Ben"]


def test_match_with_a_threshold_of_zero(
    steadyface: Command, gallery: Path, tmp_path: Path, paint: Paint
) -> None:
    probe = paint(tmp_path / "p.png", degrees=175)  # 85 degrees from Ben
    assert steadyface("match", probe, "--gallery", gallery).status == 1
    run = steadyface("match", probe, "--gallery", gallery, "--threshold", "0")
    assert run.status == 0
    assert ": match Ben: " in run.out and "(threshold 0.000, set by hand)" in run.out


def test_match_names_what_it_cannot_read_and_does_the_rest(
    steadyface: Command, gallery: Path, tmp_path: Path, paint: Paint, break_image: Paint
) -> None:
    broken, known = break_image(tmp_path / "a.png"), paint(tmp_path / "b.png", degrees=90)
    run = steadyface("match", broken, known, "--gallery", gallery)
    assert run.status == 3
    assert run.out.startswith(f"{known}: match Ben: ")
    assert run.err.startswith(f"steadyface: {broken}: not an image")
    as_json = steadyface("match", broken, known, "--gallery", gallery, "--json")
    assert as_json.status == 3
    assert [r["identity"] for r in as_json.json["results"]] == ["Ben"]
    assert [e["source"] for e in as_json.json["errors"]] == [str(broken)]


def test_match_against_an_empty_gallery(
    steadyface: Command, tmp_path: Path, paint: Paint, rule: DecisionRule
) -> None:
    open_gallery(tmp_path / "empty.db", model_id=MODEL, mode="create").close()
    probe = paint(tmp_path / "p.png")
    run = steadyface("match", probe, "--gallery", tmp_path / "empty.db")
    assert (run.status, run.err) == (1, "")
    assert run.out == f"{probe}: no match (the gallery is empty)\n"
    (result,) = steadyface("match", probe, "--gallery", tmp_path / "empty.db", "--json").json[
        "results"
    ]
    assert (result["label"], result["similarity"], result["candidates"]) == (0, None, [])
