"""The packaged graphs compute what the original networks compute."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from steadyface.models.catalog import load_catalog
from steadyface.models.session import OnnxSession
from steadyface.models.store import default_store
from steadyface.training.gender_head import logits
from steadyface.training.graphs import externalise, sface_graph, yunet_graph
from steadyface.types import FloatArray

Run: TypeAlias = Callable[[FloatArray], dict[str, NDArray[Any]]]

# --- externalising, on a small network ------------------------------------------------------------

LARGE = np.random.default_rng(0).standard_normal((4, 16)).astype(np.float32)
SMALL = np.array([1, 2, 3, 4], dtype=np.float32)


def small_model(*, raw: bool, shape: NDArray[np.int64] | None = None) -> onnx.ModelProto:
    """x -> LARGE @ x + SMALL, the initialisers listed as inputs too, as the base models do."""
    tensors = [numpy_helper.from_array(SMALL, "small")]
    if raw:
        tensors.append(numpy_helper.from_array(LARGE, "large"))
    else:
        tensors.append(helper.make_tensor("large", TensorProto.FLOAT, LARGE.shape, LARGE.ravel()))
    if shape is not None:
        numbers = helper.make_tensor("shape", TensorProto.INT64, shape.shape, shape)
        tensors.append(numbers)
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)
        for name, dims in {"x": [16], "small": [4], "large": [4, 16]}.items()
    ]
    nodes = [
        helper.make_node("MatMul", ["large", "x"], ["product"]),
        helper.make_node("Add", ["product", "small"], ["y"]),
    ]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])
    graph = helper.make_graph(nodes, "g", inputs, [output], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)


@pytest.mark.parametrize("raw", [True, False])
def test_large_initialisers_become_pointers_into_the_file_they_came_from(
    tmp_path: Path, raw: bool
) -> None:
    file = tmp_path / "weights.onnx"
    onnx.save(small_model(raw=raw), file)
    model = externalise(file)
    assert [value.name for value in model.graph.input] == ["x"]
    small, large = model.graph.initializer
    assert small.data_location == TensorProto.DEFAULT
    np.testing.assert_array_equal(numpy_helper.to_array(small), SMALL)
    assert large.data_location == TensorProto.EXTERNAL
    assert (large.raw_data, list(large.float_data)) == (b"", [])
    place = {pair.key: pair.value for pair in large.external_data}
    assert place["location"] == "weights.onnx"
    start = int(place["offset"])
    content = file.read_bytes()[start : start + int(place["length"])]
    assert content == LARGE.tobytes()
    session = OnnxSession(model.SerializeToString(), weights_folder=tmp_path)
    x = np.arange(16, dtype=np.float32)
    np.testing.assert_allclose(session.run(x)["y"], LARGE @ x + SMALL, rtol=1e-5)


def test_numbers_that_do_not_stand_in_one_run(tmp_path: Path) -> None:
    file = tmp_path / "weights.onnx"
    onnx.save(small_model(raw=True, shape=np.arange(300, 310, dtype=np.int64)), file)
    with pytest.raises(ValueError, match=r"^weights.onnx: the bytes of shape are not in one run$"):
        externalise(file)


# --- the base models ------------------------------------------------------------------------------


def weights_of(model_id: str) -> Path:
    catalog = load_catalog()
    return default_store().ensure(catalog.weight_file(catalog.model(model_id).weights))


def original(model_id: str) -> Run:
    """The network as its makers published it, one frame a time."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(weights_of(model_id), options, ["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    outputs = [output.name for output in session.get_outputs()]

    def run(batch: FloatArray) -> dict[str, NDArray[Any]]:
        answers = [session.run(outputs, {name: row[None]}) for row in batch]
        parts = zip(*answers, strict=True)
        return {key: np.concatenate(part) for key, part in zip(outputs, parts, strict=True)}

    return run


def opened(model: onnx.ModelProto | bytes, model_id: str) -> OnnxSession:
    content = model if isinstance(model, bytes) else model.SerializeToString()
    return OnnxSession(content, weights_folder=weights_of(model_id).resolve().parent)


def packaged(model_id: str) -> OnnxSession:
    graph = load_catalog().model(model_id).graph
    data = resources.files("steadyface.models") / "data"
    return opened((data / graph).read_bytes(), model_id)


