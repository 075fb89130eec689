from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]


@pytest.mark.models
@pytest.mark.slow
def test_a_smoke_run_trains_and_exports(
    steadyface: Command, identities: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steadyface.training.loop._LOGGED_EVERY", 1)
    arguments = ("train", "embedder", identities / "male", "--output", tmp_path / "run", "--smoke")
    run = steadyface(*arguments)
    assert (run.status, run.err) == (0, "")
    assert run.out == f"{tmp_path / 'run' / 'network.onnx'}\n"
    made = {file.name for file in (tmp_path / "run").iterdir() if file.is_file()}
    assert made == {
        "network.onnx",
        "network.json",
        "manifest.json",
        "checkpoint.pt",
        "log.jsonl",
        "curves.png",
    }
    options = json.loads((tmp_path / "run" / "network.json").read_text())["made_by"]["options"]
    assert (options["steps"], options["batch"]) == (2, 4)


@pytest.mark.models
@pytest.mark.slow
def test_a_smoke_run_of_the_detector_trains_measures_and_exports(
    steadyface: Command, identities: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steadyface.training.loop._LOGGED_EVERY", 1)
    arguments = ("train", "detector", identities, "--output", tmp_path / "run", "--smoke")
    run = steadyface(*arguments)
    assert (run.status, run.err) == (0, "")
    assert run.out == f"{tmp_path / 'run' / 'detector.onnx'}\n"
    made = {file.name for file in (tmp_path / "run").iterdir() if file.is_file()}
    assert made == {
        "detector.onnx",
        "detector.json",
        "manifest.json",
        "checkpoint.pt",
        "log.jsonl",
        "curves.png",
    }
    told = json.loads((tmp_path / "run" / "detector.json").read_text())
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert told["torch_and_onnx_differ_by"] < 1e-4
    assert told["frames"] == len(manifest["images"])
    assert told["held_out"]["frames"] == len(manifest["held_out"]) > 0
    assert set(manifest["images"]) & set(manifest["held_out"]) == set()
    figures = told["held_out"]["figures"]
    assert set(figures) == {"base", "base with views", "student", "student with views"}
    # Two steps change little: the student still sees what its teacher sees in clean frames.
    assert figures["student"]["clean"]["found"] == figures["base"]["clean"]["found"] == 1


def test_a_folder_without_images(steadyface: Command, tmp_path: Path) -> None:
    run = steadyface("train", "embedder", tmp_path, "--output", tmp_path / "run")
    assert (run.status, run.out) == (2, "")
    assert run.err == (
        f"steadyface: {tmp_path}: no images of faces in this folder; give one with some\n"
    )


def test_a_recipe_that_does_not_exist(steadyface: Command, tmp_path: Path) -> None:
    recipe = tmp_path / "none.toml"
    run = steadyface("train", "embedder", tmp_path, "--output", tmp_path, "--config", recipe)
    assert (run.status, run.out) == (2, "")
    assert run.err.startswith(f"steadyface: {recipe}: cannot be read as a recipe (")


def test_without_torch_the_extra_is_named(
    steadyface: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [n for n in sys.modules if n.startswith("steadyface.training.train_embedder")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "steadyface.training.run", None)
    run = steadyface("train", "embedder", tmp_path, "--output", tmp_path)
    assert (run.status, run.out) == (2, "")
    assert run.err.startswith("steadyface: training needs ")
    assert run.err.endswith("install it with: pip install 'steadyface[train]'\n")
