"""ONNX Runtime sessions over a packaged graph and a separately fetched weight file.

A packaged graph is a few kilobytes: the network's structure, with its initialisers stored as ONNX
*external data* that points into the original weight file by byte offset. So the original file
stays untouched and checked by its hash, and the graph can still have a free batch dimension,
constants that fold, and heads of this project beside the original outputs.
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
        weights_folder: folder of the weight file that the graph points into; None where the graph
            holds its own weights.
        threads: threads inside one operator; 0 lets ONNX Runtime take all cores.
        name: what to call it in errors.

    Raises:
        ModelError: ONNX Runtime refuses the graph or the weights.
    """

    def __init__(
        self,
        graph: bytes,
        *,
        weights_folder: Path | None,
        threads: int = 0,
        name: str = "the network",
    ) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = _ERRORS_ONLY
        if weights_folder is not None:
            options.add_session_config_entry(_WEIGHTS_FOLDER_KEY, str(weights_folder))
        try:
            self._session = ort.InferenceSession(graph, options, providers=preferred_providers())
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
