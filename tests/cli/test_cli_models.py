from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steadyface.models.catalog import load_catalog
from steadyface.models.store import CACHE_VARIABLE, OFFLINE_VARIABLE, ModelStore, default_store

Command = Callable[..., Any]

CATALOG = load_catalog()


@pytest.fixture
def usual_store() -> ModelStore:
    """Where this machine keeps weights when no test interferes."""
    return default_store()


@pytest.fixture
def cache(usual_store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with nothing in it, and no way to fetch."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv(OFFLINE_VARIABLE, "1")
    return tmp_path / "cache"


@pytest.mark.usefixtures("cache")
def test_list_says_what_there_is_and_what_is_missing(steadyface: Command) -> None:
    run = steadyface("models", "list", "--json")
    assert (run.status, run.err) == (0, "")
    assert run.json == [
        {
            "id": entry.id,
            "role": entry.role,
            "default": entry.default,
            "licence": entry.licence,
            "weights": entry.weights,
            "status": "missing",
        }
        for entry in CATALOG.models
    ]
    lines = steadyface("models", "list").out.splitlines()
    assert [line[2:].split() for line in lines] == [
        [entry.id, entry.role, entry.licence, "missing"] for entry in CATALOG.models
    ]
    assert [line[0] == "*" for line in lines] == [entry.default for entry in CATALOG.models]


def test_verify_says_no_where_a_file_is_missing_or_damaged(
    steadyface: Command, cache: Path
) -> None:
    first, *rest = [file.name for file in CATALOG.weight_files]
    cache.mkdir()
    (cache / first).write_bytes(b"not these weights")
    run = steadyface("models", "verify")
    assert (run.status, run.err) == (1, "")
    assert run.out.splitlines() == [f"{first}: damaged", *(f"{name}: missing" for name in rest)]
    as_json = steadyface("models", "verify", "--json")
    assert as_json.status == 1
    assert as_json.json[0] == {"weights": first, "status": "damaged"}


@pytest.mark.usefixtures("cache")
def test_fetch_without_a_way_says_how_to_get_the_file(steadyface: Command) -> None:
    entry = CATALOG.models[0]
    run = steadyface("models", "fetch", entry.id)
    assert (run.status, run.out) == (2, "")
    assert run.err.startswith(f"steadyface: {entry.weights} is missing in ")
    assert OFFLINE_VARIABLE in run.err
    assert CATALOG.weight_file(entry.weights).sha256 in run.err


@pytest.mark.models
def test_fetch_brings_what_was_asked_for_and_verify_agrees(
    steadyface: Command, usual_store: ModelStore, cache: Path
) -> None:
    cache.mkdir()
    for file in CATALOG.weight_files:
        shutil.copy(usual_store.ensure(file), cache / file.name)
    entry = CATALOG.models[-1]
    assert steadyface("models", "fetch", entry.id).out == f"{entry.id}: {cache / entry.weights}\n"
    everything = steadyface("models", "fetch", "--json")
    assert everything.json == [{"id": e.id, "path": str(cache / e.weights)} for e in CATALOG.models]
    verified = steadyface("models", "verify", "--json")
    assert (verified.status, verified.err) == (0, "")
    assert verified.json == [{"weights": f.name, "status": "ok"} for f in CATALOG.weight_files]
