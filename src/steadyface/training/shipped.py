"""The shipped face network as a torch module again, read back from its graph."""

from __future__ import annotations

from typing import Any

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from steadyface.models.catalog import load_catalog
from steadyface.models.graphs import read_graph
from steadyface.training.embedder import Student
from steadyface.training.sface_torch import FEATURES, ConvPReLU, SFace


def shipped_student(model_id: str) -> Student:
    """The student that a network of the catalog was exported from, see `export.student_graph`.

    Args:
        model_id: a face network of this project whose graph holds its weights.

    Raises:
        ModelError: there is no such model, or its graph cannot be read.
    """
    catalog = load_catalog()
    graph = onnx.load_from_string(read_graph(catalog.choose("face-network", model_id), catalog))
    stored = {
        t.name.removesuffix("_half"): torch.from_numpy(numpy_helper.to_array(t).copy())
        for t in graph.graph.initializer
        if t.name.endswith("_half")
    }
    # Those without a bias are parts of a PReLU, see `export._prelu`.
    blocks = [
        ConvPReLU(_convolution(node, stored))
        for node in graph.graph.node
        if node.op_type == "Conv" and len(node.input) == 3
    ]
    grid = round((stored["embed_weight"].shape[1] / FEATURES) ** 0.5)
    student = Student(SFace(blocks, grid))
    state = {name: stored[_stored_name(name)].float() for name in student.state_dict()}
    student.load_state_dict(state)
    return student.eval()


def _convolution(node: onnx.NodeProto, stored: dict[str, Tensor]) -> nn.Conv2d:
    weight = stored[node.input[1]]
    options: dict[str, Any] = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    return nn.Conv2d(
        weight.shape[1] * options["group"],
        weight.shape[0],
        weight.shape[2],
        stride=options["strides"][0],
        padding=options["pads"][0],
        groups=options["group"],
    )


def _stored_name(name: str) -> str:
    """`trunk.blocks.3.conv.bias` -> `block3_bias`, `gender.hidden.bias` -> `gender_hidden_bias`."""
    parts = name.removeprefix("trunk.").split(".")
    if parts[0] == "blocks":
        return f"block{parts[1]}_{parts[-1]}"
    return "_".join(parts)
