"""`steadyface gallery`: what each verb says of a gallery, and what it refuses."""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steadyface.gallery import open_gallery
from steadyface.gallery.schema import MIGRATIONS
from steadyface.types import Embedding, Reference

Command = Callable[..., Any]

#: A model that no catalog has: looking after a gallery needs none.
MODEL = "forgotten-model"
#: Every verb with what it needs beside the gallery.
VERBS: dict[str, list[str]] = {
    "list": [],
    "show": ["Ann"],
    "rename": ["Ann", "Zoe"],
    "remove": ["Ann"],
    "stats": [],
    "check": [],
    "audit": [],
    "describe": ["Ann", "team=blue"],
    "remove-reference": ["Ann", "2"],
    "export": ["out.zip"],
    "prune": ["--older-than", "1y"],
}
CHANGING = ("rename", "remove", "describe", "remove-reference", "prune")
#: Verbs that need more than that, see `test_cli_gallery_care.py` and `test_cli_gallery_keys.py`.
OTHERS = ("import", "re-embed", "new-key", "rotate-key")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def reference(x: float, y: float, source: str = "", **metadata: object) -> Reference:
    return Reference(Embedding(np.array([x, y], dtype=np.float32), MODEL), source, metadata)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """A gallery of Ann Smith, Ben (one reference) and José, of a model that is not in use."""
    path = tmp_path / "people.db"
    with open_gallery(path, model_id=MODEL, mode="create") as gallery:
        gallery.enroll("José", [reference(1, 0, "j.jpg")])
        gallery.enroll("Ann", [reference(0, 1, "ann/1.jpg", pose="left"), reference(0, -1, "é 2")])
        gallery.enroll("Ben", [reference(-1, 0)])
    return path


def held_by(path: Path) -> dict[str, int]:
    with open_gallery(path, model_id=MODEL) as gallery:
        return {identity.name: identity.references for identity in gallery.identities()}


def refused(run: Any, message: str) -> None:
    assert run.err == f"steadyface: {message}\n"
    assert (run.status, run.out) == (2, "")


# --- list -----------------------------------------------------------------------------------------


def test_list_names_everyone_and_counts_references(steadyface: Command, people: Path) -> None:
    run = steadyface("gallery", "list", "--gallery", people)
    assert (run.status, run.err) == (0, "")
    assert run.out == "Ann: 2 references\nBen: 1 reference\nJosé: 1 reference\n"


def test_list_as_json(steadyface: Command, people: Path) -> None:
    found = steadyface("gallery", "list", "--gallery", people, "--json").json
    assert (found["gallery"], found["total"]) == (str(people), 3)
    assert [
        (row["identity"], row["id"], row["references"], row["metadata"])
        for row in found["identities"]
    ] == [("Ann", 2, 2, {}), ("Ben", 3, 1, {}), ("José", 1, 1, {})]
    for row in found["identities"]:
        enrolled = datetime.fromisoformat(row["enrolled_at"])
        assert timedelta() <= datetime.now(UTC) - enrolled < timedelta(minutes=10)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--limit", "2"], ["Ann", "Ben"]),
        (["--limit", "2", "--offset", "2"], ["José"]),
        (["--offset", "1"], ["Ben", "José"]),
        (["--limit", "0"], []),
        (["--offset", "7"], []),
    ],
)
def test_list_by_page(
    steadyface: Command, people: Path, options: list[str], expected: list[str]
) -> None:
    words = ["gallery", "list", "--gallery", people, *options]
    lines = steadyface(*words).out.splitlines()
    assert [line.partition(":")[0] for line in lines] == expected
    found = steadyface(*words, "--json").json
    assert [row["identity"] for row in found["identities"]] == expected
    assert found["total"] == 3


@pytest.mark.parametrize("option", ["--limit", "--offset"])
def test_pages_that_make_no_sense(steadyface: Command, people: Path, option: str) -> None:
    for value in ("-1", "many"):
        run = steadyface("gallery", "list", "--gallery", people, option, value)
        assert (run.status, run.out) == (2, "")
        assert f"'{option}'" in run.err and value in run.err
    refused(
        steadyface("gallery", "list", "--gallery", people, option, 2**63),
        f"{option[2:]} is {2**63}; give a number from 0 on",
    )


def test_a_gallery_of_nobody(steadyface: Command, people: Path) -> None:
    steadyface("gallery", "remove", "Ann", "Ben", "José", "--gallery", people)
    run = steadyface("gallery", "list", "--gallery", people)
    assert (run.status, run.out, run.err) == (0, "", "")
    assert steadyface("gallery", "list", "--gallery", people, "--json").json == {
        "gallery": str(people),
        "total": 0,
        "identities": [],
    }


