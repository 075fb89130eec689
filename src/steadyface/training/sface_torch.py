"""SFace as a torch module, read from its ONNX file with every batch norm folded away.

Zhong et al., "SFace: Sigmoid-constrained hypersphere loss for robust face recognition", IEEE TIP
30, 2021; the network is MobileNet-V1 (Howard et al. 2017) with PReLU.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

FEATURES = 1024
EMBEDDING = 128
#: Input pixels become (value - mean) * scale inside the network.
INPUT_MEAN, INPUT_SCALE = 127.5, 1 / 128
_BLOCK_EPSILON, _HEAD_EPSILON = 1e-3, 2e-5


class ConvPReLU(nn.Module):
    """A convolution with bias, then PReLU.

    While training the PReLU is written with two clamps: with torch.compile its backward pass is
    several times faster on a CPU than `nn.PReLU`'s, and the values are the same.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv
        self.slope = nn.Parameter(torch.zeros(conv.out_channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W in, N x D x H' x W' out."""
        y: Tensor = self.conv(x)
        if self.training:
            return y.clamp(min=0) + self.slope * y.clamp(max=0)
        return nn.functional.prelu(y, self.slope.flatten())


class SFace(nn.Module):
    """The face network: raw RGB crops in, embedding and pooled features out."""

    def __init__(self, blocks: list[ConvPReLU], grid: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.feature_scale = nn.Parameter(torch.ones(FEATURES, 1, 1))
        self.feature_bias = nn.Parameter(torch.zeros(FEATURES, 1, 1))
        self.embed = nn.Linear(FEATURES * grid * grid, EMBEDDING)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Embed crops.

        Args:
            x: N x 3 x 112 x 112, RGB, 0..255.

        Returns:
            N x 128 embeddings, not normalised, and N x 1024 pooled features.
        """
        features = (
            self.blocks((x - INPUT_MEAN) * INPUT_SCALE) * self.feature_scale + self.feature_bias
        )
        return self.embed(features.flatten(1)), features.mean((2, 3))


def load_sface(file: Path) -> SFace:
    """Read the base network.

    Args:
        file: OpenCV Zoo's `face_recognition_sface_2021dec.onnx`.
    """
    model = onnx.load(file)
    arrays = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    blocks = [
        _block(node.output[0].removesuffix("_conv2d"), node, arrays)
        for node in model.graph.node
        if node.op_type == "Conv"
    ]
    weight = arrays["pre_fc1_weight"]
    network = SFace(blocks, round((weight.shape[1] / FEATURES) ** 0.5))
    scale, bias = _affine("bn1", arrays, _HEAD_EPSILON)
    out_scale, out_bias = _affine("fc1", arrays, _HEAD_EPSILON)
    with torch.no_grad():
        network.feature_scale.copy_(_column(scale))
        network.feature_bias.copy_(_column(bias))
        network.embed.weight.copy_(torch.from_numpy(weight * out_scale[:, None]))
        network.embed.bias.copy_(torch.from_numpy(arrays["pre_fc1_bias"] * out_scale + out_bias))
    return network


def _block(name: str, node: onnx.NodeProto, arrays: dict[str, NDArray[np.float32]]) -> ConvPReLU:
    weight = arrays[f"{name}_conv2d_weight"]
    options = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    scale, bias = _affine(f"{name}_batchnorm", arrays, _BLOCK_EPSILON)
    conv = nn.Conv2d(
        weight.shape[1] * options["group"],
        weight.shape[0],
        weight.shape[2],
        stride=options["strides"][0],
        padding=options["pads"][0],
        groups=options["group"],
    )
    block = ConvPReLU(conv)
    with torch.no_grad():
        conv.weight.copy_(torch.from_numpy(weight * scale[:, None, None, None]))
        assert conv.bias is not None
        conv.bias.copy_(torch.from_numpy(bias))
        block.slope.copy_(torch.from_numpy(arrays[f"{name}_relu_gamma"].copy()))
    return block


def _affine(
    name: str, arrays: dict[str, NDArray[np.float32]], epsilon: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A batch norm at inference as scale and bias a channel."""
    scale = arrays[f"{name}_gamma"] / np.sqrt(arrays[f"{name}_moving_var"] + epsilon)
    bias = arrays[f"{name}_beta"] - arrays[f"{name}_moving_mean"] * scale
    return scale.astype(np.float32), bias.astype(np.float32)


def _column(values: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(values)[:, None, None]
