"""Prepares the packaged ONNX graphs from the base weight files.

The packaged graph keeps the base network's structure and takes its numbers from the original file
by byte offset (ONNX external data), so no weight is copied. On the way the batch dimension is
freed, the detector's frame size too, and the initialisers are taken off the list of graph inputs,
where they keep ONNX Runtime from folding constants.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

#: The last feature map of SFace (N x 1024 x 7 x 7), from which its embedding is computed.
SFACE_FEATURE_MAP = "bn1"
_SMALLEST_EXTERNAL = 64


def externalise(weights: Path) -> onnx.ModelProto:
    """The model in `weights`, its larger initialisers replaced by pointers into that same file.

    Raises:
        ValueError: a tensor's bytes do not stand in the file as one run.
    """
    raw = weights.read_bytes()
    model = onnx.load(weights)
    initialisers = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in initialisers]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    for tensor in model.graph.initializer:
        data = numpy_helper.to_array(tensor).tobytes()
        if len(data) < _SMALLEST_EXTERNAL:
            continue
        offset = raw.find(data)
        if offset < 0:
            raise ValueError(f"{weights.name}: the bytes of {tensor.name} are not in one run")
        tensor.ClearField("float_data")
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in {"location": weights.name, "offset": offset, "length": len(data)}.items():
            tensor.external_data.add(key=key, value=str(value))
    return model


def yunet_graph(weights: Path) -> onnx.ModelProto:
    """YuNet for any batch size and any frame size that is a multiple of 32."""
    model = externalise(weights)
    dimensions = model.graph.input[0].type.tensor_type.shape.dim
    for dimension, name in zip(dimensions, ("n", "", "height", "width"), strict=True):
        if name:
            dimension.dim_param = name
    for index, tensor in enumerate(model.graph.initializer):
        if tensor.data_type == TensorProto.INT64:
            shape = numpy_helper.to_array(tensor)
            if shape.shape == (3,) and shape[0] == 1:  # [1, -1, channels]: keep the batch instead
                freed = np.array([0, *shape[1:]], dtype=np.int64)
                model.graph.initializer[index].CopyFrom(numpy_helper.from_array(freed, tensor.name))
    _free_outputs(model)
    return _finished(model)


def sface_graph(
    weights: Path, gender_head: Mapping[str, NDArray[np.float32]] | None = None
) -> onnx.ModelProto:
    """SFace for any batch size, with its pooled last feature map or a gender head on it.

    Args:
        weights: the base weight file.
        gender_head: arrays as `steadyface.training.gender_head.fit` gives them, which make
            P(female) from the pooled map; None exposes the pooled map itself as output `features`.

    Returns:
        A model with outputs `embedding` (N x 128, not normalised) and `p_female` (N) or
        `features` (N x 1024).
    """
    model = externalise(weights)
    graph = model.graph
    graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    _rename_output(graph, graph.output[0].name, "embedding")
    pooled = "features"
    graph.node.extend(
        [
            helper.make_node("GlobalAveragePool", [SFACE_FEATURE_MAP], ["feature_map_mean"]),
            helper.make_node("Flatten", ["feature_map_mean"], [pooled]),
        ]
    )
    if gender_head is None:
        graph.output.add().CopyFrom(
            helper.make_tensor_value_info(pooled, TensorProto.FLOAT, ["n", 1024])
        )
    else:
        _append_gender_head(graph, pooled, gender_head)
    _free_outputs(model)
    return _finished(model)


def _append_gender_head(
    graph: onnx.GraphProto, pooled: str, head: Mapping[str, NDArray[np.float32]]
) -> None:
    arrays = {f"gender_{name}": values for name, values in head.items()}
    arrays["gender_weight"] = arrays["gender_weight"][:, None]
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(values, dtype=np.float32), name)
        for name, values in arrays.items()
    )
    shape = numpy_helper.from_array(np.array([-1], dtype=np.int64), "gender_shape")
    graph.initializer.append(shape)
    hidden = [pooled, "gender_hidden_weight", "gender_hidden_bias"]
    graph.node.extend(
        [
            helper.make_node("Gemm", hidden, ["gender_hidden"]),
            helper.make_node("Relu", ["gender_hidden"], ["gender_active"]),
            helper.make_node(
                "Gemm", ["gender_active", "gender_weight", "gender_bias"], ["gender_logit"]
            ),
            helper.make_node("Sigmoid", ["gender_logit"], ["gender_column"]),
            helper.make_node("Reshape", ["gender_column", "gender_shape"], ["p_female"]),
        ]
    )
    graph.output.add().CopyFrom(helper.make_tensor_value_info("p_female", TensorProto.FLOAT, ["n"]))


def _rename_output(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        for index, name in enumerate(node.output):
            if name == old:
                node.output[index] = new
    graph.output[0].name = new


def _free_outputs(model: onnx.ModelProto) -> None:
    """Free the batch dimension of outputs, and the counts that follow from a free frame size."""
    for value in model.graph.output:
        shape = value.type.tensor_type.shape
        shape.dim[0].dim_param = "n"
        if len(shape.dim) == 3:
            shape.dim[1].dim_param = f"cells_of_{value.name}"


def _finished(model: onnx.ModelProto) -> onnx.ModelProto:
    del model.graph.value_info[:]
    model.producer_name = "steadyface"
    return model
