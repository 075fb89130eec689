"""The ONNX graphs beside the catalog: read, and checked where they hold their own weights."""

from __future__ import annotations

from hashlib import sha256

from steadyface.errors import ModelError
from steadyface.models.catalog import Catalog, ModelEntry
from steadyface.models.store import FileState


def read_graph(entry: ModelEntry, catalog: Catalog) -> bytes:
    """The serialised graph of a model of the catalog.

    Raises:
        ModelError: it is not there or may not be read.
    """
    file = catalog.folder / entry.graph
    try:
        return file.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{file}, the graph of {entry.id}, cannot be read ({error.strerror}); install "
            "steadyface again"
        ) from error


def verify_graph(entry: ModelEntry, catalog: Catalog) -> FileState:
    """Check a self-contained graph against the SHA-256 of its entry.

    Raises:
        ModelError: it is there and may not be read.
    """
    if not (catalog.folder / entry.graph).is_file():
        return FileState.MISSING
    found = sha256(read_graph(entry, catalog)).hexdigest()
    return FileState.OK if found == entry.sha256 else FileState.DAMAGED
