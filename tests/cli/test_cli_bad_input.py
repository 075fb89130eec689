"""What a command says of bad input: the whole line, the input and the remedy in it."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from steadyface.distortions import KINDS
from steadyface.gallery import open_gallery
from steadyface.matching.calibration import load_calibration
from steadyface.models.catalog import load_catalog
from steadyface.types import Embedding, Reference

Command = Callable[..., Any]
Paint = Callable[..., Path]

MODEL = load_catalog().default("face-network").id
NO_FACE = "no face was found; use a clearer image, or detection 'skip' if it is a face crop"

pytestmark = pytest.mark.usefixtures("fake_models")


def refused(run: Any, message: str, status: int = 2) -> None:
    assert run.err == f"steadyface: {message}\n"
    assert (run.status, run.out) == (status, "")


def wrong_option(run: Any, *words: str) -> None:
    """Click's own refusal: the usage, a way to the help, and what is wrong."""
    assert (run.status, run.out) == (2, "")
    assert run.err.startswith("Usage: steadyface ")
    assert "--help' for help." in run.err
    assert all(word in " ".join(run.err.split()) for word in words), run.err


# --- images ---------------------------------------------------------------------------------------


def test_no_face_where_one_is_required(
    steadyface: Command, tmp_path: Path, gallery: Path, paint_black: Paint
) -> None:
    black = paint_black(tmp_path / "people" / "Cy" / "a.png")
    line = f"{black}: {NO_FACE}"
    required = "--detection", "require"
    refused(steadyface("gender", black, *required), line, 3)
    refused(steadyface("match", black, "--gallery", gallery, *required), line, 3)
    twice = steadyface("verify", black, black, *required)
    assert (twice.status, twice.out) == (3, "")
    assert twice.err == f"steadyface: {line}\n" * 2
    enrolled = steadyface("enroll", black.parent.parent, "--gallery", tmp_path / "n.db", *required)
    assert enrolled.status == 3
    assert enrolled.err.splitlines()[0] == f"steadyface: {line}"


def test_a_folder_without_images(steadyface: Command, tmp_path: Path, gallery: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "notes.txt").write_text("no image")
    line = f"{folder}: no images in this folder; give one that holds files such as .jpg or .png"
    refused(steadyface("gender", folder), line)
    refused(steadyface("match", folder, "--gallery", gallery), line)
    refused(steadyface("distort", folder, tmp_path / "out"), line)


def test_a_folder_where_an_image_is_due(steadyface: Command, tmp_path: Path, paint: Paint) -> None:
    image = paint(tmp_path / "folder" / "a.png")
    line = f"{image.parent}: a directory, not a file; name an image in it"
    refused(steadyface("verify", image, image.parent), line, 3)
    refused(steadyface("distort", image.parent, tmp_path / "s.png", "--contact-sheet"), line, 3)


def test_a_missing_image(steadyface: Command, tmp_path: Path, gallery: Path, paint: Paint) -> None:
    missing = tmp_path / "missing.png"
    line = f"{missing}: no such file; check the path"
    refused(steadyface("gender", missing), line, 3)
    refused(steadyface("match", missing, "--gallery", gallery), line, 3)
    refused(steadyface("verify", paint(tmp_path / "a.png"), missing), line, 3)
    refused(steadyface("distort", missing, tmp_path / "out"), line, 3)


def test_a_path_that_the_system_refuses(steadyface: Command, tmp_path: Path) -> None:
    name = tmp_path / ("x" * 300)
    remedy = "check the path and its permissions"
    line = f"{name}: cannot be read (File name too long); {remedy}"
    refused(steadyface("gender", name), line, 3)
    refused(
        steadyface("enroll", name, "--gallery", tmp_path / "p.db"),
        f"{name}: File name too long; {remedy}",
    )


# --- folders in another layout --------------------------------------------------------------------


