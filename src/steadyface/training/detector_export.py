"""From a trained student to the ONNX graph that ships, with proof that both say the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

from steadyface.errors import ModelError
from steadyface.models.session import OnnxSession
from steadyface.training.graphs import yunet_graph
from steadyface.training.yunet_torch import YuNet, in_file_order, named_outputs

#: Largest difference between torch's and ONNX Runtime's outputs that is let pass.
PARITY = 1e-4


def detector_graph(student: YuNet, base: Path) -> onnx.ModelProto:
    """The base detector's graph for any batch and frame size, holding the student's own weights.

    Args:
        student: the network.
        base: OpenCV Zoo's weight file, of which the structure is taken.
    """
    model = yunet_graph(base)
    places = {tensor.name: tensor for tensor in model.graph.initializer}
    names = [name for node in model.graph.node if node.op_type == "Conv" for name in node.input[1:]]
    for name, values in zip(names, in_file_order(student), strict=True):
        places[name].CopyFrom(numpy_helper.from_array(values.contiguous().numpy(), name))
    onnx.checker.check_model(model)
    return model


def check_detector_parity(student: YuNet, graph: bytes, frames: NDArray[np.uint8]) -> float:
    """The largest difference between torch's and ONNX Runtime's outputs.

    Args:
        student: the network.
        graph: its serialised graph.
        frames: N x H x W x 3 uint8; H and W multiples of 32.

    Raises:
        ModelError: they differ by more than `PARITY`.
    """
    batch = np.ascontiguousarray(frames.transpose(0, 3, 1, 2), dtype=np.float32)
    outputs = OnnxSession(graph, weights_folder=None, name="the exported detector").run(batch)
    with torch.no_grad():
        expected = named_outputs(student.eval()(torch.from_numpy(batch)))
    worst = float(max(np.abs(outputs[name] - expected[name].numpy()).max() for name in expected))
    if not worst <= PARITY:
        raise ModelError(
            f"torch and ONNX Runtime differ by {worst:.2g}, more than {PARITY:g}: not exported"
        )
    return worst


def write_detector(student: YuNet, base: Path, frames: NDArray[np.uint8], file: Path) -> float:
    """Export, check and write a detector; returns the largest difference found."""
    graph = detector_graph(student, base).SerializeToString()
    worst = check_detector_parity(student, graph, frames)
    file.write_bytes(graph)
    return worst
