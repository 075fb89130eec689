"""Which networks exactly answered: digests of their graphs."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from steadyface.models.catalog import ModelEntry, load_catalog
from steadyface.models.defaults import is_folder
from steadyface.models.graphs import read_graph
from steadyface.models.trained import GRAPH


def graph_digests(network: str | Path | None, detector: str | None) -> dict[str, str]:
    """SHA-256 of the graphs of a face network, a detector and the face check, by role.

    Weights that a graph takes from another file are those whose hash the catalog has.

    Args:
        network: a name of the catalog or the folder of a trained classifier; None for the default.
        detector: a name of the catalog; None for the default.

    Raises:
        ModelError: there is no such model.
    """
    catalog = load_catalog()

    def digest(entry: ModelEntry) -> str:
        return sha256(read_graph(entry, catalog)).hexdigest()

    if network is not None and is_folder(network, catalog):
        first = sha256((Path(network) / GRAPH).read_bytes()).hexdigest()
    else:
        name = None if network is None else str(network)
        first = digest(catalog.choose("face-network", name))
    return {
        "network": first,
        "detector": digest(catalog.choose("detector", detector)),
        "face_check": digest(catalog.default("face-check")),
    }
