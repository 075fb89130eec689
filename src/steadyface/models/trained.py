"""Gender classifiers that users trained: a folder with a graph and, beside it, how to feed it."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from steadyface.errors import ModelError
from steadyface.imaging.framing import Framing
from steadyface.models.catalog import Preprocessing
from steadyface.models.face_network import FaceNetwork
from steadyface.models.session import OnnxSession

#: Files of the folder; the description vouches for the graph, so it is the last to be written.
GRAPH = "model.onnx"
DESCRIPTION = "model.json"
SCHEMA = "steadyface/gender-model/1"


def description(name: str, graph: bytes, recipe: Preprocessing, framing: Framing) -> dict[str, Any]:
    """What stands beside a graph.

    Args:
        name: what kind of network it is; the id also has the beginning of the graph's hash.
        graph: the serialised ONNX model: pixels N x 3 x S x S in; `embedding` N x D and `p_female`
            N, 0..1, out.
        recipe: how pixels become its input.
        framing: what of an image it is shown.
    """
    digest = sha256(graph).hexdigest()
    return {
        "schema": SCHEMA,
        "id": f"gender-{name}-{digest[:8]}",
        "sha256": digest,
        "input": {
            "colour": recipe.colour,
            "mean": list(recipe.mean),
            "scale": list(recipe.scale),
            "size": framing.size,
            "zoom": framing.zoom,
        },
    }


def load_trained(folder: Path, *, threads: int = 0) -> FaceNetwork:
    """Load a gender classifier from the folder that `steadyface train gender` wrote.

    Raises:
        ModelError: the folder holds no finished training, another version's, or a damaged graph.
    """
    stated = _described(folder)
    try:
        graph = (folder / GRAPH).read_bytes()
    except OSError as error:
        raise ModelError(
            f"{folder / GRAPH}: cannot be read ({error.strerror}); train again"
        ) from error
    try:
        wanted, model_id, how = str(stated["sha256"]), str(stated["id"]), stated["input"]
        recipe = Preprocessing(how["colour"], tuple(how["mean"]), tuple(how["scale"]))
        framing = Framing(how["size"], how["zoom"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{folder / DESCRIPTION}: is malformed ({error!r}); train again"
        ) from error
    if sha256(graph).hexdigest() != wanted:
        raise ModelError(
            f"{folder / GRAPH}: is not the graph that {DESCRIPTION} describes; train again, or "
            "restore both"
        )
    session = OnnxSession(graph, threads=threads, name=str(folder))
    return FaceNetwork(session, recipe, model_id=model_id, framing=framing)


def _described(folder: Path) -> dict[str, Any]:
    file = folder / DESCRIPTION
    if not file.is_file():
        raise ModelError(
            f"{folder}: holds no {DESCRIPTION}; give the folder of a finished `steadyface train "
            "gender`, or a name of `steadyface models list`"
        )
    try:
        stated: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        schema = stated["schema"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{file}: is malformed ({error!r}); train again") from error
    if schema != SCHEMA:
        raise ModelError(
            f"{file}: is written as {schema!r}, this version reads {SCHEMA!r}; train again, or use "
            "the version of steadyface that wrote it"
        )
    return stated
