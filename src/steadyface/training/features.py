"""Embeddings and pooled features of many faces, clean and distorted, through the real pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from steadyface.distortions import KINDS, apply, rng_for
from steadyface.errors import NoFaceError
from steadyface.imaging.decode import decode
from steadyface.models.catalog import Preprocessing
from steadyface.models.face_network import NetworkOutput
from steadyface.models.preprocess import to_batch
from steadyface.models.session import OnnxSession
from steadyface.pipeline import Analyzer, FaceFinder
from steadyface.types import FloatArray, RGBImage

EMBEDDING_SIZE = 128


class FeatureNetwork:
    """A face network that hands out the embedding and the pooled features side by side."""

    model_id = "features"

    def __init__(self, session: OnnxSession, preprocessing: Preprocessing) -> None:
        self._session = session
        self._preprocessing = preprocessing

    def run(self, crops: Sequence[RGBImage]) -> NetworkOutput:
        """One pass; `embeddings` is N x (128 + 1024), the first 128 of unit length."""
        out = self._session.run(to_batch(crops, self._preprocessing))
        raw = out["embedding"]
        unit = raw / np.linalg.norm(raw, axis=1, keepdims=True)
        return NetworkOutput(np.hstack([unit, out["features"]]).astype(np.float32), None)


@dataclass(frozen=True, slots=True)
class Sample:
    """One image as it is to be seen: clean (`kind` None) or distorted."""

    path: Path
    kind: str | None = None
    severity: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """What the network gives for N samples.

    Attributes:
        embeddings: N x 128 float32 of unit length; rows of zeros where `usable` is False.
        pooled: N x 1024 float32.
        usable: N bool: a face was detected.
    """

    embeddings: FloatArray
    pooled: FloatArray
    usable: NDArray[np.bool_]


def random_distortion(path: Path, seed: int) -> Sample:
    """A sample with one random kind at a random severity of 1 to 5, fixed by path and seed."""
    rng = rng_for(seed, path.name, "choice")
    return Sample(path, str(rng.choice(KINDS)), float(rng.uniform(1, 5)), seed)


def load_sample(sample: Sample) -> RGBImage:
    """Decode a sample and distort it as it says."""
    image = decode(sample.path)
    if sample.kind is None:
        return image
    return apply(image, sample.kind, sample.severity, rng_for(sample.seed, sample.path.name))


def extract(
    samples: Iterable[Sample], detector: FaceFinder, network: FeatureNetwork, *, total: int
) -> Features:
    """Run samples through detection, alignment and the network.

    Raises:
        ImageError: an image cannot be read; only one without a face is left unusable.
    """
    analyzer = Analyzer(detector, network, detection="require")
    results = analyzer.analyze_many(samples, load=load_sample, name=lambda s: str(s.path))
    empty = np.zeros(EMBEDDING_SIZE + 1024, dtype=np.float32)
    rows, usable = [], []
    for result in tqdm(results, total=total, unit="image", disable=None):
        if result.error is not None and not isinstance(result.error, NoFaceError):
            raise result.error
        usable.append(bool(result.faces))
        rows.append(result.faces[0].embedding.vector if result.faces else empty)
    table = np.stack(rows)
    return Features(
        table[:, :EMBEDDING_SIZE], table[:, EMBEDDING_SIZE:], np.array(usable, dtype=np.bool_)
    )
