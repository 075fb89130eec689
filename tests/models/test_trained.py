"""Folders of trained gender classifiers, as the rest of steadyface takes them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from steadyface.errors import ModelError, UnknownModelError
from steadyface.imaging.framing import Framing
from steadyface.models.catalog import Preprocessing
from steadyface.models.trained import DESCRIPTION, GRAPH, description, load_trained
from steadyface.pipeline import Analyzer

PLAIN = Preprocessing("RGB", (0, 0, 0), (1 / 255,) * 3)


def red_is_female(size: int) -> bytes:
    """A graph whose P(female) is the mean red, and whose embedding is the mean colour."""
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, size, size])
    outputs = [
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 3]),
        helper.make_tensor_value_info("p_female", TensorProto.FLOAT, ["n", 1]),
    ]
    nodes = [
        helper.make_node("GlobalAveragePool", ["pixels"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["embedding"]),
        helper.make_node("Split", ["embedding"], ["p_female", "g", "b"], axis=1),
    ]
    made = helper.make_graph(nodes, "red", [pixels], outputs)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


def trained(folder: Path, framing: Framing) -> Path:
    folder.mkdir(exist_ok=True)
    graph = red_is_female(framing.size)
    (folder / GRAPH).write_bytes(graph)
    stated = description("red", graph, PLAIN, framing)
    (folder / DESCRIPTION).write_text(json.dumps(stated))
    return folder


def half_red() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """40 x 80: its middle square is three quarters red, the rest of it black."""
    image = np.zeros((40, 80, 3), np.uint8)
    image[:, 20:50] = (255, 0, 0)
    return image


def test_a_whole_image_classifier_sees_the_middle_square(tmp_path: Path) -> None:
    folder = trained(tmp_path / "run", Framing(24, None))
    for network in (folder, str(folder)):
        (face,) = Analyzer(network=network).analyze(half_red())
        assert face.gender is not None
        assert (face.detection, face.gender.label) == ("skipped", "female")
        assert face.gender.p_female == pytest.approx(0.75, abs=0.02)
        assert (face.box.x, face.box.width) == (20, 40)
        assert face.embedding.model_id.startswith("gender-red-")


def test_a_face_classifier_sees_faces_at_its_own_size(tmp_path: Path, identities: Path) -> None:
    network = load_trained(trained(tmp_path / "run", Framing(48, 0.5)))
    (face,) = Analyzer(network=network).analyze(next(identities.rglob("*.jpg")))
    assert face.detection == "found"
    assert face.gender is not None
    assert 0.2 < face.gender.p_female < 0.9


def spoilt(folder: Path, **changes: object) -> Path:
    stated = json.loads((folder / DESCRIPTION).read_text())
    (folder / DESCRIPTION).write_text(json.dumps(stated | changes))
    return folder


def test_a_folder_that_is_no_training_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        load_trained(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: holds no model.json; give the folder of a finished `steadyface train "
        "gender`, or a name of `steadyface models list`"
    )
    with pytest.raises(UnknownModelError, match="no model 'nothing'"):
        Analyzer(network="nothing")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": "0" * 64}, "model.onnx: is not the graph that model.json describes"),
        ({"schema": "other/9"}, "model.json: is written as 'other/9', this version reads"),
        ({"input": {"colour": "RGB"}}, "model.json: is malformed"),
        ({"id": None, "input": 3}, "model.json: is malformed"),
    ],
)
def test_a_damaged_folder_is_refused(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    folder = spoilt(trained(tmp_path / "run", Framing(24, None)), **changes)
    with pytest.raises(ModelError) as caught:
        load_trained(folder)
    assert message in str(caught.value)


def test_files_that_are_missing_or_no_json_are_named(tmp_path: Path) -> None:
    folder = trained(tmp_path / "run", Framing(24, None))
    (folder / GRAPH).unlink()
    with pytest.raises(ModelError, match=r"model.onnx: cannot be read \(No such file"):
        load_trained(folder)
    (folder / DESCRIPTION).write_text("{")
    with pytest.raises(ModelError, match=r"model.json: is malformed"):
        load_trained(folder)
