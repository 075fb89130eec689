from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from steadyface.gallery import codec
from steadyface.types import Embedding, Reference


def encode(vector: object) -> bytes:
    reference = Reference(Embedding(vector, "m"))  # type: ignore[arg-type]
    (encoded,) = codec.encode_references([reference], model_id="m", location="g", identity="Ann")
    return encoded.vector


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<f2"])
def test_vector_is_stored_as_float32_little_endian(dtype: str) -> None:
    assert encode(np.array([0.0, -1.0], dtype=dtype)) == struct.pack("<2f", 0.0, -1.0)


def test_vector_that_is_not_contiguous() -> None:
    assert encode(np.array([0, 5, -1, 5], dtype=np.float32)[::2]) == struct.pack("<2f", 0, -1)


def test_vectors_come_back() -> None:
    blobs = [struct.pack("<2f", 0, 1), struct.pack("<2f", -1, 0)]
    vectors = codec.decode_vectors(blobs, 2)
    assert vectors.tolist() == [[0, 1], [-1, 0]]
    assert vectors.dtype == np.dtype(np.float32)
    assert codec.decode_vectors([], 7).shape == (0, 7)


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (struct.pack("<f", 1), "vector 1 does not have 8 bytes"),
        (struct.pack("<3f", 1, 0, 0), "vector 1 does not have 8 bytes"),
        ("12345678", "vector 1 does not have 8 bytes"),
        (None, "vector 1 does not have 8 bytes"),
        (struct.pack("<2f", 1, 1), "vector 1 is not of length 1"),
        (struct.pack("<2f", 0, 0), "vector 1 is not of length 1"),
        (struct.pack("<2f", float("nan"), 0), "vector 1 is not of length 1"),
        (struct.pack("<2f", float("inf"), 0), "vector 1 is not of length 1"),
        (struct.pack("<2f", 3e38, 3e38), "vector 1 is not of length 1"),
    ],
)
def test_damaged_vector_is_noticed(blob: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        codec.decode_vectors([struct.pack("<2f", 1, 0), blob], 2)


@pytest.mark.parametrize("text", ["", "[1]", "null", "{"])
def test_damaged_metadata_is_noticed(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        codec.decode_metadata(text)


def test_time_is_stored_in_utc_and_sorts_as_text() -> None:
    moment = datetime(2024, 2, 29, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert codec.encode_time(moment) == "2024-02-28T20:00:00.000000+00:00"
    assert codec.decode_time(codec.encode_time(moment)) == moment
    assert codec.decode_time("2024-02-29T01:30:00+05:30").tzinfo is UTC
    assert codec.encode_time(moment) < codec.encode_time(moment + timedelta(microseconds=1))


@pytest.mark.parametrize("text", ["", "yesterday", "2024-02-29T01:30:00"])
def test_damaged_time_is_noticed(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        codec.decode_time(text)
