"""Small self-contained networks with every head, and catalogs of them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from steadyface.models.catalog import Catalog, ModelEntry, Preprocessing, Role

#: The labels of the tiny network's distortion head.
LABELS = ("clean", "blurred", "foggy")
PLAIN = Preprocessing("RGB", (0, 0, 0), (1, 1, 1))

_SHAPES: dict[str, list[str | int]] = {
    "embedding": ["n", 3],
    "p_female": ["n"],
    "quality": ["n"],
    "distortion": ["n", 3],
    "strength": ["n", 1],
}


def heads(*names: str) -> bytes:
    """A graph of the mean colours (r, g, b), each 0..1: as `embedding`, and what is named of

    `p_female` = r and `quality` = g, each N; `distortion` = softmax(r, g, b), N x 3;
    `strength` = b, N x 1. The scale is a float16 weight, as in the networks that ship.
    """
    wanted = ["embedding", *names]
    nodes: list[NodeProto] = [
        helper.make_node("Cast", ["scale_half"], ["scale"], to=TensorProto.FLOAT),
        helper.make_node("GlobalAveragePool", ["pixels"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Mul", ["flat", "scale"], ["embedding"]),
        helper.make_node("Split", ["embedding"], ["r", "g", "strength"], axis=1),
        helper.make_node("Reshape", ["r", "row"], ["p_female"]),
        helper.make_node("Reshape", ["g", "row"], ["quality"]),
        helper.make_node("Softmax", ["embedding"], ["distortion"], axis=1),
    ]
    weights = [
        numpy_helper.from_array(np.array([1 / 256], dtype=np.float16), "scale_half"),
        numpy_helper.from_array(np.array([-1], dtype=np.int64), "row"),
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, 112, 112])
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, _SHAPES[n]) for n in wanted]
    made = helper.make_graph(nodes, "tiny", [pixels], outputs, weights)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


def shipped(
    folder: Path, graph: bytes, *, role: Role = "face-network", distortions: Sequence[str] = ()
) -> Catalog:
    """Write a self-contained graph; returns a catalog of it alone, under the id `tiny`."""
    (folder / "tiny.onnx").write_bytes(graph)
    entry = ModelEntry(
        id="tiny",
        role=role,
        default=True,
        graph="tiny.onnx",
        licence="MIT",
        card="tiny.md",
        preprocessing=PLAIN,
        sha256=sha256(graph).hexdigest(),
        distortions=tuple(distortions),
    )
    return Catalog((entry,), (), folder)