def test_folders_in_another_layout(steadyface: Command, tmp_path: Path, paint: Paint) -> None:
    folder = tmp_path / "photos"
    image = paint(folder / "a.png")
    expected: dict[str, str] = {
        "enroll": "one folder of images for each person",
        "evaluate gender": "images in female/ and male/",
        "evaluate match": "identity folders with clean images and a distortion/ folder of probes "
        "in each",
    }
    for words, layout in expected.items():
        more = ("--gallery", tmp_path / "p.db") if words == "enroll" else ()
        run = steadyface(*words.split(), folder, *more)
        refused(run, f"{folder}: expected {layout}, found a.png")
        run = steadyface(*words.split(), image, *more)
        refused(run, f"{image}: is a file; give a folder")
        run = steadyface(*words.split(), tmp_path / "none", *more)
        refused(run, f"{tmp_path / 'none'}: no such folder; check the path")
    assert not (tmp_path / "p.db").exists()


def test_pairs_and_images_that_do_not_belong_together(steadyface: Command, tmp_path: Path) -> None:
    pairs, images = tmp_path / "pairs.txt", tmp_path / "lfw"
    pairs.write_text("2 1\nAnn 1 2\nAnn 1 Ben 1\nBen 1 2\nBen 2 Ann 2\n")
    images.mkdir()
    refused(
        steadyface("evaluate", "pairs", pairs, images),
        f"{images}: expected the images of the pairs file, such as Ann/Ann_0001.jpg, found an "
        "empty folder",
    )
    refused(
        steadyface("evaluate", "pairs", tmp_path / "none.txt", images),
        f"{tmp_path / 'none.txt'}: cannot be read (No such file or directory); give a pairs file",
    )


def test_a_name_that_no_identity_can_have_is_refused_before_anyone_is_enrolled(
    steadyface: Command, people: Path, paint: Paint, tmp_path: Path
) -> None:
    paint(people / "two\nlines" / "1.png")
    refused(
        steadyface("enroll", people, "--gallery", tmp_path / "p.db"),
        r"'two\nlines' is no name for an identity: it holds the character '\n'; leave it out",
    )
    assert not (tmp_path / "p.db").exists()


# --- galleries ------------------------------------------------------------------------------------


def test_a_gallery_that_does_not_exist(steadyface: Command, people: Path, tmp_path: Path) -> None:
    file = tmp_path / "none.db"
    refused(
        steadyface("match", people / "Ann", "--gallery", file),
        f"{file}: no gallery is here; run `steadyface enroll` first",
    )
    refused(
        steadyface("enroll", people, "--gallery", tmp_path / "no" / "p.db"),
        f"{tmp_path / 'no' / 'p.db'}: the folder {tmp_path / 'no'} does not exist; make it first, "
        "or choose another",
    )


def test_a_folder_where_a_gallery_is_due(steadyface: Command, people: Path) -> None:
    line = f"{people}: is a folder; give the path of a file, as {people / 'people.db'}"
    refused(steadyface("match", people / "Ann", "--gallery", people), line)
    refused(steadyface("enroll", people, "--gallery", people), line)


NETWORKS = [entry.id for entry in load_catalog().models if entry.role == "face-network"]


@pytest.mark.parametrize("made_with", NETWORKS)
@pytest.mark.parametrize("asked_with", NETWORKS)
def test_a_gallery_keeps_to_the_network_that_it_was_made_with(
    steadyface: Command, people: Path, tmp_path: Path, made_with: str, asked_with: str
) -> None:
    file = tmp_path / "gallery.db"
    enrolled = steadyface("enroll", people, "--gallery", file, "--model", made_with)
    assert enrolled.status == 0
    probe = people / "Ann" / "1.png"
    run = steadyface("match", probe, "--gallery", file, "--model", asked_with)
    if asked_with == made_with:
        assert run.status == 0
        return
    assert (run.status, run.out) == (2, "")
    assert run.err.startswith(f"steadyface: {file}: made with the model {made_with!r}, but the ")
    for verb in ("enroll", "match"):
        again = steadyface(verb, people, "--gallery", file, "--model", asked_with)
        assert again.status == 2


