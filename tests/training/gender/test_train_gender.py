"""Whole trainings: on the sample identities, and a killed ResNet50 on small pictures."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from tests.training.gender.pictures import folders

from steadyface.cli.main import cli
from steadyface.errors import ModelError
from steadyface.imaging.framing import Framing
from steadyface.models.trained import load_trained
from steadyface.training.gender.backbones import build
from steadyface.training.gender.export import Answering, check_parity, write_classifier
from steadyface.training.gender.recipe import default_recipe

FILES = {
    "model.onnx",
    "model.json",
    "checkpoint.pt",
    "config.json",
    "metrics.json",
    "report.html",
    "card.md",
}


def steadyface(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, identities: Path) -> tuple[Path, Path, Result]:
    """A training of the own backbone: its folder, the table, and what it printed."""
    folder = tmp_path_factory.mktemp("own")
    names = sorted(path.relative_to(identities) for path in identities.rglob("*.jpg"))
    rows = [
        f"{name.as_posix()},{name.parent.name},{'first' if name.parent.name < 'E' else 'later'}"
        for name in names
    ]
    table = folder / "people.csv"
    table.write_text("image,identity,name\n" + "\n".join(rows) + "\n")
    run = steadyface(
        *("train", "gender", identities, "--output", folder / "run", "--val-fraction", 0.4),
        *("--table", table, "--group", "name", "--epochs", 8, "--copies", 2, "--distort", 0.5),
    )
    return folder / "run", table, run


def test_the_result_is_a_folder_with_everything(own: tuple[Path, Path, Result]) -> None:
    folder, _, run = own
    assert run.exit_code == 0
    assert {file.name for file in folder.iterdir() if file.is_file()} == FILES
    lines = [line for line in run.output.splitlines() if line.startswith("epoch")]
    assert len(lines) == 8
    assert re.fullmatch(
        r"epoch   1/8  train loss \d\.\d{4} accuracy [ \d]+\.\d\d %  val loss .*", lines[0]
    )
    assert json.loads((folder / "config.json").read_text())["distort"] == 0.5


def test_metrics_are_of_the_people_kept_back(own: tuple[Path, Path, Result]) -> None:
    folder, _, run = own
    metrics = json.loads((folder / "metrics.json").read_text())
    assert (metrics["split"], metrics["measured_on"]) == ("identity", "val")
    assert metrics["images"]["train"] + metrics["images"]["val"] == 36
    accuracy = metrics["as_given"]["overall"]["accuracy"]
    assert accuracy >= 0.8
    assert f"accuracy {100 * accuracy:.2f} % on val" in run.output
    assert len(metrics["distorted"]) == 7
    assert set(metrics["groups"]) == {"as given", *metrics["distorted"]}
    groups = metrics["groups"]["as given"]
    assert set(groups) == {"name", "name and gender"}
    assert set(groups["name"]["groups"]) == {"first", "later"}
    assert all(group["small"] for group in groups["name"]["groups"].values())
    best = metrics["epochs"][metrics["best_epoch"] - 1]
    assert best["val_accuracy"] == max(epoch["val_accuracy"] for epoch in metrics["epochs"])
    assert metrics["torch_and_onnx_differ_by"] < 1e-4


def test_the_report_needs_nothing_beside_it(own: tuple[Path, Path, Result]) -> None:
    page = (own[0] / "report.html").read_text()
    assert not re.search(r"(?:src|href)=[\"'](?!data:)", page)
    assert page.count("data:image/png;base64,") >= 3
    assert all(f'alt="{alt}' in page for alt in ("Confusion", "ROC", "Loss and accuracy"))
    assert "the images that chose the epoch" in page
    assert "weighted avg" in page
    assert "By name and gender" in page
    card = (own[0] / "card.md").read_text()
    assert "which also chose the epoch" in card
    assert json.loads((own[0] / "model.json").read_text())["id"] in card


def test_commands_and_python_use_the_folder(
    own: tuple[Path, Path, Result], identities: Path
) -> None:
    folder = own[0]
    one = next((identities / "female").rglob("*.jpg"))
    said = json.loads(steadyface("gender", one, "--model", folder, "--json").output)
    face = said["results"][0]["faces"][0]
    assert face["detection"] == "found"
    measured = json.loads(
        steadyface("evaluate", "gender", identities, "--model", folder, "--json").output
    )
    assert measured["overall"]["images"] == 36
    assert measured["overall"]["accuracy"] > 0.85
    assert measured["made_by"]["model"] == load_trained(folder).model_id


def test_a_finished_training_is_not_run_again(
    own: tuple[Path, Path, Result], identities: Path
) -> None:
    folder, table, _ = own
    before = (folder / "model.onnx").read_bytes()
    again = steadyface(
        *("train", "gender", identities, "--output", folder, "--val-fraction", 0.4),
        *("--table", table, "--group", "name", "--epochs", 8, "--copies", 2, "--distort", 0.5),
    )
    assert again.exit_code == 0
    assert "epoch" not in again.output.replace("epochs", "")
    assert (folder / "model.onnx").read_bytes() == before


def test_leakage_is_refused_before_training(tmp_path: Path) -> None:
    data = folders(tmp_path / "d", train=3, val=2)
    (data / "val" / "male" / "again.png").write_bytes(
        (data / "train" / "male" / "trainmale0.png").read_bytes()
    )
    command = [sys.executable, "-m", "steadyface", "train", "gender", str(data)]
    options = ["--output", str(tmp_path / "run"), "--backbone", "resnet18", "--weights", "none"]
    run = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "what is measured on was trained on: 1 exact duplicates in train and val" in run.stderr
    assert "exact duplicates in train and val" in run.stdout
    assert not (tmp_path / "run" / "checkpoint.pt").exists()


# --- the recipe of the challenge ------------------------------------------------------------------


def resnet(data: Path, output: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "steadyface", "train", "gender", str(data)),
        *("--output", str(output), "--backbone", "resnet50", "--weights", "none"),
        *("--epochs", "3", "--batch", "4", "--rate", "0.003", "--seed", "4"),
    ]


def without_made_by(folder: Path) -> dict[str, Any]:
    metrics: dict[str, Any] = json.loads((folder / "metrics.json").read_text())
    return {name: value for name, value in metrics.items() if name != "made_by"}


@pytest.mark.slow
def test_a_killed_resnet50_goes_on_to_the_same_figures(tmp_path: Path) -> None:
    data = folders(tmp_path / "d", train=8, val=4, test=4)
    (data / "test" / "male" / "broken.jpg").write_bytes(b"nothing")
    whole = subprocess.run(
        resnet(data, tmp_path / "whole"), capture_output=True, text=True, check=False
    )
    assert whole.returncode == 3  # the broken image is named, the rest is done
    assert "broken.jpg: not an image" in whole.stderr
    assert "frozen with random weights: expect little better than chance" in whole.stdout
    killed = subprocess.Popen(resnet(data, tmp_path / "killed"), stdout=subprocess.PIPE, text=True)
    assert killed.stdout is not None
    for line in killed.stdout:
        if line.startswith("epoch   1/3"):
            break
    time.sleep(0.3)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    killed.stdout.close()
    assert not (tmp_path / "killed" / "metrics.json").exists()
    resumed = subprocess.run(
        resnet(data, tmp_path / "killed"), capture_output=True, text=True, check=False
    )
    assert resumed.returncode == 3
    assert "epoch   1/3" not in resumed.stdout
    assert "epoch   3/3" in resumed.stdout
    metrics = without_made_by(tmp_path / "whole")
    assert without_made_by(tmp_path / "killed") == metrics
    assert metrics["measured_on"] == "test"
    figures = metrics["as_given"]["overall"]
    assert (figures["images"], figures["without_score"]) == (9, 1)


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path: Path) -> None:
    data = folders(tmp_path / "d", train=8, val=4)
    options = (
        *("--backbone", "resnet18", "--weights", "none", "--epochs", "2", "--batch", "4"),
        *("--rate", "0.003", "--seed", "4", "--unfreeze", "1"),
    )
    results = []
    for name, launcher in (
        ("one", [sys.executable, "-m", "steadyface"]),
        (
            "two",
            [
                *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
                *("--nproc-per-node", "2", "-m", "steadyface"),
            ],
        ),
    ):
        output = tmp_path / name
        run = subprocess.run(
            [*launcher, "train", "gender", str(data), "--output", str(output), *options],
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        assert run.stdout.count("epoch   1/2") == 1
        results.append(without_made_by(output)["epochs"])
    for one, two in zip(*results, strict=True):
        assert two["train_loss"] == pytest.approx(one["train_loss"], abs=2e-3)
        assert two["val_loss"] == pytest.approx(one["val_loss"], abs=2e-3)


def test_an_export_that_differs_is_refused(tmp_path: Path) -> None:
    built = build(replace(default_recipe("resnet18"), weights="none"))
    small = replace(built, framing=Framing(32, None))
    crops = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    assert write_classifier(small, "resnet18", crops, tmp_path) < 1e-4
    network = load_trained(tmp_path)
    assert network.run(list(crops)).embeddings.shape == (3, 512)
    with torch.no_grad():
        built.classifier.head.bias[0] += 1
    graph = (tmp_path / "model.onnx").read_bytes()
    with pytest.raises(ModelError, match=r"torch and ONNX Runtime differ by 0\.\d+, more than 0"):
        check_parity(Answering(built.classifier).eval(), graph, small, crops)
