"""From a trained student to the ONNX graph that ships, with proof that both say the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from steadyface.errors import ModelError
from steadyface.imaging.geometry import CROP_SIZE
from steadyface.models.session import OnnxSession
from steadyface.training.augment import LABELS
from steadyface.training.embedder import FEATURE_GAIN, Head, Student
from steadyface.training.sface_torch import EMBEDDING

#: Largest difference of normalised embeddings between torch and ONNX Runtime that is let pass.
PARITY = 1e-4
_OPSET = 17
_ONE, _CHANNELS = "one", "one_weight_a_channel"


class _Graph:
    """Nodes and half-precision initialisers, collected in order."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initialisers: list[onnx.TensorProto] = []

    def weight(self, name: str, values: Tensor) -> str:
        """Store a weight as float16 and give the name of its float32 form.

        ONNX Runtime folds the cast when it loads the graph: half the file, the same speed.
        """
        half = values.detach().numpy().astype(np.float16)
        self.initialisers.append(numpy_helper.from_array(half, f"{name}_half"))
        self.nodes.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
        return name

    def add(self, kind: str, inputs: list[str], output: str, **options: Any) -> str:
        """Append a node and give the name of its output."""
        self.nodes.append(helper.make_node(kind, inputs, [output], **options))
        return output


def halved(student: Student) -> Student:
    """Round every weight to what float16 can hold: the network that is shipped and measured."""
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.copy_(parameter.half().float())
    return student


def student_graph(student: Student) -> onnx.ModelProto:
    """The graph: raw RGB crops in; embedding, p_female, quality, distortion and strength out."""
    graph = _Graph()
    trunk = student.trunk
    scalars = {
        "input_mean": 127.5,
        "input_scale": 1 / 128,
        "feature_gain": FEATURE_GAIN,
        _ONE: 1.0,
    }
    for name, value in scalars.items():
        array = np.array([value], dtype=np.float32)
        graph.initialisers.append(numpy_helper.from_array(array, name))
    channels = np.array([-1, 1, 1, 1], dtype=np.int64)
    graph.initialisers.append(numpy_helper.from_array(channels, _CHANNELS))
    x = graph.add("Sub", ["pixels", "input_mean"], "centred")
    x = graph.add("Mul", [x, "input_scale"], "scaled")
    for number, block in enumerate(trunk.blocks):
        x = _block(graph, f"block{number}", block, x)
    x = graph.add("Mul", [x, graph.weight("feature_scale", trunk.feature_scale)], "stretched")
    x = graph.add("Add", [x, graph.weight("feature_bias", trunk.feature_bias)], "features")
    flat = graph.add("Flatten", [x], "flat")
    _linear(graph, "embed", trunk.embed, flat, "embedding")
    mean = graph.add("Flatten", [graph.add("GlobalAveragePool", [x], "mean")], "flat_mean")
    pooled = graph.add("Mul", [mean, "feature_gain"], "pooled")
    for head in ("gender", "quality"):
        logit = _head(graph, head, getattr(student, head), pooled, f"{head}_logit")
        column = graph.add("Sigmoid", [logit], f"{head}_column")
        shape = numpy_helper.from_array(np.array([-1], dtype=np.int64), f"{head}_shape")
        graph.initialisers.append(shape)
        name = {"gender": "p_female", "quality": "quality"}[head]
        graph.add("Reshape", [column, f"{head}_shape"], name)
    logits = _head(graph, "distortion", student.distortion, pooled, "distortion_logits")
    _distortion(graph, logits)
    outputs: Mapping[str, Sequence[str | int]] = {
        "embedding": ["n", EMBEDDING],
        "p_female": ["n"],
        "quality": ["n"],
        "distortion": ["n", len(LABELS)],
        "strength": ["n", 1],
    }
    made = helper.make_graph(
        graph.nodes,
        "steadyface",
        [
            helper.make_tensor_value_info(
                "pixels", TensorProto.FLOAT, ["n", 3, CROP_SIZE, CROP_SIZE]
            )
        ],
        [helper.make_tensor_value_info(k, TensorProto.FLOAT, v) for k, v in outputs.items()],
        graph.initialisers,
    )
    model = helper.make_model(
        made, producer_name="steadyface", opset_imports=[helper.make_opsetid("", _OPSET)]
    )
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


