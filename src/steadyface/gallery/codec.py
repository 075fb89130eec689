"""References as plain values a store can keep, and back. No pickle: bytes, JSON text, ISO dates."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from steadyface.errors import GalleryError, GalleryModelError, UsageError
from steadyface.types import FloatArray, Reference

#: How vectors are written; a store keeps this word beside them.
VECTOR_FORMAT = "float32-le"
VECTOR_DTYPE = np.dtype("<f4")

#: Metadata of whoever has none, as `encode_metadata` writes it.
NO_METADATA = "{}"

#: Made once: `json.dumps` makes one for every call with settings of its own.
_JSON = json.JSONEncoder(allow_nan=False, separators=(",", ":"))

#: Rounding leaves a float32 vector within 1e-6 of length 1, one that went through float16 within
#: 1e-3; anything farther off was never normalised and would give comparison scores above 1.
UNIT_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class EncodedReference:
    """A reference that was checked and is ready to be stored.

    Attributes:
        vector: 4 x D bytes, float32 little-endian.
        source: valid Unicode without NUL.
        metadata: JSON text of an object.
        quality: 0..1, or None where it was not measured.
        calibration: valid Unicode without NUL, or None.
    """

    vector: bytes
    source: str
    metadata: str
    quality: float | None
    calibration: str | None

    @property
    def dimension(self) -> int:
        """How many numbers the vector has."""
        return len(self.vector) // VECTOR_DTYPE.itemsize


def encode_references(
    references: Sequence[Reference], *, model_id: str, location: str, identity: str
) -> list[EncodedReference]:
    """Check references and encode them; see `Gallery.enroll` for the errors.

    Args:
        references: one or more, whose vectors have one length.
        model_id: the gallery's model.
        location: the gallery, for messages.
        identity: whose references they are, for messages.
    """
    if not references:
        raise UsageError(f"{location}: no references of {identity!r} were given; give at least one")
    encoded = []
    for number, reference in enumerate(references, start=1):
        image = f" ({reference.source})" if reference.source else ""
        what = f"{location}: reference {number} of {identity!r}{image}"
        if reference.embedding.model_id != model_id:
            raise GalleryModelError(
                f"{what} was embedded by the model {reference.embedding.model_id!r}, but the "
                f"gallery holds embeddings of {model_id!r}; embed the image with {model_id!r}"
            )
        encoded.append(_encode_reference(reference, what))
        check_dimension(encoded[-1].dimension, encoded[0].dimension, what)
    return encoded


def encode_replacements(
    references: Mapping[int, Reference], *, model_id: str, location: str
) -> dict[int, EncodedReference]:
    """Check and encode what is to take the place of references; see `Gallery.replace_all`.

    Args:
        references: by the id of the reference whose place they take.
        model_id: the model of the gallery to be.
        location: the gallery, for messages.
    """
    encoded: dict[int, EncodedReference] = {}
    for number, reference in references.items():
        what = f"{location}: what is to replace reference {number}"
        if reference.embedding.model_id != model_id:
            raise GalleryModelError(
                f"{what} was embedded by the model {reference.embedding.model_id!r}, but the "
                f"gallery is to go over to {model_id!r}; embed the image with {model_id!r}"
            )
        encoded[number] = _encode_reference(reference, what)
        first = next(iter(encoded.values()))
        check_dimension(encoded[number].dimension, first.dimension, what)
    return encoded


def check_dimension(dimension: int, expected: int, what: str) -> None:
    """Raise `GalleryError` when a vector is not as long as the others of its model."""
    if dimension != expected:
        raise GalleryError(
            f"{what} has {dimension} numbers where other references of the same model have "
            f"{expected}; the model's id must change when its output does"
        )


def decode_vectors(blobs: Sequence[bytes], dimension: int) -> FloatArray:
    """Return stored vectors as len(blobs) x dimension float32.

    Raises:
        ValueError: one of them has another length in bytes, holds a number that is not finite or
            is not of Euclidean length 1: the storage is damaged. Names its position.
    """
    size = dimension * VECTOR_DTYPE.itemsize
    for position, blob in enumerate(blobs):
        if not isinstance(blob, bytes) or len(blob) != size:
            raise ValueError(f"vector {position} does not have {size} bytes")
    flat = np.frombuffer(b"".join(blobs), dtype=VECTOR_DTYPE)
    vectors = flat.reshape(len(blobs), dimension).astype(np.float32, copy=False)
    check_unit_length(vectors)
    return vectors


def check_unit_length(vectors: FloatArray) -> None:
    """Raise `ValueError` where a row of R x D numbers is not of Euclidean length 1."""
    # Damaged bytes may be any number: overflow to infinity is an answer here, not a mishap.
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.einsum("ij,ij->i", vectors, vectors)
        bad = np.flatnonzero(~(np.abs(np.sqrt(squares) - 1.0) <= UNIT_TOLERANCE))
    if bad.size:
        raise ValueError(f"vector {bad[0]} is not of length 1")


def encode_metadata(metadata: Mapping[str, Any], what: str) -> str:
    """Return metadata as JSON text; raise `UsageError` naming `what` where JSON cannot hold it."""
    try:
        return _JSON.encode(dict(metadata))
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{what} has metadata that JSON cannot hold ({error}); use text, finite numbers, "
            "true, false, null, lists and objects"
        ) from error


def decode_metadata(text: str) -> dict[str, Any]:
    """Return stored metadata.

    Raises:
        ValueError: the text is not a JSON object: the storage is damaged.
    """
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("the metadata is not a JSON object")
    return value


def utc_now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def encode_time(moment: datetime) -> str:
    """Return a moment as ISO 8601 in UTC with microseconds, which sorts as text."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def decode_time(text: str) -> datetime:
    """Return a stored moment, in UTC.

    Raises:
        ValueError: the text is no moment with a zone: the storage is damaged.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("the time has no zone")
    return moment.astimezone(UTC)


def check_moment(moment: datetime, what: str) -> datetime:
    """Return a moment that a caller gave, in UTC.

    Raises:
        UsageError: it has no time zone, or is before or after all that UTC can write; names `what`.
    """
    if moment.utcoffset() is None:
        raise UsageError(f"{what} is {moment} without a time zone; give one, as tzinfo=UTC")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise UsageError(f"{what} is {moment}, which is no time in UTC; give another") from error


def _encode_reference(reference: Reference, what: str) -> EncodedReference:
    calibration = reference.calibration
    return EncodedReference(
        vector=encode_vector(reference.embedding.vector, what),
        source=_storable(reference.source),
        metadata=encode_metadata(reference.metadata, what),
        quality=_checked_quality(reference.quality, what),
        calibration=None if calibration is None else _storable(calibration),
    )


def _storable(text: str) -> str:
    # A path that is not UTF-8 is shown with escapes: the source is for people to read.
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def encode_vector(vector: FloatArray, what: str) -> bytes:
    """Return a vector of Euclidean length 1 as bytes.

    Raises:
        GalleryError: it is something else; names `what`.
    """
    array = np.asarray(vector)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind != "f":
        raise GalleryError(
            f"{what} is not a vector of floats but an array of shape {array.shape} and dtype "
            f"{array.dtype}; give the D float32 of one embedding"
        )
    wide = array.astype(np.float64)
    length = math.sqrt(np.dot(wide, wide))
    if not abs(length - 1.0) <= UNIT_TOLERANCE:  # NaN too
        if not np.isfinite(array).all():
            raise GalleryError(
                f"{what} holds numbers that are not finite (NaN or infinity); embed the image again"
            )
        raise GalleryError(
            f"{what} has the Euclidean length {length:.4g} instead of 1; divide the vector by it"
        )
    return array.astype(VECTOR_DTYPE, copy=False).tobytes()


def _checked_quality(quality: float | None, what: str) -> float | None:
    if quality is not None and not 0.0 <= quality <= 1.0:
        raise UsageError(f"{what} has the quality {quality}; give 0 to 1, or None")
    # A number of NumPy's would be stored as its bytes.
    return None if quality is None else float(quality)
