"""From images to faces: decode, detect, align, one network pass.

Decoding and detection run in worker threads while the network runs on the batch before; results
come in the order of the inputs, and an image that fails takes no other image with it.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from math import dist
from pathlib import Path
from typing import Protocol, TypeVar, cast

import numpy as np

from steadyface.errors import NoFaceError, SteadyfaceError, UsageError
from steadyface.imaging.decode import MAX_PIXELS, decode, source_name
from steadyface.imaging.framing import FACE_CROP, Framing
from steadyface.imaging.geometry import (
    align,
    assumed_square,
    centre_square,
    crop_square,
    eye_distance,
    visible_share,
)
from steadyface.models.catalog import load_catalog
from steadyface.models.defaults import check_network, load_finder, load_network
from steadyface.models.face_network import NetworkOutput
from steadyface.types import (
    Box,
    Detection,
    DetectionMode,
    DetectionOutcome,
    DistortionEstimate,
    Embedding,
    Face,
    FaceChoice,
    FloatArray,
    GenderEstimate,
    ImageInput,
    ImageResult,
    RGBImage,
)

T = TypeVar("T")
DEFAULT_BATCH = 16
#: A face that is believed in this much less than the best one of its image never beats it.
CLEAR_SHARE = 0.75
#: Eyes closer than this many pixels define no alignment.
_LEAST_EYES = 1.0


class FaceFinder(Protocol):
    """What the pipeline needs of a detector."""

    def find(self, image: RGBImage) -> list[Detection]:
        """The faces of one image."""
        ...


class Network(Protocol):
    """What the pipeline needs of a face network.

    One that wants other crops than aligned ones of 112 pixels says so by an attribute `framing`.
    """

    model_id: str

    def run(self, crops: Sequence[RGBImage]) -> NetworkOutput:
        """Embed crops."""
        ...


def framing_of(network: Network) -> Framing:
    """What a network is to be shown."""
    framing = getattr(network, "framing", FACE_CROP)
    assert isinstance(framing, Framing)
    return framing


@dataclass(frozen=True, slots=True, eq=False)
class _Located:
    """One face before the network has seen it."""

    crop: RGBImage
    outcome: DetectionOutcome
    box: Box
    landmarks: FloatArray | None = None
    score: float | None = None
    view: str | None = None
    p_face: float | None = None
    visible: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """One image before the network has seen its faces."""

    source: str
    located: tuple[_Located, ...] = ()
    error: SteadyfaceError | None = None


class Analyzer:
    """Finds, embeds and classifies the faces of images.

    Nothing is loaded or fetched before the first image. An analyzer may be shared by threads.

    Args:
        detector: finds faces; a catalog id searches with that detector, None with the default one.
        network: embeds aligned crops; a catalog id or the folder of a trained gender classifier
            takes that network, None the default one.
        detection: `auto`, `require` or `skip`, see `steadyface.types.DetectionMode`; a network that
            is shown whole images skips it.
        faces: `largest` analyses the largest face of an image, `central` the one nearest to its
            middle, `all` every face, largest first.
        min_gender_confidence: below this probability, 0.5..1, a gender is `uncertain`; None never.
        max_pixels: larger images are refused before they are decoded.
        min_face: least side of a face that is looked for, in pixels of the image; None goes with
            the image's size (40 pixels in 12 megapixels). Smaller takes longer.

    Raises:
        UsageError: an argument is out of range.
        UnknownModelError: the catalog has no such detector or face network.
    """

    def __init__(
        self,
        detector: FaceFinder | str | None = None,
        network: Network | str | Path | None = None,
        *,
        detection: DetectionMode = "auto",
        faces: FaceChoice = "largest",
        min_gender_confidence: float | None = None,
        max_pixels: int = MAX_PIXELS,
        min_face: float | None = None,
    ) -> None:
        if detection not in ("auto", "require", "skip"):
            raise UsageError(f"detection is {detection!r}: give 'auto', 'require' or 'skip'")
        if faces not in ("largest", "central", "all"):
            raise UsageError(f"faces is {faces!r}: give 'largest', 'central' or 'all'")
        if min_gender_confidence is not None and not 0.5 <= min_gender_confidence <= 1.0:
            raise UsageError(
                f"min_gender_confidence is {min_gender_confidence}: give a probability 0.5 to 1"
            )
        if max_pixels < 1:
            raise UsageError(f"max_pixels is {max_pixels}: give 1 or more")
        if min_face is not None and not 1 <= min_face < math.inf:
            raise UsageError(f"min_face is {min_face}: give 1 pixel or more")
        if min_face is not None and not (detector is None or isinstance(detector, str)):
            raise UsageError("min_face is given beside a detector of your own: set it there")
        if isinstance(detector, str):
            load_catalog().choose("detector", detector)
        if isinstance(network, (str, Path)):
            check_network(network)
        self._detector = detector
        self._network = network
        self._detection = detection
        self._faces = faces
        self._min_gender_confidence = min_gender_confidence
        self._max_pixels = max_pixels
        self._min_face = min_face

    @property
    def network(self) -> Network:
        """The face network, loaded (and fetched, with a message) when first asked for."""
        if self._network is None or isinstance(self._network, (str, Path)):
            self._network = load_network(self._network)
        return self._network

    @property
    def detector(self) -> FaceFinder:
        """The detector, loaded (and fetched, with a message) when first asked for."""
        if self._detector is None or isinstance(self._detector, str):
            self._detector = load_finder(self._detector, min_face=self._min_face)
        return self._detector

    @property
    def model_id(self) -> str:
        """The face network's id, to which embeddings and thresholds are bound."""
        return self.network.model_id

    def analyze(self, image: ImageInput) -> list[Face]:
        """Analyse one image.

        Args:
            image: path, bytes, binary file, PIL image, or H x W x 3 uint8 RGB array.

        Returns:
            Its faces, largest first; at least one.

        Raises:
            ImageError: the image cannot be decoded.
            NoFaceError: `detection="require"` and no face was found.
        """
        result = next(iter(self.analyze_many([image], workers=1)))
        if result.error is not None:
            raise result.error
        return list(result.faces)

    def analyze_many(
        self,
        images: Iterable[T],
        *,
        load: Callable[[T], RGBImage] | None = None,
        name: Callable[[T], str] = source_name,  # type: ignore[assignment]
        batch_size: int = DEFAULT_BATCH,
        workers: int | None = None,
    ) -> Iterator[ImageResult]:
        """Analyse many images; decoding and detection overlap with the network.

        Args:
            images: the inputs, read lazily and only a little ahead.
            load: input -> H x W x 3 uint8 RGB; called in worker threads. None decodes, up to the
                analyzer's limit of pixels.
            name: input -> the name that results and errors carry.
            batch_size: crops a network pass.
            workers: threads for decoding and detection; None takes the number of cores.

        Yields:
            One `ImageResult` an input, in order: faces, or the error of that image alone.

        Raises:
            UsageError: `images` is one image, which would be taken apart, or an argument is out of
                range.
        """
        if batch_size < 1:
            raise UsageError(f"batch_size is {batch_size}: give 1 or more")
        if isinstance(images, (str, bytes, os.PathLike)):
            raise UsageError(f"images is one {type(images).__name__}: give a list of images")
        read = load if load is not None else self._read
        network = self.network
        framing = framing_of(network)
        whole = framing.zoom is None
        find = None if whole or self._detection == "skip" else self.detector.find
        threads = workers if workers is not None else (os.cpu_count() or 1)

        def prepare(item: T) -> _Prepared:
            source = name(item)
            try:
                image = read(item)
                return _Prepared(source, tuple(self._locate(image, source, find, framing)))
            except SteadyfaceError as error:
                return _Prepared(source, error=error)

        with ThreadPoolExecutor(threads, thread_name_prefix="steadyface") as pool:
            prepared = _ordered_ahead(pool, prepare, images, ahead=2 * batch_size)
            for batch in _by_crops(prepared, batch_size):
                yield from self._finish(batch, network)

    def decode(self, image: ImageInput) -> RGBImage:
        """An image's pixels, H x W x 3 uint8 RGB, up to the analyzer's limit.

        Raises:
            ImageError: the image cannot be decoded.
        """
        return decode(image, max_pixels=self._max_pixels)

    def _read(self, image: object) -> RGBImage:
        return self.decode(cast(ImageInput, image))

    def _locate(
        self,
        image: RGBImage,
        source: str,
        find: Callable[[RGBImage], list[Detection]] | None,
        framing: Framing,
    ) -> Iterator[_Located]:
        if find is not None:
            usable = (d for d in find(image) if eye_distance(d.landmarks) >= _LEAST_EYES)
            chosen = choose_faces(list(usable), self._faces, image.shape)
            if chosen:
                yield from (_aligned(image, detection, framing) for detection in chosen)
                return
            if self._detection == "require":
                raise no_face(source)
        height, width = image.shape[:2]
        outcome: DetectionOutcome
        if find is None:
            square, outcome = centre_square(height, width), "skipped"
        else:
            square, outcome = assumed_square(height, width, framing.zoom or 1.0), "assumed"
        yield _Located(crop_square(image, square, framing.size), outcome, square)

    def _finish(self, batch: Sequence[_Prepared], network: Network) -> Iterator[ImageResult]:
        crops = [located.crop for image in batch for located in image.located]
        faces: Iterator[Face] = iter(())
        if crops:
            faces = self._faces_of(batch, network.run(crops), network.model_id)
        for image in batch:
            yield ImageResult(image.source, tuple(islice(faces, len(image.located))), image.error)

    def _faces_of(
        self, batch: Sequence[_Prepared], output: NetworkOutput, model_id: str
    ) -> Iterator[Face]:
        located = (one for image in batch for one in image.located)
        for index, one in enumerate(located):
            gender = None
            if output.p_female is not None:
                gender = estimate_gender(float(output.p_female[index]), self._min_gender_confidence)
            yield Face(
                one.outcome,
                one.box,
                one.landmarks,
                one.score,
                one.view,
                Embedding(output.embeddings[index], model_id),
                gender,
                None if output.quality is None else float(output.quality[index]) * one.visible,
                distortion_of(output, index),
                one.p_face,
            )


