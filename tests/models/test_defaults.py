"""From the catalog to a network that runs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from steadyface.errors import ModelDownloadError, ModelError, UnknownModelError
from steadyface.models.catalog import load_catalog
from steadyface.models.defaults import (
    default_detector,
    default_network,
    load_detector,
    load_network,
)
from steadyface.models.store import ModelStore, default_store

if TYPE_CHECKING:
    from tests.models.conftest import Notes

BLANK = np.zeros((112, 112, 3), dtype=np.uint8)


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
        else:
            network = load_network(entry.id, store=filled, threads=1)
            assert network.model_id == entry.id
            assert network.run([BLANK]).embeddings.shape[0] == 1
    assert notes == []


@pytest.mark.models
def test_defaults_are_those_of_the_catalog() -> None:
    catalog = load_catalog()
    assert default_network().model_id == catalog.default("face-network").id
    assert default_detector().model_id == catalog.default("detector").id
    assert load_detector().model_id == catalog.default("detector").id


@pytest.mark.models
def test_networks_of_another_catalog_carry_its_ids(filled: ModelStore) -> None:
    catalog = load_catalog()
    renamed = replace(catalog.default("face-network"), id="mine", default=False)
    mixed = replace(catalog, models=(*catalog.models, renamed))
    assert load_network("mine", catalog=mixed, store=filled).model_id == "mine"


@pytest.mark.models
def test_graph_whose_weights_are_elsewhere_is_named(tmp_path: Path) -> None:
    catalog = load_catalog()
    network, detector = catalog.default("face-network"), catalog.default("detector")
    mixed = replace(catalog, models=(replace(network, weights=detector.weights),))
    shutil.copy(default_store().ensure(catalog.weight_file(detector.weights)), tmp_path)
    with pytest.raises(ModelError, match=rf"^ONNX Runtime cannot load {network.id} \("):
        load_network(catalog=mixed, store=ModelStore(tmp_path))


def test_nothing_in_the_cache_and_offline(tmp_path: Path) -> None:
    store = ModelStore(tmp_path, offline=True)
    for load in (load_network, load_detector):
        with pytest.raises(ModelDownloadError, match="and STEADYFACE_OFFLINE is set"):
            load(store=store)


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
