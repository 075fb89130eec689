from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from steadyface.errors import ModelError
from steadyface.imaging.decode import decode
from steadyface.models.defaults import load_detector
from steadyface.training.base_models import weights_of
from steadyface.training.detector_export import (
    check_detector_parity,
    detector_graph,
    write_detector,
)
from steadyface.training.graphs import yunet_graph
from steadyface.training.train_detector import exported
from steadyface.training.yunet_torch import YuNet, load_yunet

pytestmark = pytest.mark.models

FRAMES = np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3), dtype=np.uint8)


@pytest.fixture
def base() -> Path:
    return weights_of("yunet-base")


@pytest.fixture
def changed(base: Path) -> YuNet:
    """A network whose every weight differs from the base one's."""
    network = load_yunet(base)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.01)
    return network


def test_the_unchanged_network_finds_the_same_faces(
    base: Path, identities: Path, tmp_path: Path
) -> None:
    file = tmp_path / "detector.onnx"
    assert write_detector(load_yunet(base), base, FRAMES, file) < 1e-4
    photo = decode(identities / "female" / "Edith" / "Edith_0002.jpg")
    frame = np.pad(photo, ((10, 21), (5, 14), (0, 0)))  # no side a multiple of 32
    expected = load_detector("yunet-base").detect([frame, frame], 0.5)
    found = exported(file).detect([frame, frame], 0.5)
    assert [len(faces) for faces in found] == [len(faces) for faces in expected] == [1, 1]
    np.testing.assert_allclose(found[1][0].landmarks, expected[1][0].landmarks, atol=1e-2)
    assert found[1][0].score == pytest.approx(expected[1][0].score, abs=1e-4)


def test_every_weight_of_the_student_is_in_the_file(base: Path, changed: YuNet) -> None:
    graph = detector_graph(changed, base)
    assert check_detector_parity(changed, graph.SerializeToString(), FRAMES) < 1e-4
    with pytest.raises(ModelError):
        check_detector_parity(load_yunet(base), graph.SerializeToString(), FRAMES)


def test_the_file_stands_alone_and_is_shaped_as_the_packaged_graph(
    base: Path, changed: YuNet
) -> None:
    graph, packaged = detector_graph(changed, base).graph, yunet_graph(base).graph
    external = [t.name for t in graph.initializer if t.data_location == onnx.TensorProto.EXTERNAL]
    assert external == []
    assert list(graph.input) == list(packaged.input)
    assert list(graph.output) == list(packaged.output)
    assert len(graph.SerializeToString()) < 300_000


def test_a_graph_that_says_something_else_is_not_exported(base: Path, changed: YuNet) -> None:
    model = detector_graph(changed, base)
    name = next(n for n in model.graph.node if n.op_type == "Conv").input[2]
    spoilt = next(t for t in model.graph.initializer if t.name == name)
    values = onnx.numpy_helper.to_array(spoilt) + np.float32(0.5)
    spoilt.CopyFrom(onnx.numpy_helper.from_array(values, name))
    with pytest.raises(ModelError) as caught:
        check_detector_parity(changed, model.SerializeToString(), FRAMES)
    assert str(caught.value).startswith("torch and ONNX Runtime differ by ")
    assert str(caught.value).endswith("more than 0.0001: not exported")
