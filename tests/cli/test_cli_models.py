from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.models.tiny import shipped

from steadyface.matching.calibration import load_calibration, rule_for
from steadyface.models.catalog import ModelEntry, load_catalog
from steadyface.models.store import CACHE_VARIABLE, OFFLINE_VARIABLE, ModelStore, default_store

Command = Callable[..., Any]

CATALOG = load_catalog()
#: Models whose weights are fetched, and names of graphs that hold theirs.
FETCHED = [entry for entry in CATALOG.models if entry.weights is not None]
PACKAGED = [entry.graph for entry in CATALOG.models if entry.weights is None]


def status_of(entry: ModelEntry, where_fetched: str) -> str:
    return "packaged" if entry.weights is None else where_fetched


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
            "status": status_of(entry, "missing"),
        }
        for entry in CATALOG.models
    ]
    lines = steadyface("models", "list").out.splitlines()
    assert [line[2:].split() for line in lines] == [
        [entry.id, entry.role, entry.licence, status_of(entry, "missing")]
        for entry in CATALOG.models
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
    assert run.out.splitlines() == [
        f"{first}: damaged",
        *(f"{name}: missing" for name in rest),
        *(f"{name}: ok" for name in PACKAGED),
    ]
    as_json = steadyface("models", "verify", "--json")
    assert as_json.status == 1
    assert as_json.json[0] == {"weights": first, "status": "damaged"}


@pytest.mark.usefixtures("cache")
def test_fetch_without_a_way_says_how_to_get_the_file(steadyface: Command) -> None:
    entry = FETCHED[0]
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
    entry = FETCHED[-1]
    assert entry.weights is not None
    assert steadyface("models", "fetch", entry.id).out == f"{entry.id}: {cache / entry.weights}\n"
    everything = steadyface("models", "fetch", "--json")
    assert everything.json == [
        {"id": e.id, "path": None if e.weights is None else str(cache / e.weights)}
        for e in CATALOG.models
    ]
    verified = steadyface("models", "verify", "--json")
    assert (verified.status, verified.err) == (0, "")
    assert verified.json == [
        {"weights": name, "status": "ok"}
        for name in [*(file.name for file in CATALOG.weight_files), *PACKAGED]
    ]


# --- graphs that hold their weights -------------------------------------------------------------


@pytest.fixture
def tiny(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The graph of the only model that there is, and nothing in the cache."""
    catalog = shipped(tmp_path, b"a graph")
    monkeypatch.setattr("steadyface.cli.models.load_catalog", lambda: catalog)
    return tmp_path / "tiny.onnx"


@pytest.mark.usefixtures("tiny")
def test_list_says_that_a_model_is_packaged(steadyface: Command) -> None:
    (row,) = steadyface("models", "list", "--json").json
    assert (row["id"], row["weights"], row["status"]) == ("tiny", None, "packaged")
    assert steadyface("models", "list").out.split()[-1] == "packaged"


@pytest.mark.usefixtures("tiny")
def test_fetch_of_a_packaged_model_has_nothing_to_do(steadyface: Command, cache: Path) -> None:
    run = steadyface("models", "fetch", "tiny")
    assert (run.status, run.out, run.err) == (0, "tiny: packaged, nothing to fetch\n", "")
    assert steadyface("models", "fetch", "--json").json == [{"id": "tiny", "path": None}]
    assert not cache.exists()


def test_verify_checks_a_packaged_graph(steadyface: Command, tiny: Path) -> None:
    run = steadyface("models", "verify")
    assert (run.status, run.out) == (0, "tiny.onnx: ok\n")
    tiny.write_bytes(b"a grape")
    run = steadyface("models", "verify")
    assert (run.status, run.out) == (1, "tiny.onnx: damaged\n")
    assert steadyface("models", "verify", "--json").json == [
        {"weights": "tiny.onnx", "status": "damaged"}
    ]


def test_thresholds_are_those_that_decide_with_their_intervals(steadyface: Command) -> None:
    told = steadyface("models", "thresholds", "--json").json
    assert told["schema"] == "steadyface/thresholds/1"
    model = CATALOG.default("face-network").id
    assert told["model"] == model
    assert told["supports"] == [1e-5, 0.1]
    rates = [row["fmr"] for row in told["thresholds"]]
    assert rates == [0.1, 0.01, 0.001, 0.0001, 0.00001]
    for row in told["thresholds"]:
        rule = rule_for(model, fmr=row["fmr"])
        assert row["by_references"] == list(rule.by_references)
        low, high = row["interval"]
        assert low < rule.threshold < high
        assert high - low < 0.1
    # The fewer comparisons decide a threshold, the less is known of it.
    widths = [high - low for low, high in (row["interval"] for row in told["thresholds"])]
    assert widths[-1] > 2 * widths[1]
    text = steadyface("models", "thresholds", "--fmr", "0.001").out.splitlines()
    assert len(text) == 2
    assert text[1].startswith(f"FMR 0.001    {rule_for(model).threshold:.3f} [")
    beyond = steadyface("models", "thresholds", "--fmr", "1e-7")
    assert beyond.status == 2
    assert "supports FMR 1e-05 to 0.1, not 1e-07" in beyond.err


def test_an_interval_that_was_not_measured_is_none(
    steadyface: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = replace(load_calibration("sface-base"), low=(), high=())
    monkeypatch.setattr("steadyface.cli.models.load_calibration", lambda model_id: bare)
    command = "models", "thresholds", "--model", "sface-base", "--fmr", "0.001"
    line = steadyface(*command).out.splitlines()[1]
    assert line.startswith(f"FMR 0.001    {bare.rule(1e-3).threshold:.3f} [interval not measured]")
    (row,) = steadyface(*command, "--json").json["thresholds"]
    assert row["interval"] is None