def no_face(source: str) -> NoFaceError:
    """Why an image without a found face has no answer."""
    return NoFaceError(
        source, "no face was found; use a clearer image, or detection 'skip' if it is a face crop"
    )


def choose_faces(
    found: Sequence[Detection], choice: FaceChoice, shape: tuple[int, ...]
) -> list[Detection]:
    """The faces that count, in the order in which they are reported.

    A doubtful face never beats a clear one, however large or central: one counts if it is believed
    in, by its score and P(face), nearly as much as the best.

    Args:
        found: the faces of one image.
        choice: which of them.
        shape: height and width of the image, and whatever follows.
    """
    ranked = sorted(found, key=lambda d: -d.box.area)
    if choice == "all" or not ranked:
        return ranked
    least = CLEAR_SHARE * max(belief(d) for d in ranked)
    clear = [d for d in ranked if belief(d) >= least]
    if choice == "largest":
        return clear[:1]
    middle = shape[1] / 2, shape[0] / 2
    return [min(clear, key=lambda d: dist(d.box.centre, middle))]


def belief(face: Detection) -> float:
    """How far a detection is believed, 0..1: its score, times P(face) where that was asked."""
    return face.score * (1.0 if face.p_face is None else face.p_face)


def estimate_gender(p_female: float, min_confidence: float | None) -> GenderEstimate:
    """Turn P(female) into a label; `uncertain` below `min_confidence`, where one is given."""
    probability = max(p_female, 1.0 - p_female)
    if min_confidence is not None and probability < min_confidence:
        return GenderEstimate("uncertain", probability, p_female)
    return GenderEstimate("female" if p_female >= 0.5 else "male", probability, p_female)