# --- show -----------------------------------------------------------------------------------------


def test_show_has_a_line_for_each_reference(steadyface: Command, people: Path) -> None:
    run = steadyface("gallery", "show", "Ann", "--gallery", people)
    assert (run.status, run.err) == (0, "")
    when = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
    first, second = run.out.splitlines()
    assert re.fullmatch(rf' +2 {when} {MODEL} ann/1\.jpg {{"pose": "left"}}', first)
    assert re.fullmatch(rf" +3 {when} {MODEL} é 2", second)


def test_show_as_json(steadyface: Command, people: Path) -> None:
    found = steadyface("gallery", "show", "Ann", "--gallery", people, "--json").json
    with open_gallery(people, model_id=MODEL) as gallery:
        moments = [stored.enrolled_at.isoformat() for stored in gallery.references("Ann")]
    common = {"model": MODEL, "quality": None, "calibration": None}
    assert found == {
        "gallery": str(people),
        "identity": "Ann",
        "id": 2,
        "metadata": {},
        "enrolled_at": moments[0],
        "references": [
            {
                "id": 2,
                "source": "ann/1.jpg",
                "enrolled_at": moments[0],
                "metadata": {"pose": "left"},
            }
            | common,
            {"id": 3, "source": "é 2", "enrolled_at": moments[1], "metadata": {}} | common,
        ],
    }


def test_a_source_cannot_steer_the_terminal(steadyface: Command, tmp_path: Path) -> None:
    path, source = tmp_path / "people.db", "a\x1b[2J\n    99 forged\u202e.jpg"
    with open_gallery(path, model_id=MODEL, mode="create") as gallery:
        gallery.enroll("Ann", [reference(1, 0, source)])
    run = steadyface("gallery", "show", "Ann", "--gallery", path)
    assert run.out.endswith(f"{MODEL} a\\x1b[2J\\n    99 forged\\u202e.jpg\n")
    assert run.out.count("\n") == 1
    found = steadyface("gallery", "show", "Ann", "--gallery", path, "--json").json
    assert found["references"][0]["source"] == source


def test_show_tells_quality_calibration_and_metadata(steadyface: Command, tmp_path: Path) -> None:
    path = tmp_path / "known.db"
    vector = np.array([1, 0], dtype=np.float32)
    with open_gallery(path, model_id=MODEL, mode="create") as gallery:
        known = Reference(Embedding(vector, MODEL), "a.jpg", quality=0.714, calibration="c/1")
        gallery.enroll("Ann", [known], metadata={"team": "bl\u202eue"})
    heading, line = steadyface("gallery", "show", "Ann", "--gallery", path).out.splitlines()
    assert heading == '{"team": "bl\\u202eue"}'
    assert line.endswith(f"{MODEL} quality 0.71 calibration c/1 a.jpg")
    found = steadyface("gallery", "show", "Ann", "--gallery", path, "--json").json
    (row,) = found["references"]
    assert found["metadata"] == {"team": "bl\u202eue"}
    assert (row["quality"], row["calibration"]) == (0.714, "c/1")
    listed = steadyface("gallery", "list", "--gallery", path).out
    assert listed == 'Ann: 1 reference {"team": "bl\\u202eue"}\n'


# --- rename ---------------------------------------------------------------------------------------


def test_rename(steadyface: Command, people: Path) -> None:
    run = steadyface("gallery", "rename", "Ann", "Zoë", "--gallery", people)
    assert (run.status, run.out, run.err) == (0, "Ann is now Zoë\n", "")
    assert held_by(people) == {"Ben": 1, "José": 1, "Zoë": 2}
    found = steadyface("gallery", "rename", "Zoë", "Ann", "--gallery", people, "--json").json
    assert found == {"gallery": str(people), "old": "Zoë", "new": "Ann"}
    assert held_by(people) == {"Ann": 2, "Ben": 1, "José": 1}


def test_rename_onto_another_identity(steadyface: Command, people: Path) -> None:
    refused(
        steadyface("gallery", "rename", "Ann", "Ben", "--gallery", people),
        f"{people}: cannot rename 'Ann': another identity is called 'Ben'; choose another name, or "
        "remove that identity first",
    )
    refused(
        steadyface("gallery", "rename", "Ann", " ", "--gallery", people),
        "' ' is no name for an identity: it is blank; give it a name",
    )
    assert held_by(people) == {"Ann": 2, "Ben": 1, "José": 1}


# --- remove ---------------------------------------------------------------------------------------


