"""The face network: aligned crops in, everything it can say about them out, in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from steadyface.models.catalog import Preprocessing
from steadyface.models.preprocess import to_batch
from steadyface.models.session import OnnxSession
from steadyface.types import FloatArray, RGBImage


@dataclass(frozen=True, slots=True, eq=False)
class NetworkOutput:
    """What one pass over N crops gives.

    Attributes:
        embeddings: N x D float32, each row of Euclidean length 1.
        p_female: N float32, 0..1; None where the network has no gender head.
    """

    embeddings: FloatArray
    p_female: FloatArray | None


class FaceNetwork:
    """Embeds aligned faces and reads the heads that share its features.

    Args:
        session: the loaded network, with an output `embedding` and, where it has a gender head,
            an output `p_female`.
        preprocessing: how pixels become its input.
        model_id: the catalog's name of the model.
    """

    def __init__(
        self, session: OnnxSession, preprocessing: Preprocessing, *, model_id: str
    ) -> None:
        self.model_id = model_id
        self._session = session
        self._preprocessing = preprocessing

    def run(self, crops: Sequence[RGBImage]) -> NetworkOutput:
        """One pass over aligned crops, each 112 x 112 x 3 uint8."""
        outputs = self._session.run(to_batch(crops, self._preprocessing))
        raw = outputs["embedding"].astype(np.float32)
        lengths = np.linalg.norm(raw, axis=1, keepdims=True)
        p_female = outputs.get("p_female")
        return NetworkOutput(raw / np.maximum(lengths, np.finfo(np.float32).tiny), p_female)
