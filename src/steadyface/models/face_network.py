"""The face network: aligned crops in, everything it can say about them out, in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import ModelError
from steadyface.imaging.framing import FACE_CROP, Framing
from steadyface.models.catalog import Preprocessing
from steadyface.models.preprocess import to_batch
from steadyface.models.session import OnnxSession
from steadyface.types import FloatArray, RGBImage

#: Crops that go through the network together; of more, the maps between layers leave the caches
#: and each crop takes longer (measured: 7.6 ms at 16, 10.0 at 64).
AT_ONCE = 16


@dataclass(frozen=True, slots=True, eq=False)
class NetworkOutput:
    """What one pass over N crops gives; None where the network has no such head.

    Attributes:
        embeddings: N x D float32, each row of Euclidean length 1.
        p_female: N float32, 0..1.
        quality: N float32, 0..1: the expected similarity of the crop's embedding to that of its
            clean self.
        distortion: N x K float32, each row the probabilities of the K labels; they sum to 1.
        distortion_labels: what the K columns of `distortion` mean; empty where that is None.
        strength: N float32, 0..1: how strong the distortion is.
    """

    embeddings: FloatArray
    p_female: FloatArray | None
    quality: FloatArray | None = None
    distortion: FloatArray | None = None
    distortion_labels: tuple[str, ...] = ()
    strength: FloatArray | None = None


class FaceNetwork:
    """Embeds aligned faces and reads the heads that share its features.

    Args:
        session: the loaded network, with an output `embedding` and, where it has the heads,
            outputs `p_female`, `quality`, `distortion` and `strength`.
        preprocessing: how pixels become its input.
        model_id: the catalog's name of the model.
        distortions: labels of the output `distortion`, in the order of its columns.
        framing: what of an image it is to be shown.

    Raises:
        ModelError: there are labels and no such output, or the other way round.
    """

    def __init__(
        self,
        session: OnnxSession,
        preprocessing: Preprocessing,
        *,
        model_id: str,
        distortions: Sequence[str] = (),
        framing: Framing = FACE_CROP,
    ) -> None:
        self.model_id = model_id
        self.framing = framing
        self._session = session
        self._preprocessing = preprocessing
        self._labels = tuple(distortions)
        if ("distortion" in session.outputs) != bool(self._labels):
            raise self._mislabelled("no" if self._labels else "an")

    def run(self, crops: Sequence[RGBImage]) -> NetworkOutput:
        """One pass over crops, each S x S x 3 uint8 where S is the framing's size, 112 for faces.

        Raises:
            ModelError: the network does not give one probability for each label of distortion.
        """
        parts = [
            self._session.run(to_batch(crops[start : start + AT_ONCE], self._preprocessing))
            for start in range(0, max(len(crops), 1), AT_ONCE)
        ]
        outputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        raw = outputs["embedding"].astype(np.float32)
        lengths = np.linalg.norm(raw, axis=1, keepdims=True)
        return NetworkOutput(
            raw / np.maximum(lengths, np.finfo(np.float32).tiny),
            _one_each(outputs.get("p_female")),
            _one_each(outputs.get("quality")),
            self._distortion(outputs.get("distortion")),
            self._labels,
            _one_each(outputs.get("strength")),
        )

    def _distortion(self, probabilities: NDArray[Any] | None) -> FloatArray | None:
        if probabilities is None:
            return None
        if probabilities.ndim != 2 or probabilities.shape[1] != len(self._labels):
            raise self._mislabelled(f"a {' x '.join(map(str, probabilities.shape))}")
        return np.asarray(probabilities, dtype=np.float32)

    def _mislabelled(self, output: str) -> ModelError:
        return ModelError(
            f"{self.model_id} has {output} output 'distortion' and the catalog gives "
            f"{len(self._labels)} labels of distortion; make its entry fit its graph"
        )


def _one_each(values: NDArray[Any] | None) -> FloatArray | None:
    """A head's answers as N float32, whether the graph gives N or N x 1."""
    return None if values is None else np.asarray(values, dtype=np.float32).reshape(-1)
