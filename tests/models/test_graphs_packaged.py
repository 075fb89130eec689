"""Graphs beside the catalog: read, and checked where they hold their own weights."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.models.tiny import shipped

from steadyface.errors import ModelError
from steadyface.models.graphs import read_graph, verify_graph
from steadyface.models.store import FileState


def test_graph_comes_from_the_folder_of_the_catalog(tmp_path: Path) -> None:
    catalog = shipped(tmp_path, b"a graph")
    assert read_graph(catalog.model("tiny"), catalog) == b"a graph"


def test_self_contained_graph_is_checked_by_its_hash(tmp_path: Path) -> None:
    catalog = shipped(tmp_path, b"a graph")
    entry = catalog.model("tiny")
    assert verify_graph(entry, catalog) is FileState.OK
    (tmp_path / "tiny.onnx").write_bytes(b"a grape")
    assert verify_graph(entry, catalog) is FileState.DAMAGED
    (tmp_path / "tiny.onnx").unlink()
    assert verify_graph(entry, catalog) is FileState.MISSING


def test_graph_that_is_not_there(tmp_path: Path) -> None:
    catalog = shipped(tmp_path, b"a graph")
    (tmp_path / "tiny.onnx").unlink()
    with pytest.raises(ModelError) as caught:
        read_graph(catalog.model("tiny"), catalog)
    assert str(caught.value) == (
        f"{tmp_path / 'tiny.onnx'}, the graph of tiny, cannot be read (No such file or directory); "
        "install steadyface again"
    )