def pixels(n: int, side: int, seed: int = 0) -> FloatArray:
    """Smooth random images: blocks of 8 x 8 pixels of one colour."""
    blocks = np.random.default_rng(seed).integers(0, 256, (n, 3, side // 8, side // 8))
    return blocks.repeat(8, axis=2).repeat(8, axis=3).astype(np.float32)


def relative(ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    """The largest difference, as a part of the largest number."""
    assert ours.shape == theirs.shape
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


@pytest.fixture(scope="module")
def pooling() -> OnnxSession:
    return opened(sface_graph(weights_of("sface-base")), "sface-base")


@pytest.mark.models
def test_embedding_is_that_of_the_original_network(pooling: OnnxSession) -> None:
    batch = pixels(3, 112)
    (expected,) = original("sface-base")(batch).values()
    assert pooling.outputs == ("embedding", "features")
    assert relative(pooling.run(batch)["embedding"], expected) < 1e-5
    assert relative(packaged("sface-base").run(batch)["embedding"], expected) < 1e-5


@pytest.mark.models
def test_packaged_networks_are_what_the_builder_makes() -> None:
    batch = pixels(2, 64)
    built = opened(yunet_graph(weights_of("yunet-base")), "yunet-base").run(batch)
    for name, expected in packaged("yunet-base").run(batch).items():
        np.testing.assert_array_equal(built[name], expected)
    assert packaged("sface-base").outputs == ("embedding", "p_female")


@pytest.mark.models
def test_batch_gives_what_one_by_one_gives(pooling: OnnxSession) -> None:
    batch = pixels(4, 112)
    together = pooling.run(batch)
    for index in range(4):
        alone = pooling.run(batch[index : index + 1])
        for name in pooling.outputs:
            assert relative(together[name][index : index + 1], alone[name]) < 1e-5


@pytest.mark.models
def test_features_are_the_mean_of_the_last_feature_map() -> None:
    model = sface_graph(weights_of("sface-base"))
    grid = helper.make_tensor_value_info("bn1", TensorProto.FLOAT, ["n", 1024, 7, 7])
    model.graph.output.append(grid)
    outputs = opened(model, "sface-base").run(pixels(2, 112))
    assert outputs["features"].shape == (2, 1024)
    assert relative(outputs["features"], outputs["bn1"].mean(axis=(2, 3))) < 1e-5


@pytest.mark.models
def test_gender_head_says_what_it_says_in_numpy(pooling: OnnxSession) -> None:
    rng = np.random.default_rng(0)
    batch = pixels(5, 112)
    features = pooling.run(batch)["features"]
    hidden = rng.standard_normal((1024, 7))
    hidden /= (features @ hidden).std(axis=0)
    head = {
        "hidden_weight": hidden.astype(np.float32),
        "hidden_bias": (0.1 - (features @ hidden).mean(axis=0)).astype(np.float32),
        "weight": np.array([3, -2, 1, 2, -3, 1, -1], dtype=np.float32),
        "bias": np.array([-0.2], dtype=np.float32),
    }
    session = opened(sface_graph(weights_of("sface-base"), head), "sface-base")
    assert session.outputs == ("embedding", "p_female")
    outputs = session.run(batch)
    expected = 1 / (1 + np.exp(-logits(features, head)))
    assert expected.std() > 0.1
    np.testing.assert_allclose(outputs["p_female"], expected, atol=1e-4)
    assert outputs["p_female"].shape == (5,)
    assert outputs["embedding"].shape == (5, 128)


@pytest.mark.models
def test_detector_gives_what_the_original_gives_for_every_frame_of_a_batch() -> None:
    batch = pixels(2, 640)
    session = opened(yunet_graph(weights_of("yunet-base")), "yunet-base")
    expected, ours = original("yunet-base")(batch), session.run(batch)
    assert set(ours) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(ours[name], values, atol=1e-4)


@pytest.mark.models
@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 160), (352, 96)])
def test_detector_takes_any_frame_of_a_multiple_of_32(height: int, width: int) -> None:
    frame = np.zeros((3, 3, height, width), dtype=np.float32)
    model = yunet_graph(weights_of("yunet-base"))
    dimensions = model.graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_param or d.dim_value for d in dimensions] == ["n", 3, "height", "width"]
    outputs = opened(model, "yunet-base").run(frame)
    depths = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
    for name, values in outputs.items():
        part, stride = name.split("_")
        cells = (height // int(stride)) * (width // int(stride))
        assert values.shape == (3, cells, depths[part])


@pytest.mark.models
@pytest.mark.parametrize("model_id", ["sface-base", "yunet-base"])
def test_graphs_hold_no_weights_and_are_valid(model_id: str) -> None:
    data = resources.files("steadyface.models") / "data"
    content = (data / load_catalog().model(model_id).graph).read_bytes()
    model = onnx.load_model_from_string(content)
    assert model.producer_name == "steadyface"
    assert len(model.graph.input) <= 2
    initialisers = {tensor.name for tensor in model.graph.initializer}
    ours = [t for t in model.graph.initializer if t.name.startswith("gender_")]
    assert len(content) - sum(len(t.raw_data) for t in ours) < 64_000
    assert not initialisers & {value.name for value in model.graph.input}
