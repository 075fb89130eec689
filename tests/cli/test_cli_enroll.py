"""`steadyface enroll`: from a CSV, on trial, and with limits of quality and likeness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.colours import ColourNetwork

from steadyface.gallery import open_gallery
from steadyface.gallery.keys import KEY_VARIABLE
from steadyface.models.catalog import load_catalog
from steadyface.models.face_network import NetworkOutput
from steadyface.types import RGBImage

Command = Callable[..., Any]
Paint = Callable[..., Path]

MODEL = load_catalog().default("face-network").id

pytestmark = pytest.mark.usefixtures("fake_models")


class FrankNetwork(ColourNetwork):
    """Reads the quality in blue."""

    def run(self, crops: Sequence[RGBImage]) -> NetworkOutput:
        output = super().run(crops)
        quality = np.array([crop[..., 2].mean() / 255 for crop in crops], dtype=np.float32)
        return NetworkOutput(output.embeddings, None, quality)


@pytest.fixture
def frank(monkeypatch: pytest.MonkeyPatch, fake_models: None) -> None:
    monkeypatch.setattr("steadyface.pipeline.load_network", lambda name: FrankNetwork(MODEL))


def sources(file: Path) -> dict[str, list[str]]:
    with open_gallery(file, model_id=MODEL) as opened:
        return {i.name: [r.source for r in opened.references(i.name)] for i in opened.identities()}


# --- CSV ------------------------------------------------------------------------------------------


@pytest.fixture
def table(people: Path, tmp_path: Path) -> Path:
    """The same people as rows, Ben's path absolute and Ann's team known."""
    file = people / "people.csv"
    file.write_text(
        "image,identity,team\n"
        f"Ann/1.png,Ann,blue\nAnn/2.png,Ann,\n{people / 'Ben' / '1.png'},Ben,\n"
    )
    return file


def test_enrolling_from_a_csv(steadyface: Command, table: Path, people: Path) -> None:
    file = people / "p.db"
    run = steadyface("enroll", "--csv", table, "--gallery", file)
    assert (run.status, run.err) == (0, "")
    assert run.out == "Ann: 2 references\nBen: 1 reference\n"
    assert sources(file) == {"Ann": ["Ann/1.png", "Ann/2.png"], "Ben": [f"{people}/Ben/1.png"]}
    with open_gallery(file, model_id=MODEL) as opened:
        assert opened.identity("Ann").metadata == {"team": "blue"}
        assert opened.identity("Ben").metadata == {}


def test_images_of_a_csv_that_are_missing_are_named_and_counted(
    steadyface: Command, table: Path, tmp_path: Path
) -> None:
    table.write_text(table.read_text() + "Cy/1.png,Cy,red\nAnn/3.png,Ann,blue\n")
    folder = table.parent
    run = steadyface("enroll", "--csv", table, "--gallery", tmp_path / "p.db")
    assert run.status == 3
    assert run.out == "Ann: 2 references\nBen: 1 reference\nCy: 0 references\n"
    why = "no such file; check the path"
    assert run.err.splitlines() == [
        f"steadyface: {folder / 'Ann/3.png'}: {why}",
        f"steadyface: {folder / 'Cy/1.png'}: {why}",
        f"steadyface: {table}: Cy: nobody enrolled, for no image in it can be used; add a clear "
        "one",
        f"steadyface: {table}: 2 of its images not found; correct it",
    ]
    answer = steadyface("enroll", "--csv", table, "--gallery", tmp_path / "q.db", "--json").json
    assert answer["not_found"] == 2
    assert [len(one["errors"]) for one in answer["enrolled"]] == [1, 0, 1]


def test_either_a_folder_or_a_csv(steadyface: Command, table: Path, people: Path) -> None:
    both = steadyface("enroll", people, "--csv", table, "--gallery", "p.db")
    assert (both.status, both.out) == (2, "")
    assert "Give either FOLDER or --csv, not both." in both.err
    neither = steadyface("enroll", "--gallery", "p.db")
    assert (neither.status, neither.out) == (2, "")
    assert "Missing argument 'FOLDER', or option '--csv' in its place." in neither.err


def test_a_csv_that_is_none(steadyface: Command, tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    file.write_text("image,name\na.png,Ann\n")
    run = steadyface("enroll", "--csv", file, "--gallery", tmp_path / "p.db")
    assert (run.status, run.out) == (2, "")
    assert run.err == f"steadyface: {file}: has no column 'identity', it has image, name\n"
    assert not (tmp_path / "p.db").exists()


# --- dry run --------------------------------------------------------------------------------------


def test_a_dry_run_makes_no_gallery(steadyface: Command, people: Path, tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    run = steadyface("enroll", people, "--gallery", file, "--dry-run")
    assert (run.status, run.err) == (0, "")
    assert run.out == "Ann: 2 references\nBen: 1 reference\nnothing was stored (dry run)\n"
    answer = steadyface("enroll", people, "--gallery", file, "--dry-run", "--json").json
    assert (answer["dry_run"], answer["gallery"]) == (True, str(file))
    url = f"sqlite:///{file}"
    answer = steadyface("enroll", people, "--gallery", url, "--dry-run", "--json").json
    assert answer["gallery"] == str(file)
    assert [one["references"] for one in answer["enrolled"]] == [2, 1]
    assert not file.exists()


def test_a_dry_run_says_what_enrolling_would(
    steadyface: Command, gallery: Path, people: Path, paint: Paint
) -> None:
    paint(people / "Ann" / "3.png", degrees=20)
    paint(people / "Cy" / "1.png", degrees=90)
    before = sources(gallery)
    tried = steadyface("enroll", people, "--gallery", gallery, "--dry-run", "--json").json
    assert sources(gallery) == before
    done = steadyface("enroll", people, "--gallery", gallery, "--json").json
    assert tried.pop("dry_run") is True and done.pop("dry_run") is False
    # As it would be, Ann's template has the new reference once in both.
    assert tried == done
    ann, ben, cy = done["enrolled"]
    assert (ann["references"], ann["held"]) == (1, 2)
    assert (ben["references"], ben["held"]) == (0, 1)
    assert cy["duplicates"] == [{"source": str(people / "Cy" / "1.png"), "identity": "Ben"}]


@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]])
def test_a_key_that_would_not_be_used_is_refused_in_a_dry_run_too(
    steadyface: Command,
    gallery: Path,
    people: Path,
    dry_run: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "07" * 32)
    run = steadyface("enroll", people, "--gallery", gallery, *dry_run)
    assert (run.status, run.out) == (2, "")
    assert f"{gallery}: is not encrypted, but a key is given by {KEY_VARIABLE}" in run.err


def test_a_key_in_a_dry_run_on_what_it_is_for(
    steadyface: Command, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cryptography")
    monkeypatch.setenv(KEY_VARIABLE, "07" * 32)
    file = tmp_path / "sealed.db"
    words = "enroll", people, "--gallery", file
    assert steadyface(*words, "--dry-run").status == 0
    assert not file.exists()
    assert steadyface(*words).status == steadyface(*words, "--dry-run").status == 0
    monkeypatch.delenv(KEY_VARIABLE)
    assert steadyface(*words).status == steadyface(*words, "--dry-run").status == 2


# --- quality --------------------------------------------------------------------------------------


@pytest.fixture
def mixed(tmp_path: Path, paint: Paint) -> Path:
    """Ann, of qualities 0.8, 0.4 and 0.2."""
    for number, blue in enumerate((204, 102, 51), start=1):
        paint(tmp_path / "mixed" / "Ann" / f"{number}.png", degrees=number, blue=blue)
    return tmp_path / "mixed"


@pytest.mark.usefixtures("frank")
def test_poor_references_are_named_and_enrolled(
    steadyface: Command, mixed: Path, tmp_path: Path
) -> None:
    run = steadyface("enroll", mixed, "--gallery", tmp_path / "p.db")
    assert (run.status, run.out) == (0, "Ann: 3 references\n")
    assert run.err.splitlines() == [
        f"steadyface: warning: {mixed}/Ann/{name} is of low quality ({quality}); a clearer image "
        "matches better"
        for name, quality in (("2.png", "0.40"), ("3.png", "0.20"))
    ]
    less = steadyface("enroll", mixed, "--gallery", tmp_path / "q.db", "--warn-below", "0.3")
    assert less.err.count("\n") == 1 and "3.png" in less.err
    none = steadyface("enroll", mixed, "--gallery", tmp_path / "r.db", "--warn-below", "0")
    assert none.err == ""


@pytest.mark.usefixtures("frank")
def test_poor_references_are_in_the_json_and_nowhere_else(
    steadyface: Command, mixed: Path, tmp_path: Path
) -> None:
    run = steadyface("enroll", mixed, "--gallery", tmp_path / "p.db", "--json")
    assert (run.status, run.err) == (0, "")
    assert run.json["enrolled"][0]["poor"] == [
        {"source": f"{mixed}/Ann/2.png", "quality": 0.4},
        {"source": f"{mixed}/Ann/3.png", "quality": 0.2},
    ]


@pytest.mark.usefixtures("frank")
def test_references_below_a_limit_are_refused(
    steadyface: Command, mixed: Path, tmp_path: Path
) -> None:
    file = tmp_path / "p.db"
    run = steadyface("enroll", mixed, "--gallery", file, "--refuse-below", "0.3")
    assert (run.status, run.out) == (3, "Ann: 2 references\n")
    first, second = run.err.splitlines()
    assert first.startswith(f"steadyface: warning: {mixed}/Ann/2.png")
    assert second == (
        f"steadyface: {mixed}/Ann/3.png: the face is of quality 0.20, below 0.3; use a clearer "
        "image"
    )
    assert sources(file) == {"Ann": [f"{mixed}/Ann/1.png", f"{mixed}/Ann/2.png"]}


def test_a_network_that_tells_no_quality_has_nothing_refused(
    steadyface: Command, mixed: Path, tmp_path: Path
) -> None:
    limits = "--refuse-below", "1", "--warn-below", "1"
    run = steadyface("enroll", mixed, "--gallery", tmp_path / "p.db", *limits)
    assert (run.status, run.out, run.err) == (0, "Ann: 3 references\n", "")


@pytest.mark.parametrize("option", ["--warn-below", "--refuse-below"])
def test_a_quality_is_a_share(steadyface: Command, people: Path, option: str) -> None:
    run = steadyface("enroll", people, "--gallery", "p.db", option, "1.5")
    assert (run.status, run.out) == (2, "")
    assert option in run.err


# --- lookalikes -----------------------------------------------------------------------------------


@pytest.fixture
def alike(people: Path, paint: Paint) -> Path:
    """One more person, whose first image is 4 degrees from Ben's."""
    paint(people / "Cy" / "1.png", degrees=94)
    paint(people / "Cy" / "2.png", degrees=230)
    return people


