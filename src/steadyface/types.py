"""The frozen values that travel between the parts.

Terms follow ISO/IEC 2382-37: a *probe* is compared with *references*; one identity's references
make a *template*; templates make a *gallery*; a *comparison score* here is cosine similarity.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

    from steadyface.errors import SteadyfaceError

#: H x W x 3, uint8, RGB.
RGBImage: TypeAlias = NDArray[np.uint8]
FloatArray: TypeAlias = NDArray[np.float32]
#: Everything the decoder accepts.
ImageInput: TypeAlias = "str | os.PathLike[str] | bytes | IO[bytes] | PILImage | RGBImage"

GenderLabel: TypeAlias = Literal["female", "male"]
#: Which faces of an image count: the largest; the one nearest to the middle, for photos of one
#: person with others behind; or all.
FaceChoice: TypeAlias = Literal["largest", "central", "all"]
#: How faces are looked for. `auto`: detect, and where nothing is found take the middle of the image
#: as a face crop; `require`: detect, and nothing found is an error; `skip`: the image is a face
#: crop, framed as `CROP_LANDMARKS` says.
DetectionMode: TypeAlias = Literal["auto", "require", "skip"]
#: What happened: `found` in the frame as it is; `rescued` in a smoothed, smaller or tone-corrected
#: view of it; `assumed`: none found, the middle of the image was taken as a face crop;
#: `skipped`: not looked for.
DetectionOutcome: TypeAlias = Literal["found", "rescued", "assumed", "skipped"]


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned rectangle in pixels of the image it was found in; may reach past its edge."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """Width times height, in square pixels."""
        return self.width * self.height

    @property
    def centre(self) -> tuple[float, float]:
        """Its middle (x, y), in pixels."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """One detected face.

    Attributes:
        box: the face's rectangle.
        landmarks: 5 x 2 float32 (x, y) in pixels: the eye at the image's left, the eye at its
            right, nose tip, mouth corner at the image's left, mouth corner at its right.
        score: the detector's confidence, 0..1.
        view: the view of the frame it was found in; `raw` is the frame as it is.
        p_face: probability, 0..1, that it is a human face whose five points lie where they should,
            by a second network that looks at the aligned crop; None where none was asked.
    """

    box: Box
    landmarks: FloatArray
    score: float
    view: str = "raw"
    p_face: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """A face's position in the embedding space of one model.

    Attributes:
        vector: D float32 of Euclidean length 1.
        model_id: the model that made it; embeddings of different models do not compare.
    """

    vector: FloatArray
    model_id: str


@dataclass(frozen=True, slots=True)
class GenderEstimate:
    """The gender classifier's answer for one face.

    Attributes:
        label: `female`, `male`, or `uncertain` where the probability is below the stated minimum.
        probability: of the likelier class, 0.5..1.
        p_female: probability of `female`, 0..1.
    """

    label: Literal["female", "male", "uncertain"]
    probability: float
    p_female: float


@dataclass(frozen=True, slots=True)
class DistortionEstimate:
    """What the network says of a face's distortion.

    Attributes:
        kind: the likeliest: `clean` or a kind of distortion.
        probability: of that kind, 0..1.
        strength: 0..1; a fifth a severity.
    """

    kind: str
    probability: float
    strength: float


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """Everything known of one face in one image.

    Attributes:
        detection: how the face was come by, see `DetectionOutcome`.
        box: its rectangle; for `assumed` and `skipped` the square taken as the face crop.
        landmarks: 5 x 2 float32; None where no detector placed them.
        score: detector confidence 0..1; None where no detector saw it.
        view: the view of the frame it was found in; None where no detector saw it.
        embedding: its embedding.
        gender: its gender estimate; None where the model has no gender head.
        quality: the expected similarity, 0..1, of its embedding to that of its clean self: how far
            a comparison with it can be trusted; less, in proportion, where a part of the crop lies
            past the image's edge. None where the model has no such head.
        distortion: its kind and strength; None likewise.
        p_face: probability, 0..1, that it is a face, see `Detection`; None where no detector saw it
            or none was asked.
    """

    detection: DetectionOutcome
    box: Box
    landmarks: FloatArray | None
    score: float | None
    view: str | None
    embedding: Embedding
    gender: GenderEstimate | None
    quality: float | None = None
    distortion: DistortionEstimate | None = None
    p_face: float | None = None

    @property
    def located(self) -> bool:
        """Whether a detector, or the caller, says where the face is; False for an assumed crop."""
        return self.detection != "assumed"


@dataclass(frozen=True, slots=True, eq=False)
class ImageResult:
    """One image of a batch: its faces, or the error that kept them back (never both).

    Attributes:
        source: the image's name as the caller gave it.
        faces: largest first; empty only when `error` is set.
        error: what went wrong.
    """

    source: str
    faces: tuple[Face, ...] = ()
    error: SteadyfaceError | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The decision on one pair of faces.

    Attributes:
        label: 1 same person, 0 not.
        similarity: cosine, -1..1.
        threshold: the similarity from which the label is 1.
        fmr: the false match rate that the threshold stands for on its calibration data; None for a
            threshold given by hand.
        calibration: id of the calibration data behind the threshold; None likewise.
        probability: that it is the same person, 0..1, from the prior asked for; None where none was
            fitted for the model, or a face was assumed.
    """

    label: Literal[0, 1]
    similarity: float
    threshold: float
    fmr: float | None
    calibration: str | None
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One identity of a gallery with its similarity to the probe.

    Attributes:
        identity: its name.
        similarity: of the probe to its template, cosine, -1..1.
        threshold: the similarity from which it counts as matched; higher with more references, and
            where neither probe nor template is of good quality.
        probability: as in `Comparison`.
    """

    identity: str
    similarity: float
    threshold: float
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """The decision on one probe against a gallery.

    Attributes:
        label: 1 the probe matches a known identity, 0 it matches none.
        identity: the matched identity; None for label 0.
        similarity: of the best candidate; None only when the gallery is empty.
        threshold: that of the best candidate.
        fmr, calibration: as in `Comparison`.
        candidates: the best candidates, also below their thresholds; ranked by how far they are
            above them.
        expected_fpir: share of strangers who would match someone in a gallery of this size, were
            their comparisons independent; None for a threshold given by hand or an empty gallery.
        probability: that of the best candidate, as in `Comparison`.
    """

    label: Literal[0, 1]
    identity: str | None
    similarity: float | None
    threshold: float
    fmr: float | None
    calibration: str | None
    candidates: tuple[Candidate, ...] = ()
    expected_fpir: float | None = None
    probability: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """One enrolled image of an identity.

    Attributes:
        embedding: its embedding.
        source: where the image came from, for people to read; the image itself is not kept.
        metadata: anything JSON can hold.
        quality: of the face, 0..1, see `Face.quality`; None where it was not measured.
        calibration: id of the calibration data in force at enrolment; None for a threshold given
            by hand, or where it is not known.
    """

    embedding: Embedding
    source: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    quality: float | None = None
    calibration: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Templates:
    """All references of a gallery, laid out for comparing a probe with every one of them.

    Attributes:
        names: N identities, in the order in which they were first enrolled.
        vectors: R x D float32, every row of Euclidean length 1; grouped by identity, an
            identity's rows in the order in which they were enrolled. R x 0 only for R = 0.
        owners: R int64, 0..N-1, never decreasing: row r is a reference of `names[owners[r]]`.
        model_id: the model that made the vectors.
        qualities: R float32, 0..1, NaN where one was not measured; None where none was.
    """

    names: tuple[str, ...]
    vectors: FloatArray
    owners: NDArray[np.int64]
    model_id: str
    qualities: FloatArray | None = None

    @property
    def every_quality(self) -> FloatArray:
        """R float32: `qualities`, of NaN alone where none was measured."""
        if self.qualities is not None:
            return self.qualities
        return np.full(len(self.owners), np.nan, dtype=np.float32)
