"""`steadyface gallery describe|remove-reference|check|audit|export|import|prune|re-embed`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steadyface.gallery import open_gallery
from steadyface.gallery.codec import encode_time
from steadyface.models.catalog import load_catalog

Command = Callable[..., Any]
Paint = Callable[..., Path]

MODEL = load_catalog().default("face-network").id

pytestmark = pytest.mark.usefixtures("fake_models")


def held(file: Path) -> dict[str, list[int]]:
    with open_gallery(file, model_id=None) as opened:
        return {i.name: [r.id for r in opened.references(i.name)] for i in opened.identities()}


def wrong(run: Any, *words: str) -> None:
    assert (run.status, run.out) == (2, "")
    assert all(word in " ".join(run.err.split()) for word in words), run.err


# --- describe -------------------------------------------------------------------------------------


def test_describe_replaces_all_metadata(steadyface: Command, gallery: Path) -> None:
    run = steadyface("gallery", "describe", "Ann", "team=blue", "rank=a=b", "--gallery", gallery)
    assert (run.status, run.err) == (0, "")
    assert run.out == 'Ann: {"team": "blue", "rank": "a=b"}\n'
    text = '{"since": 2020}'
    words = "gallery", "describe", "Ann", "--json-metadata", text, "--gallery", gallery
    assert steadyface(*words, "--json").json == {
        "gallery": str(gallery),
        "identity": "Ann",
        "metadata": {"since": 2020},
    }
    with open_gallery(gallery, model_id=None) as opened:
        assert opened.identity("Ann").metadata == {"since": 2020}
    words = "gallery", "describe", "Ann", "--json-metadata", "{}", "--gallery", gallery
    assert steadyface(*words).out == "Ann: no metadata\n"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "Give either pairs KEY=VALUE or --json-metadata."),
        (["a=b", "--json-metadata", "{}"], "Give either"),
        (["a"], "'a' is not of the form KEY=VALUE"),
        (["=a"], "'=a' is not of the form KEY=VALUE"),
        (["a=b", "a=c"], "'a' is given twice"),
        (["--json-metadata", "{"], "'{' is no JSON"),
        (["--json-metadata", "[]"], "'[]' is no JSON object"),
    ],
)
def test_metadata_that_is_none(
    steadyface: Command, gallery: Path, words: list[str], why: str
) -> None:
    wrong(steadyface("gallery", "describe", "Ann", *words, "--gallery", gallery), why)


def test_metadata_that_json_cannot_hold(steadyface: Command, gallery: Path) -> None:
    words = "--json-metadata", '{"a": NaN}', "--gallery", gallery
    assert steadyface("gallery", "describe", "Ann", *words).status == 2


# --- remove-reference -----------------------------------------------------------------------------


def test_remove_reference(steadyface: Command, gallery: Path) -> None:
    run = steadyface("gallery", "remove-reference", "Ann", 1, "--gallery", gallery)
    assert (run.status, run.out, run.err) == (0, "removed 1 reference of Ann, 1 left\n", "")
    assert held(gallery) == {"Ann": [2], "Ben": [3]}
    words = "gallery", "remove-reference", "Ben", 3, "--gallery", gallery, "--json"
    assert steadyface(*words).json == {
        "gallery": str(gallery),
        "identity": "Ben",
        "removed": [3],
        "references": 0,
    }
    assert held(gallery) == {"Ann": [2], "Ben": []}


def test_a_reference_of_somebody_else_is_not_removed(steadyface: Command, gallery: Path) -> None:
    run = steadyface("gallery", "remove-reference", "Ann", 1, 3, "--gallery", gallery)
    wrong(run, "no reference with the id 3; nothing was changed")
    assert held(gallery) == {"Ann": [1, 2], "Ben": [3]}
    wrong(steadyface("gallery", "remove-reference", "Ann", "--gallery", gallery), "Missing")
    wrong(steadyface("gallery", "remove-reference", "Ann", "x", "--gallery", gallery), "'x'")


# --- check ----------------------------------------------------------------------------------------


def test_check_of_a_sound_gallery(steadyface: Command, gallery: Path) -> None:
    run = steadyface("gallery", "check", "--gallery", gallery)
    assert (run.status, run.out, run.err) == (0, "ok: 2 identities, 3 references\n", "")
    assert steadyface("gallery", "check", "--gallery", gallery, "--json").json == {
        "gallery": str(gallery),
        "ok": True,
        "problem": None,
        "identities": 2,
        "references": 3,
    }


def test_check_finds_a_damaged_vector_and_a_damaged_file(
    steadyface: Command, gallery: Path
) -> None:
    with closing(sqlite3.connect(gallery)) as writer:
        writer.execute("UPDATE reference SET vector = zeroblob(length(vector)) WHERE id = 2")
        writer.commit()
    run = steadyface("gallery", "check", "--gallery", gallery)
    assert (run.status, run.err) == (1, "")
    assert run.out.startswith(f"damaged: {gallery}: ") and "not of length 1" in run.out
    gallery.write_bytes(b"nothing that is a database " * 90)
    found = steadyface("gallery", "check", "--gallery", gallery, "--json")
    assert (found.status, found.err, found.json["ok"]) == (1, "", False)
    assert found.json["problem"].startswith(f"{gallery}: ")


# --- audit ----------------------------------------------------------------------------------------


def test_audit_names_those_who_are_there(steadyface: Command, gallery: Path) -> None:
    steadyface("gallery", "rename", "Ann", "Zoe", "--gallery", gallery)
    steadyface("gallery", "remove", "Ben", "--gallery", gallery)
    run = steadyface("gallery", "audit", "--gallery", gallery)
    assert (run.status, run.err) == (0, "")
    ends = [line.partition(" UTC ")[2].split(" ", 1)[1] for line in run.out.splitlines()]
    assert ends == [
        "enroll Zoe (1): 2 references",
        "enroll removed (2): 1 reference",
        "rename Zoe (1): 0 references",
        "remove removed (2): 1 reference",
    ]
    found = steadyface("gallery", "audit", "--gallery", gallery, "--json", "--after", 1)
    first, *_ = entries = found.json["entries"]
    assert [entry["id"] for entry in entries] == [2, 3, 4]
    assert sorted(first) == sorted(
        ["id", "moment", "actor", "action", "identity_id", "identity", "references"]
    )
    assert (first["action"], first["identity_id"], first["identity"]) == ("enroll", 2, None)
    moment = datetime.fromisoformat(first["moment"])
    assert timedelta() <= datetime.now(UTC) - moment < timedelta(minutes=10)
    limited = steadyface("gallery", "audit", "--gallery", gallery, "--limit", 1).out
    assert limited.count("\n") == 1


# --- export and import ----------------------------------------------------------------------------


def test_a_gallery_goes_out_and_comes_in(
    steadyface: Command, gallery: Path, tmp_path: Path
) -> None:
    file, new = tmp_path / "out.zip", tmp_path / "new.db"
    run = steadyface("gallery", "export", file, "--gallery", gallery)
    assert (run.status, run.out, run.err) == (0, f"{file}: 2 identities, 3 references\n", "")
    done = steadyface("gallery", "import", file, "--gallery", new)
    assert (done.status, done.out, done.err) == (0, f"{file}: 2 identities, 3 references\n", "")
    with open_gallery(gallery, model_id=MODEL) as a, open_gallery(new, model_id=MODEL) as b:
        np.testing.assert_array_equal(a.templates().vectors, b.templates().vectors)
    again = steadyface("gallery", "import", file, "--gallery", new)
    assert again.out == f"{file}: 2 identities, 0 references, 3 held already\n"
    counts = {"file": str(file), "identities": 2, "references": 3}
    assert steadyface("gallery", "export", file, "--gallery", new, "--json").json == (
        {"gallery": str(new)} | counts
    )
    assert steadyface("gallery", "import", file, "--gallery", new, "--json").json == (
        {"gallery": str(new)} | counts | {"references": 0, "held": 3}
    )


def test_what_cannot_be_exported_or_imported(
    steadyface: Command, gallery: Path, people: Path, tmp_path: Path
) -> None:
    new, file = tmp_path / "new.db", tmp_path / "out.zip"
    wrong(steadyface("gallery", "export", gallery, "--gallery", gallery), "the gallery itself")
    wrong(steadyface("gallery", "import", file, "--gallery", new), f"{file}: no such file")
    file.write_bytes(b"no ZIP")
    wrong(steadyface("gallery", "import", file, "--gallery", new), "not an exported gallery")
    assert not new.exists()
    steadyface("gallery", "export", file, "--gallery", gallery)
    steadyface("enroll", people, "--gallery", new, "--model", "sface-base")
    wrong(steadyface("gallery", "import", file, "--gallery", new), "do not compare")


# --- prune ----------------------------------------------------------------------------------------


@pytest.fixture
def old(gallery: Path) -> Path:
    """The gallery, with Ben and one reference of Ann 400 days old."""
    before = encode_time(datetime.now(UTC) - timedelta(days=400))
    with closing(sqlite3.connect(gallery)) as writer:
        writer.execute("UPDATE reference SET created_at = ? WHERE id IN (1, 3)", (before,))
        writer.execute("UPDATE identity SET created_at = ?", (before,))
        writer.commit()
    return gallery


@pytest.mark.parametrize("age", ["365d", "1y", "52w", "date"])
def test_prune_by_age(steadyface: Command, old: Path, age: str) -> None:
    if age == "date":
        age = f"{datetime.now(UTC) - timedelta(days=390):%Y-%m-%d}"
    words = "gallery", "prune", "--older-than", age, "--gallery", old
    tried = steadyface(*words, "--dry-run")
    assert (tried.status, tried.err) == (0, "")
    assert tried.out == "would remove 2 references and 1 identity\n"
    assert held(old) == {"Ann": [1, 2], "Ben": [3]}
    done = steadyface(*words, "--json").json
    moment = datetime.fromisoformat(done.pop("older_than"))
    assert moment.tzinfo is not None
    assert done == {"gallery": str(old), "dry_run": False, "references": 2, "identities": 1}
    assert held(old) == {"Ann": [2]}
    assert steadyface(*words).out == "removed 0 references and 0 identities\n"


@pytest.mark.parametrize("age", ["500d", "2y", "2001-02-03", "2001-02-03T04:05:06+02:00"])
def test_what_is_younger_stays(steadyface: Command, old: Path, age: str) -> None:
    run = steadyface("gallery", "prune", "--older-than", age, "--gallery", old)
    assert (run.status, run.out) == (0, "removed 0 references and 0 identities\n")


@pytest.mark.parametrize("age", ["0d", "1m", "d", "", "-1d", "soon", "9" * 30 + "y", "2001-13-01"])
def test_an_age_that_is_none(steadyface: Command, old: Path, age: str) -> None:
    wrong(
        steadyface("gallery", "prune", f"--older-than={age}", "--gallery", old),
        "is no age such as 365d",
    )


def test_a_moment_to_come_would_remove_everything(steadyface: Command, old: Path) -> None:
    wrong(
        steadyface("gallery", "prune", "--older-than", "2999-01-01", "--gallery", old),
        "'2999-01-01' is yet to come",
    )
    assert held(old) == {"Ann": [1, 2], "Ben": [3]}


# --- re-embed -------------------------------------------------------------------------------------


@pytest.fixture
def base(people: Path, steadyface: Command, fake_models: None) -> Path:
    """A gallery of the older model."""
    file = people.parent / "base.db"
    enrolled = steadyface("enroll", people, "--gallery", file, "--model", "sface-base")
    assert enrolled.status == 0
    return file


def test_re_embedding_brings_a_gallery_to_the_default_model(
    steadyface: Command, base: Path, people: Path
) -> None:
    probe = people / "Ben" / "1.png"
    refused = steadyface("match", probe, "--gallery", base)
    wrong(refused, "`steadyface gallery re-embed --images DIR`")
    with open_gallery(base, model_id="sface-base") as opened:
        before = opened.references("Ann")
    run = steadyface("gallery", "re-embed", "--images", people, "--gallery", base)
    assert (run.status, run.out, run.err) == (0, "3 references embedded anew\n", "")
    assert steadyface("match", probe, "--gallery", base).status == 0
    with open_gallery(base, model_id=MODEL) as opened:
        after = opened.references("Ann")
    for one, other in zip(before, after, strict=True):
        assert (one.id, one.source, one.enrolled_at) == (other.id, other.source, other.enrolled_at)
        assert other.embedding.model_id == MODEL
        assert other.calibration != one.calibration


def test_re_embedding_goes_to_the_model_named(
    steadyface: Command, gallery: Path, people: Path
) -> None:
    words = "re-embed", "--images", people, "--gallery", gallery, "--model", "sface-base"
    assert steadyface("gallery", *words, "--json").json == {
        "gallery": str(gallery),
        "from": MODEL,
        "model": "sface-base",
        "changed": True,
        "replaced": 3,
        "removed": 0,
        "errors": [],
    }


def test_nothing_is_changed_where_an_image_is_missing(
    steadyface: Command, base: Path, people: Path, paint_black: Paint
) -> None:
    (people / "Ann" / "2.png").unlink()
    black = paint_black(people / "Ben" / "1.png")
    words = "gallery", "re-embed", "--images", people, "--gallery", base
    run = steadyface(*words)
    assert run.status == 3
    assert run.out == (
        "nothing changed: 2 of 3 references cannot be embedded anew; find their images, or remove "
        "them with --drop-missing\n"
    )
    assert run.err.splitlines() == [
        f"steadyface: {people / 'Ann' / '2.png'}: no image of reference 2 of 'Ann' is below "
        f"{people}; put it there",
        f"steadyface: {black}: no face was found; use a clearer image, or detection 'skip' if it "
        "is a face crop",
    ]
    with open_gallery(base, model_id="sface-base") as opened:
        assert opened.count().references == 3
    found = steadyface(*words, "--json")
    assert found.status == 3
    assert (found.json["changed"], found.json["replaced"]) == (False, 0)
    assert [(e["identity"], e["reference"]) for e in found.json["errors"]] == [
        ("Ann", 2),
        ("Ben", 3),
    ]
    dropped = steadyface(*words, "--drop-missing")
    assert (dropped.status, dropped.out) == (3, "1 reference embedded anew, 2 removed\n")
    assert held(base) == {"Ann": [1], "Ben": []}


def test_not_everything_is_dropped(steadyface: Command, base: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    words = "--images", empty, "--gallery", base, "--drop-missing"
    wrong(steadyface("gallery", "re-embed", *words), "dropping them all would leave nothing")
    assert held(base) == {"Ann": [1, 2], "Ben": [3]}
    missing = steadyface("gallery", "re-embed", "--images", tmp_path / "no", "--gallery", base)
    wrong(missing, "no such folder; check the path")


def test_a_gallery_to_re_embed_that_is_not_there(
    steadyface: Command, people: Path, tmp_path: Path
) -> None:
    file = tmp_path / "none.db"
    wrong(steadyface("gallery", "re-embed", "--images", people, "--gallery", file), "no gallery")
    assert not file.exists()


def test_what_was_enrolled_from_a_csv_is_found_again(
    steadyface: Command, people: Path, tmp_path: Path
) -> None:
    table, file = people / "people.csv", tmp_path / "c.db"
    table.write_text("image,identity\nAnn/1.png,Ann\nBen/1.png,Ben\n")
    steadyface("enroll", "--csv", table, "--gallery", file, "--model", "sface-base")
    moved = people.rename(tmp_path / "elsewhere")
    run = steadyface("gallery", "re-embed", "--images", moved, "--gallery", file)
    assert (run.status, run.out) == (0, "2 references embedded anew\n")
