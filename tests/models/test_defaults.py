"""From the catalog to a network that runs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from tests.models.tiny import LABELS, heads, shipped

from steadyface.errors import ModelDownloadError, ModelError, UnknownModelError
from steadyface.models.catalog import load_catalog
from steadyface.models.defaults import load_detector, load_face_check, load_finder, load_network
from steadyface.models.graphs import read_graph
from steadyface.models.store import ModelStore, default_store
from steadyface.models.yunet import YuNetDetector
from steadyface.types import RGBImage

if TYPE_CHECKING:
    from tests.models.conftest import Notes

BLANK = np.zeros((112, 112, 3), dtype=np.uint8)


@pytest.fixture
def nowhere(tmp_path: Path) -> ModelStore:
    """A store that fails the test where it is asked for anything."""
    return ModelStore(tmp_path / "nowhere", offline=True)


@pytest.fixture
def filled(tmp_path: Path, notes: Notes) -> ModelStore:
    """An offline store that holds a link to every weight file."""
    for file in load_catalog().weight_files:
        (tmp_path / file.name).symlink_to(default_store().ensure(file))
    return ModelStore(tmp_path, offline=True, notify=notes)


@pytest.mark.models
def test_every_model_runs_offline_from_a_filled_cache(filled: ModelStore, notes: Notes) -> None:
    for entry in load_catalog().models:
        if entry.role == "detector":
            detector = load_detector(entry.id, store=filled)
            assert detector.model_id == entry.id
            assert detector.detect([BLANK], 0.5) == [[]]
        elif entry.role == "face-check":
            check = load_face_check(store=filled)
            assert check.model_id == entry.id
            assert check.probabilities(BLANK, []).shape == (0,)
        else:
            network = load_network(entry.id, store=filled, threads=1)
            assert network.model_id == entry.id
            assert network.run([BLANK]).embeddings.shape[0] == 1
    assert notes == []


@pytest.mark.models
def test_defaults_are_those_of_the_catalog() -> None:
    catalog = load_catalog()
    assert load_network().model_id == catalog.default("face-network").id
    assert load_finder().model_id == catalog.default("detector").id
    assert load_detector().model_id == catalog.default("detector").id


def test_self_contained_network_needs_no_store(tmp_path: Path, nowhere: ModelStore) -> None:
    graph = heads("p_female", "quality", "distortion", "strength")
    catalog = shipped(tmp_path, graph, distortions=LABELS)
    network = load_network(catalog=catalog, store=nowhere, threads=1)
    output = network.run([BLANK])
    assert network.model_id == "tiny"
    assert output.distortion_labels == LABELS
    assert output.quality is not None and output.quality.shape == (1,)
    assert not nowhere.folder.exists()


@pytest.mark.models
def test_self_contained_detector_finds_what_the_base_finds(
    tmp_path: Path, nowhere: ModelStore, photos: list[RGBImage], detector: YuNetDetector
) -> None:
    known = load_catalog()
    entry = known.model("yunet-base")
    folder = default_store().ensure(known.weight_file(entry.weights)).resolve().parent
    model = onnx.load_model_from_string(read_graph(entry, known))
    onnx.load_external_data_for_model(model, str(folder))
    catalog = shipped(tmp_path, model.SerializeToString(), role="detector")
    catalog = replace(
        catalog, models=(replace(catalog.models[0], preprocessing=entry.preprocessing),)
    )
    ours = load_detector(catalog=catalog, store=nowhere).detect(photos[:1], 0.5)[0]
    theirs = detector.detect(photos[:1], 0.5)[0]
    assert [face.score for face in ours] == [pytest.approx(face.score) for face in theirs]
    assert len(ours) == 1


@pytest.mark.models
def test_weight_file_that_is_a_link_to_a_file_of_another_name(tmp_path: Path) -> None:
    catalog = load_catalog()
    file = catalog.weight_file(catalog.model("sface-base").weights)
    blob = tmp_path / "blobs" / file.sha256
    blob.parent.mkdir()
    shutil.copy(default_store().ensure(file), blob)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / file.name).symlink_to(blob)
    network = load_network("sface-base", store=ModelStore(tmp_path / "cache", offline=True))
    expected = load_network("sface-base").run([BLANK]).embeddings
    np.testing.assert_allclose(network.run([BLANK]).embeddings, expected, atol=1e-6)


@pytest.mark.models
def test_networks_of_another_catalog_carry_its_ids(filled: ModelStore) -> None:
    catalog = load_catalog()
    renamed = replace(catalog.default("face-network"), id="mine", default=False)
    mixed = replace(catalog, models=(*catalog.models, renamed))
    assert load_network("mine", catalog=mixed, store=filled).model_id == "mine"


@pytest.mark.models
def test_graph_whose_weights_are_elsewhere_is_named(tmp_path: Path) -> None:
    catalog = load_catalog()
    network, detector = catalog.model("sface-base"), catalog.model("yunet-base")
    mixed = replace(catalog, models=(replace(network, weights=detector.weights, default=True),))
    shutil.copy(default_store().ensure(catalog.weight_file(detector.weights)), tmp_path)
    with pytest.raises(ModelError, match=rf"^ONNX Runtime cannot load {network.id} \("):
        load_network(catalog=mixed, store=ModelStore(tmp_path))


def test_nothing_in_the_cache_and_offline(tmp_path: Path) -> None:
    store = ModelStore(tmp_path, offline=True)
    for load, model_id in ((load_network, "sface-base"), (load_detector, "yunet-base")):
        with pytest.raises(ModelDownloadError, match="and STEADYFACE_OFFLINE is set"):
            load(model_id, store=store)


def test_our_own_models_need_no_cache(nowhere: ModelStore) -> None:
    assert load_network("sface-steady-2", store=nowhere).run([BLANK]).quality is not None
    assert load_detector("yunet-steady-1", store=nowhere).detect([BLANK], 0.5) == [[]]


def test_ids_that_do_not_serve(tmp_path: Path) -> None:
    store = ModelStore(tmp_path, offline=True)
    network = load_catalog().default("face-network").id
    detector = load_catalog().default("detector").id
    with pytest.raises(UnknownModelError, match=r"^no model 'nothing', there are "):
        load_network("nothing", store=store)
    with pytest.raises(UnknownModelError, match=f"^model '{detector}' is a detector, not a face-"):
        load_network(detector, store=store)
    with pytest.raises(UnknownModelError, match=f"^model '{network}' is a face-network, not a det"):
        load_detector(network, store=store)