def check_parity(student: Student, graph: bytes, crops: NDArray[np.uint8]) -> float:
    """The largest difference between torch's and ONNX Runtime's embeddings and gender.

    Args:
        student: the network, in evaluation mode.
        graph: its serialised graph.
        crops: N x 112 x 112 x 3 uint8.

    Raises:
        ModelError: they differ by more than `PARITY`.
    """
    batch = np.ascontiguousarray(crops.transpose(0, 3, 1, 2), dtype=np.float32)
    outputs = OnnxSession(graph, weights_folder=None).run(batch)
    with torch.no_grad():
        embedding, heads = student.eval()(torch.from_numpy(batch))
    raw = outputs["embedding"]
    unit = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    differences = [
        np.abs(unit - embedding.numpy()).max(),
        np.abs(outputs["p_female"] - torch.sigmoid(heads[:, 0]).numpy()).max(),
    ]
    worst = float(max(differences))
    if not worst <= PARITY:
        raise ModelError(
            f"torch and ONNX Runtime differ by {worst:.2g}, more than {PARITY:g}: not exported"
        )
    return worst


def write_model(student: Student, crops: NDArray[np.uint8], file: Path) -> float:
    """Export, check and write a network; returns the largest difference found."""
    shipped = halved(student).eval()
    graph = student_graph(shipped).SerializeToString()
    worst = check_parity(shipped, graph, crops)
    file.write_bytes(graph)
    return worst


def _block(graph: _Graph, name: str, block: nn.Module, x: str) -> str:
    conv = block.conv
    assert isinstance(conv, nn.Conv2d) and conv.bias is not None
    inputs = [
        x,
        graph.weight(f"{name}_weight", conv.weight),
        graph.weight(f"{name}_bias", conv.bias),
    ]
    padding, stride = conv.padding[0], conv.stride[0]
    y = graph.add(
        "Conv",
        inputs,
        f"{name}_conv",
        kernel_shape=list(conv.kernel_size),
        pads=[padding] * 4,
        strides=[stride] * 2,
        group=conv.groups,
    )
    return _prelu(graph, name, block, y)


def _prelu(graph: _Graph, name: str, block: nn.Module, x: str) -> str:
    """PReLU as x + sign(1 - a) relu(-|1 - a| x), each factor a convolution of one weight a channel.

    For x < 0 that is x - (1 - a) x = a x, else x. ONNX Runtime's own PRelu leaves the blocked
    layout that its convolutions work in: with it half of the time goes to PRelu and to reordering.
    The factors are constants, folded when the graph is loaded.
    """
    assert isinstance(block.slope, Tensor)
    slope = graph.weight(f"{name}_slope", block.slope)
    rest = graph.add("Sub", [_ONE, slope], f"{name}_rest")
    size = graph.add("Neg", [graph.add("Abs", [rest], f"{name}_size")], f"{name}_minus_size")
    sign = graph.add("Sign", [rest], f"{name}_sign")
    options = {"group": len(block.slope), "kernel_shape": [1, 1]}
    falling = graph.add("Reshape", [size, _CHANNELS], f"{name}_falling")
    turned = graph.add("Reshape", [sign, _CHANNELS], f"{name}_turned")
    y = graph.add("Conv", [x, falling], f"{name}_fallen", **options)
    y = graph.add("Relu", [y], f"{name}_below")
    y = graph.add("Conv", [y, turned], f"{name}_lift", **options)
    return graph.add("Add", [y, x], f"{name}_out")


def _head(graph: _Graph, name: str, head: Head, pooled: str, output: str) -> str:
    hidden = _linear(graph, f"{name}_hidden", head.hidden, pooled, f"{name}_hidden_sum")
    rectified = graph.add("Relu", [hidden], f"{name}_hidden_out")
    return _linear(graph, f"{name}_answer", head.answer, rectified, output)


def _linear(graph: _Graph, name: str, layer: nn.Linear, x: str, output: str) -> str:
    inputs = [
        x,
        graph.weight(f"{name}_weight", layer.weight),
        graph.weight(f"{name}_bias", layer.bias),
    ]
    return graph.add("Gemm", inputs, output, transB=1)


def _distortion(graph: _Graph, logits: str) -> None:
    bounds = {"zero": 0, "kinds": len(LABELS), "all": len(LABELS) + 1, "axis": 1}
    for name, value in bounds.items():
        array = np.array([value], dtype=np.int64)
        graph.initialisers.append(numpy_helper.from_array(array, f"slice_{name}"))
    kinds = graph.add("Slice", [logits, "slice_zero", "slice_kinds", "slice_axis"], "kind_logits")
    graph.add("Softmax", [kinds], "distortion", axis=1)
    rest = graph.add("Slice", [logits, "slice_kinds", "slice_all", "slice_axis"], "strength_logit")
    graph.add("Sigmoid", [rest], "strength")
