"""Photos in formats that are known and not read."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from tests.pictures import encoded, textured

from steadyface.errors import NotAnImageError
from steadyface.imaging.decode import decode
from steadyface.imaging.formats import FORMATS, FORMATS_TEXT, UNSUPPORTED_SUFFIXES

HEIC = b"\0\0\0\x24ftypheic\0\0\0\0mif1heic"
#: Files by their first bytes, and what their format is called.
BY_CONTENT = [
    pytest.param(HEIC, "HEIC", id="HEIC"),
    pytest.param(b"\0\0\0\x18ftypmif1\0\0\0\0", "HEIC", id="HEIF"),
    pytest.param(b"\0\0\0\x18ftyphevc\0\0\0\0", "HEIC", id="HEIF sequence"),
    pytest.param(b"\0\0\0\x1cftypavif\0\0\0\0", "AVIF", id="AVIF"),
    pytest.param(b"\0\0\0\x18ftypcrx \0\0\0\1", "CR3", id="CR3"),
    pytest.param(b"\xff\x0a\xfa\x7f", "JXL", id="bare JXL"),
    pytest.param(b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl ", "JXL", id="JXL"),
]
TIFF_HEADS = [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"]


def refusal(source: Path | bytes | io.BytesIO) -> str:
    with pytest.raises(NotAnImageError) as caught:
        decode(source)
    return str(caught.value)


def unsupported(name: object, format_: str) -> str:
    return f"{name}: the format {format_} is not supported; convert it to JPEG or PNG"


@pytest.mark.parametrize(("data", "format_"), BY_CONTENT)
@pytest.mark.parametrize("name", ["photo.jpg", "photo", "photo.heic"])
def test_the_content_tells_the_format_whatever_the_name(
    tmp_path: Path, data: bytes, format_: str, name: str
) -> None:
    file = tmp_path / name
    file.write_bytes(data)
    assert refusal(file) == unsupported(file, format_)
    assert refusal(data) == unsupported("<bytes>", format_)


@pytest.mark.parametrize("suffix", sorted(UNSUPPORTED_SUFFIXES))
def test_the_name_tells_it_where_the_content_says_nothing(tmp_path: Path, suffix: str) -> None:
    for name in (f"photo{suffix}", f"PHOTO{suffix.upper()}"):
        file = tmp_path / name
        file.write_bytes(b"FOVb, IIRO, P6 or another start")
        assert refusal(file) == unsupported(file, suffix[1:].upper())


@pytest.mark.parametrize("suffix", sorted(UNSUPPORTED_SUFFIXES))
@pytest.mark.parametrize("format_", sorted(set(FORMATS) - {"TIFF"}))
def test_an_image_under_a_wrong_name_is_read(tmp_path: Path, suffix: str, format_: str) -> None:
    file = tmp_path / f"photo{suffix}"
    file.write_bytes(encoded(format_))
    np.testing.assert_array_equal(decode(file), decode(encoded(format_)))


@pytest.mark.parametrize("suffix", [".cr2", ".nef", ".dng", ".ARW"])
def test_a_raw_photo_is_not_read_as_the_thumbnail_at_its_start(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"photo{suffix}"
    file.write_bytes(encoded("TIFF", textured(6, 8)))
    assert refusal(file) == unsupported(file, suffix[1:].upper())
    with file.open("rb") as opened, pytest.raises(NotAnImageError) as caught:
        decode(opened)
    assert str(caught.value) == unsupported(file, suffix[1:].upper())


@pytest.mark.parametrize("head", TIFF_HEADS)
def test_a_raw_photo_may_be_tiff_of_any_sort(tmp_path: Path, head: bytes) -> None:
    file = tmp_path / "photo.nef"
    file.write_bytes(head + struct.pack("<I", 8) + bytes(100))
    assert refusal(file) == unsupported(file, "NEF")


def test_the_text_for_users_names_every_format_that_is_read() -> None:
    for format_ in FORMATS:
        assert format_ in FORMATS_TEXT.upper()
