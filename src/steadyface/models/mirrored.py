"""A face looked at twice, as it is and mirrored: two opinions are steadier than one.

Embeddings of a face and of its mirror image err apart where the picture is bad, so their mean is
nearer to the clean face's; the other answers are averaged likewise. Averaging over flips is common
practice in face recognition. It doubles the network's time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from steadyface.models.face_network import NetworkOutput
from steadyface.types import FloatArray, RGBImage


class _Network(Protocol):
    model_id: str

    def run(self, crops: Sequence[RGBImage]) -> NetworkOutput:
        """Embed aligned 112 x 112 crops."""
        ...


class MirroredNetwork:
    """A face network whose answers are the means over a crop and its mirror image.

    Args:
        network: embeds aligned crops.
    """

    def __init__(self, network: _Network) -> None:
        self._network = network
        self.model_id = network.model_id

    def run(self, crops: Sequence[RGBImage]) -> NetworkOutput:
        """Two passes over aligned crops, each 112 x 112 x 3 uint8, in one batch."""
        mirrored = [np.ascontiguousarray(crop[:, ::-1]) for crop in crops]
        both = self._network.run([*crops, *mirrored])
        mean = _mean_of_halves(both.embeddings)
        assert mean is not None
        lengths = np.linalg.norm(mean, axis=1, keepdims=True)
        return NetworkOutput(
            mean / np.maximum(lengths, np.finfo(np.float32).tiny),
            _mean_of_halves(both.p_female),
            _mean_of_halves(both.quality),
            _mean_of_halves(both.distortion),
            both.distortion_labels,
            _mean_of_halves(both.strength),
        )


def _mean_of_halves(values: FloatArray | None) -> FloatArray | None:
    """Rows 0..N-1 averaged with rows N..2N-1."""
    if values is None:
        return None
    half = len(values) // 2
    return np.asarray((values[:half] + values[half:]) / 2, dtype=np.float32)
