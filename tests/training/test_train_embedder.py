from __future__ import annotations

import json
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from steadyface.errors import DatasetLayoutError, UsageError
from steadyface.models.session import OnnxSession
from steadyface.training.loop import finished_weights
from steadyface.training.recipe import Recipe
from steadyface.training.train_embedder import train_embedder
from steadyface.types import FloatArray


@pytest.mark.models
@pytest.mark.slow
def test_an_embedder_is_trained_from_a_folder_of_images(identities: Path, tmp_path: Path) -> None:
    recipe = Recipe(steps=2, batch=4, bank=8, workers=0)
    folder = tmp_path / "faces"
    shutil.copytree(identities / "female", folder)
    (folder / "broken.jpg").write_bytes(b"no image")
    Image.new("RGB", (64, 64)).save(folder / "black.png")
    output = tmp_path / "run"
    trained = train_embedder(folder, output, recipe, compiled=False)
    file = trained.file
    assert [error.source for error in trained.left_out] == [
        str(folder / "black.png"),
        str(folder / "broken.jpg"),
    ]
    assert trained.left_out[0].reason.startswith("no face was found; ")
    assert trained.left_out[1].reason.startswith("not an image in a known format; ")
    outputs = OnnxSession(file.read_bytes(), weights_folder=None).run(
        np.zeros((2, 3, 112, 112), dtype=np.float32)
    )
    assert outputs["embedding"].shape == (2, 128)
    manifest = json.loads((output / "manifest.json").read_text())
    assert len(manifest["images"]) == 18
    assert all((folder / name).is_file() for name in manifest["images"])
    made = json.loads((output / "network.json").read_text())
    assert made["torch_and_onnx_differ_by"] < 1e-4
    assert made["made_by"]["options"]["steps"] == 2
    assert "start" not in made["made_by"]
    again = train_embedder(folder, output, recipe, compiled=False)
    assert [str(error) for error in again.left_out] == [str(error) for error in trained.left_out]

    still = replace(recipe, rate=0.0, seed=1)
    further = train_embedder(folder, tmp_path / "further", still, start=output, compiled=False)
    pixels = np.zeros((2, 3, 112, 112), dtype=np.float32)
    assert_same_outputs(further.file, file, pixels)
    made = json.loads((tmp_path / "further" / "network.json").read_text())
    state = (output / "checkpoint.pt").read_bytes()
    assert made["made_by"]["start"] == sha256(state).hexdigest()


def assert_same_outputs(file: Path, other: Path, pixels: FloatArray) -> None:
    """A network that learnt nothing more answers as the one that it started as."""
    outputs, expected = (
        OnnxSession(f.read_bytes(), weights_folder=None).run(pixels) for f in (file, other)
    )
    # The batch statistics move on, for the weights' rate does not stop them.
    for name, values in expected.items():
        size = np.linalg.norm(values, axis=1, keepdims=True) if name == "embedding" else 1.0
        np.testing.assert_allclose(outputs[name] / size, values / size, atol=0.05)


@pytest.mark.parametrize("steps", [None, 3])
def test_only_a_finished_run_can_be_started_from(tmp_path: Path, steps: int | None) -> None:
    run = tmp_path / "run"
    run.mkdir()
    said = "holds no run; give the folder of a finished one"
    if steps is not None:
        state = {"step": steps, "recipe": {"steps": 5}, "average": {}}
        torch.save(state, run / "checkpoint.pt")
        said = "its run is at step 3 of 5; let it finish first"
    with pytest.raises(UsageError) as caught:
        finished_weights(run)
    assert str(caught.value) == f"{run}: {said}"


@pytest.mark.models
def test_a_folder_without_a_face_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "faces"
    folder.mkdir()
    Image.new("RGB", (64, 64)).save(folder / "black.png")
    with pytest.raises(DatasetLayoutError) as caught:
        train_embedder(folder, tmp_path / "run", Recipe(), compiled=False)
    assert str(caught.value) == (f"{folder}: no face was found in any image; give images of faces")


def test_a_folder_without_images_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetLayoutError) as caught:
        train_embedder(tmp_path / "none", tmp_path / "out", Recipe())
    assert str(caught.value) == (
        f"{tmp_path / 'none'}: no images of faces in this folder; give one with some"
    )
