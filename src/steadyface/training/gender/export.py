"""From a fitted classifier to the folder that the rest of steadyface runs, with proof of parity."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from steadyface.errors import ModelError
from steadyface.models.face_network import FaceNetwork
from steadyface.models.session import OnnxSession
from steadyface.models.trained import DESCRIPTION, GRAPH, description
from steadyface.training.gender.backbones import Built, Classifier
from steadyface.training.gender.shown import normalised

#: Largest difference of probabilities between torch and ONNX Runtime that is let pass.
PARITY = 1e-4


class Answering(nn.Module):
    """A classifier with the answers that steadyface's pipeline reads."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.trunk, self.head = classifier.trunk, classifier.head

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """N x 3 x S x S, normalised, in; N x D features and N probabilities of female out."""
        features = self.trunk(pixels).flatten(1)
        return features, self.head(features).softmax(1)[:, 0]


def write_classifier(built: Built, name: str, crops: NDArray[np.uint8], folder: Path) -> float:
    """Export, check and write.

    Args:
        built: the fitted network.
        name: of its backbone.
        crops: N x S x S x 3 uint8 on which torch and ONNX Runtime are compared.
        folder: gets the graph and its description.

    Returns:
        The largest difference of probabilities.

    Raises:
        ModelError: they differ by more than `PARITY`.
    """
    answering = Answering(built.classifier).cpu().eval()
    graph = _graph(answering, built.framing.size)
    worst = check_parity(answering, graph, built, crops)
    (folder / DESCRIPTION).unlink(missing_ok=True)
    (folder / GRAPH).write_bytes(graph)
    stated = description(name, graph, built.preprocessing, built.framing)
    part = folder / f"{DESCRIPTION}.part"
    part.write_text(json.dumps(stated, indent=1) + "\n", encoding="utf-8")
    part.replace(folder / DESCRIPTION)
    return worst


def check_parity(
    answering: Answering, graph: bytes, built: Built, crops: NDArray[np.uint8]
) -> float:
    """The largest difference between torch's and ONNX Runtime's probabilities.

    Raises:
        ModelError: it is more than `PARITY`.
    """
    network = FaceNetwork(OnnxSession(graph), built.preprocessing, model_id="exported")
    given = network.run(list(crops)).p_female
    assert given is not None
    pixels = torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 3, 1, 2)))
    with torch.no_grad():
        recipe = built.preprocessing
        _, wanted = answering(normalised(pixels, recipe.mean, recipe.scale))
    worst = float(np.abs(given - wanted.numpy()).max())
    if not worst <= PARITY:
        raise ModelError(
            f"torch and ONNX Runtime differ by {worst:.2g}, more than {PARITY:g}: not exported"
        )
    return worst


def _graph(answering: Answering, size: int) -> bytes:
    example = torch.zeros(2, 3, size, size)
    quiet = logging.getLogger("torch.onnx")
    level = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        # The exporter prints its steps and warns of what it will change in later versions.
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                answering,
                (example,),
                dynamo=True,
                input_names=["pixels"],
                output_names=["embedding", "p_female"],
                dynamic_shapes=({0: torch.export.Dim("n")},),
                verbose=False,
            )
    finally:
        quiet.setLevel(level)
    assert program is not None
    graph: bytes = program.model_proto.SerializeToString()
    return graph
