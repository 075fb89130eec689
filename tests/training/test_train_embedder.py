from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from steadyface.errors import DatasetLayoutError
from steadyface.models.session import OnnxSession
from steadyface.training.recipe import Recipe
from steadyface.training.train_embedder import train_embedder


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
    again = train_embedder(folder, output, recipe, compiled=False)
    assert [str(error) for error in again.left_out] == [str(error) for error in trained.left_out]


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
