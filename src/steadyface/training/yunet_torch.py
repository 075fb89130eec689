"""YuNet as a torch module, read from its ONNX file, the four heads of a stride made one.

Wu, Peng and Yu, "YuNet: A tiny millisecond-level face detector", Machine Intelligence Research 20,
2023. Its batch norms are already folded into the file's depthwise convolutions.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from steadyface.models.yunet import STRIDES

#: The heads of a stride and their channels, in the order in which the module stacks them.
HEADS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
#: Heads whose channel is a logit; the graph gives its sigmoid.
LOGITS = ("cls", "obj")
CHANNELS = sum(HEADS.values())
_FILE_ORDER = ("cls", "bbox", "obj", "kps")


class Unit(nn.Module):
    """A pointwise convolution, then a depthwise one of 3 x 3, as MobileNet's turned about.

    The two cannot be made one: the padding between them comes after the first one's bias.
    """

    def __init__(self, inputs: int, outputs: int, *, rectified: bool = True) -> None:
        super().__init__()
        self.pointwise = nn.Conv2d(inputs, outputs, 1)
        self.depthwise = nn.Conv2d(outputs, outputs, 3, padding=1, groups=outputs)
        self.rectified = rectified

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W in, N x D x H x W out."""
        y: Tensor = self.depthwise(self.pointwise(x))
        return F.relu(y) if self.rectified else y

    def convolutions(self) -> tuple[nn.Conv2d, nn.Conv2d]:
        """Both, in the order in which they are applied."""
        return self.pointwise, self.depthwise


class YuNet(nn.Module):
    """The detector: raw BGR frames in, one map of heads a stride out."""

    def __init__(self, narrow: int = 16, middle: int = 32, wide: int = 64) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, narrow, 3, stride=2, padding=1)
        self.stem_unit = Unit(narrow, narrow)
        widths = [(narrow, narrow, middle), (middle, middle, wide), *[(wide, wide, wide)] * 3]
        self.stages = nn.ModuleList(
            nn.Sequential(Unit(into, between), Unit(between, out)) for into, between, out in widths
        )
        self.laterals = nn.ModuleList(Unit(wide, wide) for _ in STRIDES)
        self.heads = nn.ModuleList(Unit(wide, CHANNELS, rectified=False) for _ in STRIDES)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Look at frames.

        Args:
            x: N x 3 x H x W, BGR, 0..255; H and W are multiples of 32.

        Returns:
            For each of `STRIDES` an N x `CHANNELS` x H / stride x W / stride map: `HEADS` stacked,
            `LOGITS` before their sigmoid, boxes and points in strides from the cell's corner.
        """
        x = F.max_pool2d(self.stem_unit(F.relu(self.stem(x))), 2)
        first, second, *deep = self.stages
        x = second(first(x))
        levels: list[Tensor] = []
        for stage in deep:
            x = stage(F.max_pool2d(x, 2))
            levels.append(x)
        fine, middle, coarse = self.laterals
        low = coarse(levels[2])
        mid = middle(levels[1] + F.interpolate(low, scale_factor=2.0))
        high = fine(levels[0] + F.interpolate(mid, scale_factor=2.0))
        maps = [head(level) for head, level in zip(self.heads, (high, mid, low), strict=True)]
        return maps[0], maps[1], maps[2]


def load_yunet(file: Path) -> YuNet:
    """Read the base network.

    Args:
        file: OpenCV Zoo's `face_detection_yunet_2023mar.onnx`.

    Raises:
        ValueError: the file holds another network.
    """
    model = onnx.load(file)
    arrays = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    stored = [
        arrays[name]
        for node in model.graph.node
        if node.op_type == "Conv"
        for name in node.input[1:]
    ]
    network = YuNet()
    for place, values in zip(in_file_order(network), stored, strict=True):
        if place.shape != values.shape:
            raise ValueError(f"{file.name}: no YuNet: shape {values.shape}, not {place.shape}")
        place.copy_(torch.from_numpy(values.copy()))
    return network


def in_file_order(network: YuNet) -> list[Tensor]:
    """Weight and bias of every convolution of the file, in its order, as views of the network.

    A view of a head is its share of the stacked heads' channels.
    """
    units = [network.stem_unit]
    for group in (*network.stages, nn.ModuleList(reversed(network.laterals))):
        units += [unit for unit in group.children() if isinstance(unit, Unit)]
    convolutions = [network.stem, *(conv for unit in units for conv in unit.convolutions())]
    views = [view for conv in convolutions for view in _views(conv, slice(None))]
    ends = dict(zip(HEADS, accumulate(HEADS.values()), strict=True))
    for name in _FILE_ORDER:
        channels = slice(ends[name] - HEADS[name], ends[name])
        for unit in network.heads:
            assert isinstance(unit, Unit)
            for conv in unit.convolutions():
                views += _views(conv, channels)
    return views


def named_outputs(maps: Sequence[Tensor]) -> dict[str, Tensor]:
    """The maps as the packaged graph gives them: name and stride -> N x cells x channels."""
    outputs: dict[str, Tensor] = {}
    for stride, stacked in zip(STRIDES, maps, strict=True):
        cells = stacked.permute(0, 2, 3, 1).flatten(1, 2)
        for name, values in zip(HEADS, torch.split(cells, list(HEADS.values()), 2), strict=True):
            outputs[f"{name}_{stride}"] = torch.sigmoid(values) if name in LOGITS else values
    return outputs


def _views(conv: nn.Conv2d, channels: slice) -> list[Tensor]:
    assert conv.bias is not None
    return [conv.weight.detach()[channels], conv.bias.detach()[channels]]
