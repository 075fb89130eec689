"""ONNX Runtime sessions over graphs that hold their weights or point into a weight file.

The graph of a base model is a few kilobytes: the network's structure, with its initialisers stored
as ONNX *external data* that points into the original weight file by name and byte offset. So the
original file stays untouched and checked by its hash, and the graph can still have a free batch
dimension, constants that fold, and heads of this project beside the original outputs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime as ort
from numpy.typing import NDArray

from steadyface.errors import ModelError

_WEIGHTS_FOLDER_KEY = "session.model_external_initializers_file_folder_path"
_ERRORS_ONLY = 3


def preferred_providers() -> list[str]:
    """The execution providers to try, best first: a GPU where there is one, then the CPU."""
    available = ort.get_available_providers()
    gpu = [
        name for name in ("CUDAExecutionProvider", "CoreMLExecutionProvider") if name in available
    ]
    return [*gpu, "CPUExecutionProvider"]


class OnnxSession:
    """One loaded network; `run` may be called from several threads at once.

    Args:
        graph: the serialised ONNX model.
        weights: the weight file that the graph points into, under the name that the graph records;
            it may be a link to a file of any name. None where the graph holds its own weights.
        weights_folder: folder that holds the weight file itself, in place of `weights`.
        threads: threads inside one operator; 0 lets ONNX Runtime take all cores.
        name: what to call it in errors.

    Raises:
        ModelError: ONNX Runtime refuses the graph or the weights.
    """

    def __init__(
        self,
        graph: bytes,
        *,
        weights: Path | None = None,
        weights_folder: Path | None = None,
        threads: int = 0,
        name: str = "the network",
    ) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = _ERRORS_ONLY
        if weights_folder is not None:
            options.add_session_config_entry(_WEIGHTS_FOLDER_KEY, str(weights_folder))
        try:
            self._session = _load(graph, options, weights)
        except Exception as error:  # ONNX Runtime's errors share no base below Exception
            raise ModelError(
                f"ONNX Runtime cannot load {name} ({error}); check its weights with `steadyface "
                "models verify`, or install steadyface again"
            ) from error
        self.outputs: tuple[str, ...] = tuple(o.name for o in self._session.get_outputs())
        self._input: str = self._session.get_inputs()[0].name

    def run(self, batch: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Run the network on its single input; returns every output by name."""
        return dict(zip(self.outputs, self._session.run(None, {self._input: batch}), strict=True))


def _load(graph: bytes, options: ort.SessionOptions, weights: Path | None) -> ort.InferenceSession:
    """Load a graph; its weights are mapped from their folder where the file bears its own name.

    ONNX Runtime looks for the name that the graph records, and since 1.24 follows no link out of
    the folder that it is given; from 1.24 on it takes the bytes of a file instead.
    """
    if weights is not None:
        real = weights.resolve()
        if real.name == weights.name:
            options.add_session_config_entry(_WEIGHTS_FOLDER_KEY, str(real.parent))
        elif hasattr(options, "add_external_initializers_from_files_in_memory"):
            content = real.read_bytes()  # copied while the session is made, until when it lives
            options.add_external_initializers_from_files_in_memory(
                [weights.name], [content], [len(content)]
            )
        else:
            options.add_session_config_entry(_WEIGHTS_FOLDER_KEY, str(weights.parent))
    return ort.InferenceSession(graph, options, providers=preferred_providers())