def test_a_gallery_of_another_model(steadyface: Command, people: Path, tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    reference = Reference(Embedding(np.array([1, 0], dtype=np.float32), "other-model"))
    with open_gallery(file, model_id="other-model", mode="create") as opened:
        opened.enroll("Ann", [reference])
    line = (
        f"{file}: made with the model 'other-model', but the model in use is {MODEL!r}, and their "
        "embeddings do not compare; bring the gallery over with `steadyface gallery re-embed "
        "--images DIR`, DIR holding the enrolled images, or name its model"
    )
    refused(steadyface("match", people / "Ann", "--gallery", file), line)
    refused(steadyface("enroll", people, "--gallery", file), line)


@pytest.mark.parametrize("content", [b"not a database, but long enough " * 50, b"short"])
def test_a_gallery_that_is_none(
    steadyface: Command, people: Path, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "people.db"
    file.write_bytes(content)
    line = (
        f"{file}: not a steadyface gallery, or damaged (file is not a database); restore it from "
        "a copy, or make a new one with `steadyface enroll`"
    )
    refused(steadyface("match", people / "Ann", "--gallery", file), line)
    refused(steadyface("enroll", people, "--gallery", file), line)
    assert file.read_bytes() == content


@contextmanager
def held(file: Path, *statements: str) -> Iterator[None]:
    """The gallery while another process has it."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        for statement in statements:
            other.execute(statement)
        yield


@pytest.mark.parametrize("verb", ["match", "enroll"])
def test_a_gallery_that_is_locked(
    steadyface: Command, gallery: Path, people: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    impatient = partial(open_gallery, timeout=0.05)
    monkeypatch.setattr(f"steadyface.cli.{verb}.open_gallery", impatient)
    with held(gallery, "PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE"):
        refused(
            steadyface(verb, people, "--gallery", gallery),
            f"{gallery}: another process holds the gallery and did not let go within 0.05 s; try "
            "again when it has finished (in Python, `timeout` waits longer)",
        )


# --- options --------------------------------------------------------------------------------------


def test_rates_and_thresholds_that_make_no_sense(
    steadyface: Command, people: Path, gallery: Path
) -> None:
    calibration = load_calibration(MODEL)
    highest, lowest = calibration.located[0][0][0], calibration.located[0][-1][0]
    image = people / "Ann" / "1.png"
    verify = "verify", image, image
    match = "match", image, "--gallery", gallery
    for words in (verify, match):
        for rate in (lowest / 2, highest * 2, 0, -1, float("nan")):
            refused(
                steadyface(*words, f"--fmr={rate}"),
                f"calibration {calibration.id} supports FMR {lowest:g} to {highest:g}, not "
                f"{rate:g}; choose a rate in that range or give a threshold by hand",
            )
        refused(
            steadyface(*words, "--fmr", "1e-3", "--threshold", "0"),
            "give one of a target FMR, a threshold and a rule",
        )
        for threshold in ("2", "-1.5", "nan", "inf"):
            refused(
                steadyface(*words, f"--threshold={threshold}"),
                f"threshold {threshold} is no cosine similarity: give -1 to 1",
            )


def test_evaluation_takes_the_same_rates_and_thresholds(
    steadyface: Command, people: Path, paint: Paint
) -> None:
    paint(people / "Ann" / "distortion" / "1_noisy.png")
    refused(
        steadyface("evaluate", "match", people, "--threshold", "2"),
        "threshold 2 is no cosine similarity: give -1 to 1",
    )


def test_options_out_of_range(steadyface: Command, people: Path, tmp_path: Path) -> None:
    images, out = people / "Ann", tmp_path / "out"
    for value in ("0.4", "1.1", "half"):
        run = steadyface("gender", images, "--min-confidence", value)
        wrong_option(run, "'--min-confidence'", value)
    wrong_option(steadyface("gender", images, "--min-confidence", "0.4"), "0.5<=x<=1.0")
    refused(
        steadyface("gender", images, "--min-confidence", "nan"),
        "min_gender_confidence is nan: give a probability 0.5 to 1",
    )
    wrong_option(steadyface("distort", images, out, "--kind", "fogy"), "'fogy'", *KINDS, "all")
    for value in ("0", "5.5", "hard"):
        run = steadyface("distort", images, out, "--severity", value)
        wrong_option(run, "'--severity'", value)
    wrong_option(steadyface("distort", images, out, "--severity", "6"), "1<=x<=5")
    wrong_option(steadyface("gender", images, "--detection", "no"), "auto", "require", "skip")
    wrong_option(steadyface("gender", images, "--faces", "some"), "largest", "all")
    wrong_option(steadyface("match", images, "--gallery", "p.db", "--top", "0"), "x>=1")
    assert not out.exists()


@pytest.mark.parametrize("words", [["match", "a.jpg"], ["enroll", "people"]])
def test_a_gallery_that_is_not_named(steadyface: Command, words: list[str]) -> None:
    wrong_option(steadyface(*words), "Missing option '--gallery'")


def test_a_gallery_without_a_name(steadyface: Command, people: Path) -> None:
    line = "the gallery's path is empty; give one, as people.db"
    refused(steadyface("enroll", people, "--gallery", ""), line)
    refused(steadyface("match", people / "Ann", "--gallery", " "), line)


@pytest.mark.parametrize("words", ["gender", "verify", "match", "distort"])
def test_no_path_at_all(steadyface: Command, words: str) -> None:
    wrong_option(steadyface(*words.split()), "Missing argument")


def test_conditions_that_there_are_not(steadyface: Command, tmp_path: Path) -> None:
    for text in ("noisy", "noisy:hard", "noisy:6", "nosy:3"):
        run = steadyface("evaluate", "pairs", tmp_path, tmp_path, "--distort", text)
        assert (run.status, run.out) == (2, "")
        assert text.partition(":")[0] in run.err and "noisy" in run.err
        assert run.err.startswith("steadyface: ") and run.err.count("\n") == 1


def test_a_model_that_there_is_not(steadyface: Command) -> None:
    run = steadyface("models", "fetch", "sface-bse")
    known = ", ".join(entry.id for entry in load_catalog().models)
    refused(run, f"no model 'sface-bse', there are {known}; did you mean 'sface-base'?")


# --- places to write to ---------------------------------------------------------------------------


@pytest.fixture
def genders(tmp_path: Path, paint: Paint) -> Path:
    paint(tmp_path / "genders" / "female" / "a.png", blue=204)
    paint(tmp_path / "genders" / "male" / "b.png", blue=51)
    return tmp_path / "genders"


def test_results_that_cannot_be_written_are_refused_before_the_work(
    steadyface: Command, genders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steadyface.cli.evaluate.evaluate_gender", None)  # never reached
    file = tmp_path / "file"
    file.touch()
    evaluate = "evaluate", "gender", genders
    blocked = "cannot be written (Not a directory); choose another place"
    is_file = f"{file}: is a file; give a folder to write into"
    refused(steadyface(*evaluate, "--plots", file / "plots"), f"{file / 'plots'}: {blocked}")
    refused(steadyface(*evaluate, "--plots", file), is_file)
    refused(steadyface(*evaluate, "--csv", file / "a.csv"), is_file)
    refused(steadyface(*evaluate, "--csv", file / "x" / "a.csv"), f"{file / 'x'}: {blocked}")
    refused(
        steadyface(*evaluate, "--csv", genders),
        f"{genders}: is a folder; give the name of a file to write",
    )
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    refused(
        steadyface(*evaluate, "--plots", tmp_path / "plots"),
        "plots need matplotlib; install it with: pip install 'steadyface[report]'",
    )
    assert not (tmp_path / "plots").exists()


def test_copies_that_cannot_be_written(steadyface: Command, people: Path, tmp_path: Path) -> None:
    image = people / "Ann" / "1.png"
    refused(
        steadyface("distort", image, image / "out"),
        f"{image / 'out'}: cannot be written (Not a directory); choose another place",
    )
    refused(
        steadyface("distort", image, people / "Ben" / "1.png"),
        f"{people / 'Ben' / '1.png'}: is a file; give a folder to write into",
    )
    for name in ("sheet", "sheet.txt"):
        run = steadyface("distort", image, tmp_path / name, "--contact-sheet")
        refused(run, f"{tmp_path / name}: not an image format; end the name in .jpg or .png")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_disk_that_fills_up_costs_the_file_alone(steadyface: Command, genders: Path) -> None:
    run = steadyface("evaluate", "gender", genders, "--csv", "/dev/full", "--json")
    assert run.status == 2
    assert run.json["overall"]["accuracy"] == 1
    assert run.err == (
        "steadyface: /dev/full: cannot be written (No space left on device); choose another place\n"
    )


def test_an_image_of_one_pixel_is_taken_as_a_face_or_refused(
    steadyface: Command, tmp_path: Path
) -> None:
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    dot = tmp_path / "dot.png"
    run = steadyface("gender", dot)
    assert run.out == f"{dot}: male 1.000 [no face found: middle of the image taken as a face]\n"
    refused(steadyface("gender", dot, "--detection", "require"), f"{dot}: {NO_FACE}", 3)
