"""Truncated and corrupted images: whole pixels or an `ImageError`, nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.pictures import encoded, textured

from steadyface.errors import ImageError, TruncatedImageError
from steadyface.imaging.decode import decode
from steadyface.imaging.formats import FORMATS


def refusal(source: Any, **options: Any) -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode(source, **options)
    assert str(caught.value).startswith(f"{caught.value.source}: ")
    return caught.value


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("format_", FORMATS)
def test_truncated_files(tmp_path: Path, format_: str, share: float) -> None:
    whole = encoded(format_)
    path = tmp_path / "photo"
    path.write_bytes(whole[: max(16, int(len(whole) * share))])
    error = refusal(path)
    assert type(error) is TruncatedImageError
    assert str(error).startswith(f"{path}: the image is truncated or corrupt (")
    assert str(error).endswith("); replace it by a whole copy")
    with path.open("rb") as file:
        assert type(refusal(file)) is TruncatedImageError


def test_a_truncated_pil_image_is_named_by_its_file(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(encoded("PNG")[:600])
    with Image.open(path) as image:
        error = refusal(image)
    assert type(error) is TruncatedImageError
    assert error.source == str(path)


@pytest.mark.parametrize("format_", FORMATS)
def test_every_beginning_of_a_file_is_whole_or_refused(format_: str) -> None:
    image = textured(12, 16)
    whole = encoded(format_, image)
    expected = decode(whole)
    for length in range(len(whole)):
        try:
            decoded = decode(whole[:length])
        except ImageError:
            continue
        # Only what follows the last pixel may be missing.
        assert length > len(whole) * 0.9
        np.testing.assert_array_equal(decoded, expected)


def _fuzzed_files() -> list[bytes]:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description"
    small = textured(18, 24)
    deep = Image.fromarray(np.arange(24, dtype=np.uint16).reshape(4, 6))
    tagged = [encoded(f, small, exif=exif) for f in ("JPEG", "PNG", "WEBP", "TIFF")]
    several = [
        encoded(f, small, save_all=True, append_images=[small.rotate(90)])
        for f in ("GIF", "PNG", "WEBP", "MPO", "TIFF")
    ]
    tiffs = [encoded("TIFF", small, compression=c) for c in ("tiff_lzw", "jpeg", "packbits")]
    return [
        *tagged,
        *several,
        *tiffs,
        encoded("BMP", small),
        encoded("BMP", small.quantize(16)),
        encoded("PNG", small.quantize(16), transparency=3),
        encoded("WEBP", small.convert("RGBA")),
        encoded("JPEG", small.convert("CMYK"), progressive=True),
        encoded("TIFF", small.convert("1"), compression="group4"),
        encoded("PNG", deep),
        encoded("TIFF", deep),
    ]


FILES = _fuzzed_files()
#: Where (also beyond the end, taken round), and the byte that is put there.
SPOILT = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=8)


@given(st.sampled_from(FILES), SPOILT, st.none() | st.integers(1, 4000), st.booleans())
@settings(deadline=None, max_examples=600)
def test_corrupted_bytes_decode_or_are_refused(
    file: bytes, spoilt: list[tuple[int, int]], end: int | None, near_start: bool
) -> None:
    data = bytearray(file)
    for place, value in spoilt:
        data[place % min(len(data), 120 if near_start else len(data))] = value
    try:
        decoded = decode(bytes(data[:end]), max_pixels=1_000_000)
    except ImageError as error:
        assert error.source == "<bytes>"
    else:
        assert decoded.dtype == np.uint8
        assert decoded.ndim == 3
        assert decoded.shape[2] == 3
        assert 0 < decoded.size <= 3_000_000


@given(st.sampled_from([file[:16] for file in FILES] + [b""]), st.binary(max_size=200))
@settings(deadline=None, max_examples=200)
def test_any_bytes_after_a_signature_decode_or_are_refused(start: bytes, rest: bytes) -> None:
    try:
        assert decode(start + rest, max_pixels=1_000_000).dtype == np.uint8
    except ImageError as error:
        assert error.source == "<bytes>"
