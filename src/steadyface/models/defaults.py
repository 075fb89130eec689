"""Loads the catalog's models: fetch what is missing, check it, open a session."""

from __future__ import annotations

from pathlib import Path

from steadyface.models.catalog import Catalog, ModelEntry, load_catalog
from steadyface.models.face_network import FaceNetwork
from steadyface.models.graphs import read_graph
from steadyface.models.mirrored import MirroredNetwork
from steadyface.models.pyramid import PyramidDetector
from steadyface.models.rescue import Detector, RescuingDetector
from steadyface.models.session import OnnxSession
from steadyface.models.store import ModelStore, default_store
from steadyface.models.trained import load_trained
from steadyface.models.yunet import YuNetDetector

#: A detector's passes are short: threads that each handle a frame pay, threads inside one do not.
_DETECTOR_THREADS = 1


def check_network(model: str | Path, catalog: Catalog | None = None) -> None:
    """Make sure that there is such a face network, without loading it.

    Raises:
        ModelError: neither the catalog nor the disk has it.
    """
    known = catalog if catalog is not None else load_catalog()
    if not is_folder(model, known):
        known.choose("face-network", str(model))


def is_folder(model: str | Path, catalog: Catalog) -> bool:
    """Whether this names a folder on the disk and no model of the catalog."""
    if isinstance(model, Path):
        return True
    return all(entry.id != model for entry in catalog.models) and Path(model).is_dir()


def load_network(
    model: str | Path | None = None,
    *,
    catalog: Catalog | None = None,
    store: ModelStore | None = None,
    threads: int = 0,
) -> FaceNetwork | MirroredNetwork:
    """Load a face network by catalog id; None takes the default one.

    The folder of a trained gender classifier, see `steadyface.models.trained`, is loaded likewise.

    Raises:
        ModelError: unknown id, no face network, or its graph or weights cannot be had.
    """
    known = catalog if catalog is not None else load_catalog()
    if model is not None and is_folder(model, known):
        return load_trained(Path(model), threads=threads)
    entry = known.choose("face-network", None if model is None else str(model))
    session = _open(entry, known, store, threads)
    network = FaceNetwork(
        session, entry.preprocessing, model_id=entry.id, distortions=entry.distortions
    )
    return MirroredNetwork(network) if entry.mirrored else network


def load_detector(
    model_id: str | None = None,
    *,
    catalog: Catalog | None = None,
    store: ModelStore | None = None,
) -> YuNetDetector:
    """Load a detector, without its rescue, by catalog id; None takes the default one.

    Raises:
        ModelError: unknown id, no detector, or its graph or weights cannot be had.
    """
    known = catalog if catalog is not None else load_catalog()
    entry = known.choose("detector", model_id)
    session = _open(entry, known, store, _DETECTOR_THREADS)
    return YuNetDetector(session, entry.preprocessing, model_id=entry.id)


def load_finder(
    model_id: str | None = None,
    *,
    catalog: Catalog | None = None,
    store: ModelStore | None = None,
) -> RescuingDetector:
    """Load a detector with its rescue, by catalog id; None takes the default one.

    Raises:
        ModelError: as `load_detector`.
    """
    known = catalog if catalog is not None else load_catalog()
    entry = known.choose("detector", model_id)
    detector = load_detector(entry.id, catalog=known, store=store)
    looking: Detector = detector
    if entry.largest_eyes is not None:
        looking = PyramidDetector(detector, entry.largest_eyes)
    return RescuingDetector(looking, rescued_score=entry.rescued_score)


def _open(
    entry: ModelEntry, catalog: Catalog, store: ModelStore | None, threads: int
) -> OnnxSession:
    weights = None
    if entry.weights is not None:
        files = store if store is not None else default_store()
        weights = files.ensure(catalog.weight_file(entry.weights))
    graph = read_graph(entry, catalog)
    return OnnxSession(graph, weights=weights, threads=threads, name=entry.id)
