from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from steadyface.errors import ModelError
from steadyface.models import session as session_module
from steadyface.models.session import OnnxSession, preferred_providers
from steadyface.types import FloatArray

WEIGHT = np.random.default_rng(0).standard_normal((20, 20)).astype(np.float32)
#: The weight file that the graph points into.
CONTENT = bytes(16) + WEIGHT.tobytes()
FOLDER_KEY = "session.model_external_initializers_file_folder_path"
REMEDY = "check its weights with `steadyface models verify`, or install steadyface again"


def graph(*, external: bool) -> bytes:
    """x -> x @ WEIGHT as `y`, and -x as `z`; the weight inside, or at byte 16 of `w.bin`."""
    tensor = numpy_helper.from_array(WEIGHT, "w")
    if external:
        tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=WEIGHT.shape)
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in {"location": "w.bin", "offset": 16, "length": WEIGHT.nbytes}.items():
            tensor.external_data.add(key=key, value=str(value))
    values = {n: helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 20]) for n in "xyz"}
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"]), helper.make_node("Neg", ["x"], ["z"])]
    made = helper.make_graph(nodes, "g", [values["x"]], [values["y"], values["z"]], [tensor])
    version = helper.make_opsetid("", 11)
    model = helper.make_model(made, opset_imports=[version], ir_version=6)
    return bytes(model.SerializeToString())


def inputs(rows: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((rows, 20)).astype(np.float32)


def assert_right(session: OnnxSession) -> None:
    x = inputs(2)
    np.testing.assert_allclose(session.run(x)["y"], x @ WEIGHT, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rows", [1, 5])
def test_outputs_come_by_name_for_any_batch_size(rows: int) -> None:
    session = OnnxSession(graph(external=False))
    assert session.outputs == ("y", "z")
    x = inputs(rows)
    outputs = session.run(x)
    np.testing.assert_allclose(outputs["y"], x @ WEIGHT, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(outputs["z"], -x)


def test_weights_come_from_the_folder_by_byte_offset(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(CONTENT)
    assert_right(OnnxSession(graph(external=True), weights_folder=tmp_path))


@pytest.mark.parametrize("target", [None, "real/w.bin", "real/blob", "cache/blob"])
def test_weight_file_may_be_a_link_to_a_file_of_any_name(
    tmp_path: Path, target: str | None
) -> None:
    weights = tmp_path / "cache" / "w.bin"
    for folder in ("cache", "real"):
        (tmp_path / folder).mkdir()
    if target is None:
        weights.write_bytes(CONTENT)
    else:
        (tmp_path / target).write_bytes(CONTENT)
        weights.symlink_to(tmp_path / target)
    assert_right(OnnxSession(graph(external=True), weights=weights))


class OldOptions(ort.SessionOptions):  # type: ignore[misc]  # ONNX Runtime is untyped
    """What ONNX Runtime before 1.24 offers."""

    def __getattribute__(self, name: str) -> Any:
        if name == "add_external_initializers_from_files_in_memory":
            raise AttributeError(name)
        return super().__getattribute__(name)


def test_old_onnx_runtime_is_given_the_folder_of_the_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[str] = []

    def session(_: bytes, options: ort.SessionOptions, **__: object) -> ort.InferenceSession:
        given.append(options.get_session_config_entry(FOLDER_KEY))
        return ort.InferenceSession(graph(external=False))

    monkeypatch.setattr(session_module, "ort", SimpleNamespace(**vars(ort)))
    monkeypatch.setattr("steadyface.models.session.ort.SessionOptions", OldOptions)
    monkeypatch.setattr("steadyface.models.session.ort.InferenceSession", session)
    (tmp_path / "blob").write_bytes(CONTENT)
    (tmp_path / "w.bin").symlink_to(tmp_path / "blob")
    OnnxSession(graph(external=True), weights=tmp_path / "w.bin")
    assert given == [str(tmp_path)]


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x00" * 1000])
def test_bytes_that_are_no_network(content: bytes) -> None:
    with pytest.raises(ModelError) as caught:
        OnnxSession(content, name="my-net")
    message = str(caught.value)
    assert message.startswith("ONNX Runtime cannot load my-net ([ONNXRuntimeError]")
    assert message.endswith(f"); {REMEDY}")
    assert "\n" not in message


@pytest.mark.parametrize("name", ["w.bin", "blob"])
@pytest.mark.parametrize("content", [None, b"", b"too short"])
def test_weights_that_are_not_there(tmp_path: Path, content: bytes | None, name: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    weights = tmp_path / "cache" / "w.bin"
    weights.parent.mkdir()
    weights.symlink_to(tmp_path / name)
    with pytest.raises(ModelError) as caught:
        OnnxSession(graph(external=True), weights=weights)
    message = str(caught.value)
    assert message.startswith("ONNX Runtime cannot load the network ([")
    assert message.endswith(f"); {REMEDY}")


def test_threads_share_a_session() -> None:
    session = OnnxSession(graph(external=False), threads=1)
    expected = {seed: session.run(inputs(50, seed))["y"] for seed in range(8)}
    wrong: list[int] = []

    def work(seed: int) -> None:
        for _ in range(50):
            if not np.array_equal(session.run(inputs(50, seed))["y"], expected[seed]):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    ("available", "preferred"),
    [
        (["CPUExecutionProvider"], ["CPUExecutionProvider"]),
        (["AzureExecutionProvider", "CPUExecutionProvider"], ["CPUExecutionProvider"]),
        (
            ["CPUExecutionProvider", "CUDAExecutionProvider"],
            ["CUDAExecutionProvider", "CPUExecutionProvider"],
        ),
        (
            ["CoreMLExecutionProvider", "CPUExecutionProvider"],
            ["CoreMLExecutionProvider", "CPUExecutionProvider"],
        ),
    ],
)
def test_gpu_comes_first_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, available: list[str], preferred: list[str]
) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: available)
    assert preferred_providers() == preferred
