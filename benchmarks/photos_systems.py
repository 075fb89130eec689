"""What the benchmark of photographs compares: the defaults that a user gets, and OpenCV's pair.

All take the largest face of an image, and the middle of the image where they find none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

from benchmarks.peers import OpenCVDetector, OpenCVNetwork
from steadyface.distortions import KINDS, apply, rng_for
from steadyface.evaluation.layouts import CLEAN
from steadyface.models.defaults import load_network
from steadyface.pipeline import Analyzer, FaceFinder
from steadyface.training.base_models import weights_of
from steadyface.types import ImageResult, RGBImage

T = TypeVar("T")
SEED = 0
DEFAULTS, SAME_NETWORK, PEER = "defaults", "opencv_detector_default_network", "opencv"
#: The base detector with the product's search around it.
BASE_SEARCH = "yunet_base_search"
_CHUNK = 48


@lru_cache(maxsize=1)
def opencv_detector() -> FaceFinder:
    """OpenCV's FaceDetectorYN at full size and the threshold of its samples."""
    return OpenCVDetector(weights_of("yunet-base"))


def analyzers() -> dict[str, Analyzer]:
    """The defaults, OpenCV's detector with our network, and OpenCV's pair."""
    return {
        DEFAULTS: Analyzer(),
        SAME_NETWORK: Analyzer(opencv_detector(), load_network()),
        PEER: Analyzer(opencv_detector(), OpenCVNetwork(weights_of("sface-base"))),
    }


def finders() -> dict[str, FaceFinder]:
    """Detection alone: what `Analyzer()` uses, the same search with yunet-base, and OpenCV's."""
    return {
        DEFAULTS: Analyzer().detector,
        BASE_SEARCH: Analyzer("yunet-base").detector,
        PEER: opencv_detector(),
    }


def conditions(*severities: int) -> list[str]:
    """`clean`, and every kind at these severities, as `KIND:SEVERITY`."""
    return [CLEAN, *(f"{kind}:{severity}" for severity in severities for kind in KINDS)]


def shown(frame: RGBImage, condition: str, name: str) -> RGBImage:
    """A frame under a condition; the frame's name decides everything random."""
    if condition == CLEAN:
        return frame
    kind, _, severity = condition.partition(":")
    return apply(frame, kind, float(severity), rng_for(SEED, name, kind))


def in_chunks(items: Sequence[T], load: Callable[[T], RGBImage]) -> Iterator[list[RGBImage]]:
    """Frames of items, made by two threads, some at a time: every system gets the same ones."""
    with ThreadPoolExecutor(2) as pool:
        for start in range(0, len(items), _CHUNK):
            yield list(pool.map(load, items[start : start + _CHUNK]))


def answers(
    systems: dict[str, Analyzer], items: Sequence[T], load: Callable[[T], RGBImage]
) -> dict[str, list[ImageResult]]:
    """What every system says of every item, in order."""
    told: dict[str, list[ImageResult]] = {name: [] for name in systems}
    for frames in in_chunks(items, load):
        for name, analyzer in systems.items():
            told[name] += list(analyzer.analyze_many(frames, name=lambda _: "frame"))
    return told


def mean_of_kinds(row: dict[str, float], severity: int) -> float:
    """The mean of a figure over the seven kinds at a severity."""
    return sum(row[f"{kind}:{severity}"] for kind in KINDS) / len(KINDS)
