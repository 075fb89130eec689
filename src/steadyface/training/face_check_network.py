"""The face check in torch, and its ONNX graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from steadyface.errors import ModelError
from steadyface.models.face_check import CHECK_FRAMING
from steadyface.models.session import OnnxSession

#: Channels of the convolutions; each stage halves the map and may add to it once or twice.
_STAGES = ((16, 0), (32, 1), (48, 1), (64, 1))
_HIDDEN = 64
_OPSET = 17
#: Largest difference of probabilities between torch and ONNX Runtime that is let pass.
PARITY = 1e-3


class Stage(nn.Module):
    """Halves the map, then adds to it."""

    def __init__(self, inputs: int, outputs: int, blocks: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
        convolutions = [nn.Conv2d(outputs, outputs, 3, padding=1) for _ in range(2 * blocks)]
        self.first, self.second = convolutions[::2], convolutions[1::2]
        self.blocks = nn.ModuleList(convolutions)

    def forward(self, x: Tensor) -> Tensor:
        """N x inputs x H x W in, N x outputs x H/2 x W/2 out."""
        x = F.relu(self.down(x))
        for first, second in zip(self.first, self.second, strict=True):
            x = F.relu(x + second(F.relu(first(x))))
        return x


class FaceCheckNetwork(nn.Module):
    """Convolutions without normalisation, so that nothing has to be folded away.

    Raw RGB crops in, N x 3 x 64 x 64, 0..255; N logits of P(face) out, before the temperature.
    """

    def __init__(self) -> None:
        super().__init__()
        widths = [3, *(channels for channels, _ in _STAGES)]
        self.stages = [
            Stage(before, channels, blocks)
            for before, (channels, blocks) in zip(widths, _STAGES, strict=False)
        ]
        self.trunk = nn.Sequential(*self.stages)
        self.hidden = nn.Linear(widths[-1] * 2, _HIDDEN)
        self.out = nn.Linear(_HIDDEN, 1)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                assert module.bias is not None
                nn.init.zeros_(module.bias)
        for stage in self.stages:
            for second in stage.second:
                nn.init.zeros_(second.weight)

    def forward(self, pixels: Tensor) -> Tensor:
        """N logits."""
        x = self.trunk((pixels - 127.5) / 64.0)
        pooled = torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)
        logits: Tensor = self.out(F.relu(self.hidden(pooled)))
        return logits[:, 0]


class _Graph:
    """Nodes and half-precision weights, collected in order."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initialisers: list[onnx.TensorProto] = []

    def constant(self, name: str, values: NDArray[Any]) -> str:
        self.initialisers.append(numpy_helper.from_array(values, name))
        return name

    def weight(self, name: str, values: Tensor) -> str:
        half = values.detach().numpy().astype(np.float16)
        self.constant(f"{name}_half", half)
        self.nodes.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
        return name

    def add(self, kind: str, inputs: list[str], output: str, **options: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], **options))
        return output

    def conv(self, name: str, layer: nn.Conv2d, x: str) -> str:
        assert layer.bias is not None
        return self.add(
            "Conv",
            [x, self.weight(f"{name}_w", layer.weight), self.weight(f"{name}_b", layer.bias)],
            name,
            kernel_shape=[3, 3],
            strides=list(layer.stride),
            pads=[1, 1, 1, 1],
        )

    def linear(self, name: str, layer: nn.Linear, x: str) -> str:
        weights = self.weight(f"{name}_w", layer.weight)
        return self.add("Gemm", [x, weights, self.weight(f"{name}_b", layer.bias)], name, transB=1)


def face_check_graph(network: FaceCheckNetwork, temperature: float) -> onnx.ModelProto:
    """The graph: raw RGB crops in, `p_face` (N) out.

    Args:
        network: the trained network.
        temperature: what logits are divided by, so that the probabilities are calibrated (Guo et
            al., "On calibration of modern neural networks", ICML 2017).
    """
    graph = _Graph()
    graph.constant("mean", np.array([127.5], dtype=np.float32))
    graph.constant("scale", np.array([1 / 64.0], dtype=np.float32))
    graph.constant("sharpness", np.array([1 / temperature], dtype=np.float32))
    graph.constant("one_axis", np.array([-1], dtype=np.int64))
    x = graph.add("Mul", [graph.add("Sub", ["pixels", "mean"], "centred"), "scale"], "scaled")
    for number, stage in enumerate(network.stages):
        x = graph.add("Relu", [graph.conv(f"down{number}", stage.down, x)], f"stage{number}")
        for block, (first, second) in enumerate(zip(stage.first, stage.second, strict=True)):
            name = f"block{number}_{block}"
            y = graph.add("Relu", [graph.conv(f"{name}_first", first, x)], f"{name}_between")
            summed = graph.add("Add", [x, graph.conv(f"{name}_second", second, y)], f"{name}_sum")
            x = graph.add("Relu", [summed], f"{name}_out")
    mean = graph.add("Flatten", [graph.add("GlobalAveragePool", [x], "mean_map")], "mean_flat")
    most = graph.add("Flatten", [graph.add("GlobalMaxPool", [x], "most_map")], "most_flat")
    pooled = graph.add("Concat", [mean, most], "pooled", axis=1)
    hidden = graph.add("Relu", [graph.linear("hidden", network.hidden, pooled)], "hidden_out")
    logit = graph.add("Mul", [graph.linear("logit", network.out, hidden), "sharpness"], "sharp")
    column = graph.add("Sigmoid", [logit], "p_face_column")
    graph.add("Reshape", [column, "one_axis"], "p_face")
    side = CHECK_FRAMING.size
    made = helper.make_graph(
        graph.nodes,
        "face-check",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, side, side])],
        [helper.make_tensor_value_info("p_face", TensorProto.FLOAT, ["n"])],
        graph.initialisers,
    )
    model = helper.make_model(
        made, producer_name="steadyface", opset_imports=[helper.make_opsetid("", _OPSET)]
    )
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


def halved(network: FaceCheckNetwork) -> FaceCheckNetwork:
    """Round every weight to what float16 can hold: the network that is shipped and measured."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(parameter.half().float())
    return network


def write_face_check(
    network: FaceCheckNetwork, temperature: float, crops: NDArray[np.uint8], file: Path
) -> float:
    """Export, check against torch on N x 64 x 64 x 3 crops, and write; the largest difference.

    Raises:
        ModelError: torch and ONNX Runtime differ by more than `PARITY`.
    """
    rounded = halved(network).eval()
    graph = face_check_graph(rounded, temperature).SerializeToString()
    batch = np.ascontiguousarray(crops.transpose(0, 3, 1, 2), dtype=np.float32)
    said = OnnxSession(graph, name="the exported face check").run(batch)["p_face"]
    with torch.no_grad():
        expected = torch.sigmoid(rounded(torch.from_numpy(batch)) / temperature).numpy()
    worst = float(np.abs(said - expected).max())
    if not worst <= PARITY:
        raise ModelError(
            f"torch and ONNX Runtime differ by {worst:.2g}, more than {PARITY:g}: not exported"
        )
    file.write_bytes(graph)
    return worst
