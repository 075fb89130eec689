"""Loads the catalog's models: fetch what is missing, check it, open a session."""

from __future__ import annotations

from pathlib import Path

from steadyface.models.catalog import Catalog, ModelEntry, load_catalog
from steadyface.models.face_check import FaceCheck
from steadyface.models.face_network import FaceNetwork
from steadyface.models.graphs import read_graph
from steadyface.models.mirrored import MirroredNetwork
from steadyface.models.search import FaceSearch
from steadyface.models.session import OnnxSession
from steadyface.models.store import ModelStore, default_store
from steadyface.models.trained import load_trained
from steadyface.models.yunet import YuNetDetector

#: Places the points of a face that is found: it was taught on frames with one face in the middle.
PLACER = "yunet-steady-1"
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
    """Load a detector, without the search around it, by catalog id; None takes the default one.

    Raises:
        ModelError: unknown id, no detector, or its graph or weights cannot be had.
    """
    known = catalog if catalog is not None else load_catalog()
    entry = known.choose("detector", model_id)
    session = _open(entry, known, store, _DETECTOR_THREADS)
    return YuNetDetector(session, entry.preprocessing, model_id=entry.id)


def load_face_check(
    *, catalog: Catalog | None = None, store: ModelStore | None = None
) -> FaceCheck:
    """Load the network that says whether a detection is a face.

    Raises:
        ModelError: its graph cannot be had.
    """
    known = catalog if catalog is not None else load_catalog()
    entry = known.default("face-check")
    session = _open(entry, known, store, _DETECTOR_THREADS)
    evidence = entry.evidence if entry.evidence is not None else (1.0, 0.0, 0.0)
    return FaceCheck(session, entry.preprocessing, model_id=entry.id, evidence=evidence)


def load_finder(
    model_id: str | None = None,
    *,
    min_face: float | None = None,
    catalog: Catalog | None = None,
    store: ModelStore | None = None,
) -> FaceSearch:
    """Load a search by a detector of this catalog id; None takes the default one.

    Args:
        model_id: the detector.
        min_face: least side of a face in pixels of the image; None goes with the image's size, see
            `steadyface.models.looks.least_face`.
        catalog: the models; None takes the packaged ones.
        store: the weight files; None takes the user's cache.

    Raises:
        ModelError: as `load_detector`.
    """
    known = catalog if catalog is not None else load_catalog()
    detector = load_detector(model_id, catalog=known, store=store)
    check = load_face_check(catalog=known, store=store)
    placer = load_detector(PLACER, catalog=known, store=store)
    return FaceSearch([detector], check, min_face=min_face, placer=placer)


def _open(
    entry: ModelEntry, catalog: Catalog, store: ModelStore | None, threads: int
) -> OnnxSession:
    weights = None
    if entry.weights is not None:
        files = store if store is not None else default_store()
        weights = files.ensure(catalog.weight_file(entry.weights))
    graph = read_graph(entry, catalog)
    return OnnxSession(graph, weights=weights, threads=threads, name=entry.id)
