from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from steadyface.errors import DatasetLayoutError
from steadyface.models.session import OnnxSession
from steadyface.training.recipe import Recipe
from steadyface.training.train_embedder import train_embedder


@pytest.mark.models
@pytest.mark.slow
def test_an_embedder_is_trained_from_a_folder_of_images(identities: Path, tmp_path: Path) -> None:
    recipe = Recipe(steps=2, batch=4, bank=8, workers=0)
    folder = identities / "female"
    file = train_embedder(folder, tmp_path, recipe, compiled=False)
    outputs = OnnxSession(file.read_bytes(), weights_folder=None).run(
        np.zeros((2, 3, 112, 112), dtype=np.float32)
    )
    assert outputs["embedding"].shape == (2, 128)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert len(manifest["images"]) == 18
    assert all((folder / name).is_file() for name in manifest["images"])
    made = json.loads((tmp_path / "network.json").read_text())
    assert made["torch_and_onnx_differ_by"] < 1e-4
    assert made["made_by"]["options"]["steps"] == 2


def test_a_folder_without_images_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetLayoutError) as caught:
        train_embedder(tmp_path / "none", tmp_path / "out", Recipe())
    assert str(caught.value) == (
        f"{tmp_path / 'none'}: no images of faces in this folder; give one with some"
    )