def distortion_of(output: NetworkOutput, index: int) -> DistortionEstimate | None:
    """The likeliest kind of distortion of one crop; None where the network does not say."""
    if output.distortion is None or output.strength is None:
        return None
    likeliest = int(output.distortion[index].argmax())
    return DistortionEstimate(
        output.distortion_labels[likeliest],
        float(output.distortion[index, likeliest]),
        float(output.strength[index]),
    )


def _aligned(image: RGBImage, detection: Detection, framing: Framing) -> _Located:
    outcome: DetectionOutcome = "found" if detection.view == "raw" else "rescued"
    return _Located(
        align(image, detection.landmarks, framing.landmarks, framing.size),
        outcome,
        detection.box,
        np.asarray(detection.landmarks, dtype=np.float32),
        detection.score,
        detection.view,
        detection.p_face,
        visible_share(image.shape, detection.landmarks),
    )


def _ordered_ahead(
    pool: ThreadPoolExecutor, work: Callable[[T], _Prepared], items: Iterable[T], *, ahead: int
) -> Iterator[_Prepared]:
    """Run `work` in the pool, at most `ahead` items early, and yield in the order of `items`."""
    pending: deque[Future[_Prepared]] = deque()
    remaining = iter(items)
    try:
        for item in remaining:
            pending.append(pool.submit(work, item))
            if len(pending) >= ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


def _by_crops(prepared: Iterable[_Prepared], batch_size: int) -> Iterator[list[_Prepared]]:
    """Group images until they hold `batch_size` crops, or there are many without any."""
    batch: list[_Prepared] = []
    crops = 0
    for image in prepared:
        batch.append(image)
        crops += len(image.located)
        if crops >= batch_size or len(batch) >= 4 * batch_size:
            yield batch
            batch, crops = [], 0
    if batch:
        yield batch
