"""Embeddings and pooled features of many faces, clean and distorted, through the real pipeline."""

from __future__ import annotations

from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """What a network gives for N samples.

    Attributes:
        vectors: N x D float32 of unit length; rows of zeros where `usable` is False.
        usable: N bool: the image has an answer.
        quality: N float32, 0..1; NaN where there is no answer or the network tells none.
    """

    vectors: FloatArray
    usable: NDArray[np.bool_]
    quality: FloatArray


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


def embed(samples: Sequence[Sample], analyzer: Analyzer, cache: Path) -> Embedded:
    """Run samples through a pipeline, or read what it gave from the cache file.

    Raises:
        ImageError: an image cannot be read; only one without a face is left unusable.
    """
    if cache.is_file():
        with np.load(cache) as stored:
            return Embedded(stored["vectors"], stored["usable"], stored["quality"])
    results = analyzer.analyze_many(samples, load=load_sample, name=lambda s: str(s.path))
    rows: list[FloatArray | None] = []
    quality: list[float | None] = []
    for result in tqdm(results, total=len(samples), unit="image", disable=None):
        if result.error is not None and not isinstance(result.error, NoFaceError):
            raise result.error
        rows.append(result.faces[0].embedding.vector if result.faces else None)
        quality.append(result.faces[0].quality if result.faces else None)
    size = next((len(row) for row in rows if row is not None), 1)
    empty = np.zeros(size, dtype=np.float32)
    embedded = Embedded(
        np.stack([empty if row is None else row for row in rows]),
        np.array([row is not None for row in rows], dtype=np.bool_),
        np.array([np.nan if value is None else value for value in quality], dtype=np.float32),
    )
    cache.parent.mkdir(parents=True, exist_ok=True)
    np.savez(cache, vectors=embedded.vectors, usable=embedded.usable, quality=embedded.quality)
    return embedded


def extract(
    samples: Sequence[Sample], detector: FaceFinder, network: FeatureNetwork, cache: Path
) -> Features:
    """Embeddings and pooled features of samples, through detection and alignment.

    Raises:
        ImageError: an image cannot be read; only one without a face is left unusable.
    """
    analyzer = Analyzer(detector, network, detection="require", faces="central")
    table = embed(samples, analyzer, cache)
    return Features(
        table.vectors[:, :EMBEDDING_SIZE], table.vectors[:, EMBEDDING_SIZE:], table.usable
    )
