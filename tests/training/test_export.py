from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from steadyface.errors import ModelError
from steadyface.models.session import OnnxSession
from steadyface.training.augment import LABELS
from steadyface.training.base_models import weights_of
from steadyface.training.embedder import Student
from steadyface.training.export import check_parity, halved, student_graph, write_model
from steadyface.training.sface_torch import load_sface

pytestmark = pytest.mark.models

CROPS = np.random.default_rng(0).integers(0, 256, (5, 112, 112, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def student() -> Student:
    torch.manual_seed(0)
    return halved(Student(load_sface(weights_of("sface-base")))).eval()


def test_the_exported_network_says_what_torch_says(student: Student, tmp_path: Path) -> None:
    file = tmp_path / "network.onnx"
    assert write_model(student, CROPS, file) < 1e-4
    batch = np.ascontiguousarray(CROPS.transpose(0, 3, 1, 2), dtype=np.float32)
    session = OnnxSession(file.read_bytes(), weights_folder=None)
    outputs = session.run(batch)
    assert session.outputs == ("embedding", "p_female", "quality", "distortion", "strength")
    with torch.no_grad():
        embedding, heads = student(torch.from_numpy(batch))
    raw = outputs["embedding"]
    unit = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    np.testing.assert_allclose(unit, embedding.numpy(), atol=1e-4)
    sigmoid = torch.sigmoid(heads).numpy()
    np.testing.assert_allclose(outputs["p_female"], sigmoid[:, 0], atol=1e-4)
    np.testing.assert_allclose(outputs["quality"], sigmoid[:, 1], atol=1e-4)
    kinds = torch.softmax(heads[:, 2:-1], 1).numpy()
    assert kinds.shape == (5, len(LABELS))
    np.testing.assert_allclose(outputs["distortion"], kinds, atol=1e-4)
    np.testing.assert_allclose(outputs["strength"][:, 0], sigmoid[:, -1], atol=1e-4)
    one_by_one = [session.run(batch[i : i + 1])["embedding"][0] for i in range(5)]
    np.testing.assert_allclose(raw, one_by_one, rtol=1e-3, atol=1e-3)


def test_slopes_of_every_sign_and_size_are_exact(student: Student) -> None:
    steep = copy.deepcopy(student)
    with torch.no_grad():
        for block in steep.trunk.blocks:
            slope = block.slope
            assert isinstance(slope, torch.Tensor)
            slope[:4] = torch.tensor([-0.5, 0.0, 1.0, 1.5])[:, None, None]
    model = student_graph(halved(steep))
    assert check_parity(steep, model.SerializeToString(), CROPS) < 1e-4
    # ONNX Runtime's own PRelu takes half of the time, see `export._prelu`.
    assert "PRelu" not in {node.op_type for node in model.graph.node}


def test_the_file_is_small_enough_to_ship(student: Student) -> None:
    assert len(student_graph(student).SerializeToString()) < 20_000_000


def test_a_graph_that_says_something_else_is_not_exported(student: Student) -> None:
    model = student_graph(student)
    spoilt = next(t for t in model.graph.initializer if t.name == "embed_bias_half")
    values = onnx.numpy_helper.to_array(spoilt) + np.float16(0.5)
    spoilt.CopyFrom(onnx.numpy_helper.from_array(values, spoilt.name))
    with pytest.raises(ModelError) as caught:
        check_parity(student, model.SerializeToString(), CROPS)
    assert str(caught.value).startswith("torch and ONNX Runtime differ by ")
    assert str(caught.value).endswith("more than 0.0001: not exported")