def test_lookalikes_of_one_run_are_named_and_enrolled(
    steadyface: Command, alike: Path, tmp_path: Path
) -> None:
    run = steadyface("enroll", alike, "--gallery", tmp_path / "p.db", "--warn-below", "0")
    assert run.status == 0
    assert run.out.splitlines()[-1] == "Cy: 2 references"
    assert f"steadyface: warning: {alike}/Cy/1.png looks like Ben (similarity 1.00)" in run.err
    assert "Cy/2.png" not in run.err


def test_lookalikes_of_the_gallery_are_in_the_json(
    steadyface: Command, gallery: Path, alike: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    new.mkdir()
    (alike / "Cy").rename(new / "Cy")
    run = steadyface("enroll", new, "--gallery", gallery, "--json")
    assert (run.status, run.err) == (0, "")
    (cy,) = run.json["enrolled"]
    (one,) = cy["lookalikes"]
    assert (one["source"], one["identity"]) == (f"{new}/Cy/1.png", "Ben")
    assert one["similarity"] == pytest.approx(0.9976, abs=1e-3)
    assert one["threshold"] < one["similarity"]


def test_lookalikes_can_be_refused(
    steadyface: Command, gallery: Path, alike: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    new.mkdir()
    (alike / "Cy").rename(new / "Cy")
    run = steadyface("enroll", new, "--gallery", gallery, "--refuse-lookalikes")
    assert (run.status, run.out) == (3, "Cy: 1 reference\n")
    assert run.err == (
        f"steadyface: {new}/Cy/1.png: looks like Ben (similarity 1.00); enrol it under one name\n"
    )
    assert sources(gallery)["Cy"] == [f"{new}/Cy/2.png"]


def test_lookalikes_of_one_run_are_refused_on_both_sides(
    steadyface: Command, people: Path, tmp_path: Path, paint: Paint
) -> None:
    paint(people / "Cy" / "1.png", degrees=94)
    file = tmp_path / "p.db"
    run = steadyface("enroll", people, "--gallery", file, "--refuse-lookalikes")
    assert run.status == 3
    assert run.out == "Ann: 2 references\nBen: 0 references\nCy: 0 references\n"
    assert list(sources(file)) == ["Ann"]
    # Nothing about clear images, which would not help.
    assert run.err.splitlines() == [
        f"steadyface: {people}/{one}/1.png: looks like {other} (similarity 1.00); enrol it under "
        "one name"
        for one, other in (("Ben", "Cy"), ("Cy", "Ben"))
    ]