def test_remove(steadyface: Command, people: Path) -> None:
    run = steadyface("gallery", "remove", "Ann", "Ben", "--gallery", people)
    assert (run.status, run.out, run.err) == (0, "removed Ann, Ben: 3 references\n", "")
    assert held_by(people) == {"José": 1}
    # The name as macOS writes it.
    found = steadyface("gallery", "remove", "Jose\u0301", "--gallery", people, "--json").json
    assert found == {"gallery": str(people), "removed": ["Jose\u0301"], "references": 1}
    assert held_by(people) == {}


def test_all_names_are_checked_before_anyone_is_removed(steadyface: Command, people: Path) -> None:
    refused(
        steadyface("gallery", "remove", "Ann", "Bn", "José", "--gallery", people),
        f"{people}: no identity is called 'Bn'; did you mean 'Ben'?",
    )
    assert held_by(people) == {"Ann": 2, "Ben": 1, "José": 1}


def test_nobody_to_remove(steadyface: Command, people: Path) -> None:
    run = steadyface("gallery", "remove", "--gallery", people)
    assert (run.status, run.out) == (2, "")
    assert "Missing argument" in run.err


# --- stats ----------------------------------------------------------------------------------------


def test_stats(steadyface: Command, people: Path) -> None:
    size, version = people.stat().st_size, len(MIGRATIONS)
    run = steadyface("gallery", "stats", "--gallery", people)
    assert (run.status, run.err) == (0, "")
    assert run.out.splitlines() == [
        "identities: 3",
        "references: 4",
        f"model: {MODEL}",
        f"bytes: {size}",
        f"schema version: {version}",
        "encrypted: no",
    ]
    assert steadyface("gallery", "stats", "--gallery", people, "--json").json == {
        "gallery": str(people),
        "identities": 3,
        "references": 4,
        "model": MODEL,
        "bytes": size,
        "schema_version": version,
        "encrypted": False,
    }


# --- every verb -----------------------------------------------------------------------------------


def test_every_verb_is_in_the_table(steadyface: Command) -> None:
    listed = steadyface("gallery", "--help").out.partition("Commands:\n")[2]
    assert sorted(line.split()[0] for line in listed.splitlines()) == sorted([*VERBS, *OTHERS])


@pytest.mark.parametrize("verb", ["show", "rename", "remove", "describe", "remove-reference"])
def test_an_unknown_identity_names_the_closest(
    steadyface: Command, people: Path, verb: str
) -> None:
    more = VERBS[verb][1:]
    for name, hint in {
        "ANNE": "did you mean 'Ann'?",
        "Xu": "no name in it comes close; `steadyface gallery list` shows those that it has",
    }.items():
        refused(
            steadyface("gallery", verb, name, *more, "--gallery", people),
            f"{people}: no identity is called {name!r}; {hint}",
        )
    assert held_by(people) == {"Ann": 2, "Ben": 1, "José": 1}


@pytest.mark.parametrize("verb", VERBS)
def test_a_gallery_that_is_not_there_is_not_made(
    steadyface: Command, tmp_path: Path, verb: str
) -> None:
    file = tmp_path / "none.db"
    refused(
        steadyface("gallery", verb, *VERBS[verb], "--gallery", file),
        f"{file}: no gallery is here; run `steadyface enroll` first",
    )
    assert not file.exists()
    run = steadyface("gallery", verb, *VERBS[verb])
    assert (run.status, run.out) == (2, "")
    assert "Missing option '--gallery'" in run.err


@pytest.mark.parametrize("verb", VERBS)
def test_a_gallery_that_is_locked(
    steadyface: Command, people: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    impatient = partial(open_gallery, timeout=0.05)
    monkeypatch.setattr("steadyface.cli.galleries.open_gallery", impatient)
    line = (
        f"{people}: another process holds the gallery and did not let go within 0.05 s; try again "
        "when it has finished (in Python, `timeout` waits longer)"
    )
    with closing(sqlite3.connect(people, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        run = steadyface("gallery", verb, *VERBS[verb], "--gallery", people)
        if verb in CHANGING:
            refused(run, line)
        else:  # readers do not wait for a writer
            assert (run.status, run.err) == (0, "")


@pytest.mark.parametrize("verb", VERBS)
def test_no_model_is_loaded(
    steadyface: Command, people: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    for module in [name for name in sys.modules if name.startswith("steadyface.cli.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setitem(sys.modules, "steadyface.pipeline", None)
    run = steadyface("gallery", verb, *VERBS[verb], "--gallery", people)
    assert (run.status, run.err) == (0, "")
