"""What the decoder makes of inputs that hold an image."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from steadyface.errors import ImageError, UsageError
from steadyface.imaging.decode import decode
from steadyface.imaging.formats import FORMATS
from steadyface.types import RGBImage

BACKGROUND = (10, 20, 30)


def scene() -> RGBImage:
    """Four quarters of different colours, so that every turn and mirroring shows."""
    image = np.zeros((32, 48, 3), dtype=np.uint8)
    image[:16, :24], image[:16, 24:] = (230, 30, 40), (40, 200, 60)
    image[16:, :24], image[16:, 24:] = (30, 60, 220), (240, 230, 50)
    return image


def encoded(image: Image.Image, format_: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def png(bits: int, colour: int, rows: list[bytes], width: int, **chunks: bytes) -> bytes:
    """A PNG written by hand, for kinds of pixels that Pillow does not write."""

    def chunk(name: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    header = struct.pack(">IIBBBBB", width, len(rows), bits, colour, 0, 0, 0)
    extra = b"".join(chunk(name.encode(), data) for name, data in chunks.items())
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", pixels)
        + chunk(b"IEND", b"")
    )


def colours(image: RGBImage) -> list[list[list[int]]]:
    found: list[list[list[int]]] = image.tolist()
    return found


# --- formats ------------------------------------------------------------------------------------

#: Format, how it is written, and how far a colour may be off.
ENCODINGS: list[tuple[str, dict[str, Any], int]] = [
    ("JPEG", {"quality": 95, "subsampling": 0}, 4),
    ("JPEG", {"quality": 95, "subsampling": 0, "progressive": True}, 4),
    ("PNG", {}, 0),
    ("WEBP", {"lossless": True}, 0),
    ("WEBP", {"quality": 95}, 12),
    ("BMP", {}, 0),
    ("TIFF", {}, 0),
    ("TIFF", {"compression": "tiff_lzw"}, 0),
    ("TIFF", {"compression": "tiff_deflate"}, 0),
    ("TIFF", {"compression": "packbits"}, 0),
    ("GIF", {}, 0),
]


@pytest.mark.parametrize(("format_", "options", "tolerance"), ENCODINGS)
def test_every_format_gives_its_pixels(
    format_: str, options: dict[str, Any], tolerance: int
) -> None:
    decoded = decode(encoded(Image.fromarray(scene()), format_, **options))
    assert decoded.dtype == np.uint8
    assert decoded.flags.c_contiguous
    inner = (slice(4, -4), slice(4, -4))
    difference = np.abs(decoded.astype(int) - scene().astype(int))
    far_from_edges = np.ones((32, 48), dtype=bool)
    far_from_edges[12:20], far_from_edges[:, 20:28] = False, False
    assert difference[inner][far_from_edges[inner]].max() <= tolerance
    if tolerance == 0:
        np.testing.assert_array_equal(decoded, scene())


def test_every_format_of_the_decoder_is_tested_above() -> None:
    assert {format_ for format_, _, _ in ENCODINGS} == set(FORMATS)


@pytest.mark.parametrize("format_", ["GIF", "PNG", "WEBP", "TIFF", "MPO"])
def test_the_first_of_several_frames_is_taken(format_: str) -> None:
    first, second = Image.new("RGB", (20, 10), (200, 10, 10)), Image.new("RGB", (20, 10), "blue")
    decoded = decode(encoded(first, format_, save_all=True, append_images=[second]))
    assert decoded.shape == (10, 20, 3)
    np.testing.assert_allclose(decoded, np.full((10, 20, 3), (200, 10, 10)), atol=3)


# --- sources ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(str, id="path as text"),
        pytest.param(Path, id="path"),
        pytest.param(lambda file: os.fsencode(file) and _Entry(file), id="path-like of bytes"),
        pytest.param(lambda file: Path(file).read_bytes(), id="bytes"),
        pytest.param(lambda file: bytearray(Path(file).read_bytes()), id="bytearray"),
        pytest.param(lambda file: memoryview(Path(file).read_bytes()), id="memoryview"),
        pytest.param(lambda file: io.BytesIO(Path(file).read_bytes()), id="file in memory"),
        pytest.param(lambda _: Image.fromarray(scene()), id="PIL image"),
        pytest.param(lambda _: scene(), id="array"),
    ],
)
def test_every_sort_of_source_gives_the_same(tmp_path: Path, wrap: Callable[[str], Any]) -> None:
    file = tmp_path / "naïve photo.png"
    Image.fromarray(scene()).save(file)
    np.testing.assert_array_equal(decode(wrap(str(file))), scene())


class _Entry(os.PathLike[bytes]):
    """What `os.scandir` gives for a folder that is named in bytes."""

    def __init__(self, file: str) -> None:
        self.file = file

    def __fspath__(self) -> bytes:
        return os.fsencode(self.file)


def test_the_content_counts_and_not_the_suffix(tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(encoded(Image.fromarray(scene()), "PNG"))
    np.testing.assert_array_equal(decode(file), scene())


def test_a_file_is_read_from_where_it_stands_and_left_open(tmp_path: Path) -> None:
    path = tmp_path / "two.bin"
    path.write_bytes(b"sixteen bytes ..." + encoded(Image.fromarray(scene()), "PNG"))
    with path.open("rb") as file:
        file.seek(17)
        np.testing.assert_array_equal(decode(file), scene())
        assert not file.closed
        assert file.read() == b""
        file.seek(0)
        with pytest.raises(ImageError):
            decode(file)
        assert not file.closed


def test_a_pil_image_is_left_as_it_was(tmp_path: Path) -> None:
    tagged = Image.Exif()
    tagged[0x0112] = 6
    file = tmp_path / "photo.png"
    Image.fromarray(scene()).convert("RGBA").save(file, exif=tagged)
    with Image.open(file) as image:
        assert decode(image).shape == (48, 32, 3)
        assert (image.mode, image.size, image.getexif()[0x0112]) == ("RGBA", (48, 32), 6)
        np.testing.assert_array_equal(decode(image), decode(file))


def test_an_array_is_returned_as_it_is() -> None:
    array = scene()
    array.setflags(write=False)
    assert decode(array) is array


def test_an_array_in_another_order_comes_back_contiguous() -> None:
    mirrored = scene()[:, ::-1]
    decoded = decode(mirrored)
    assert decoded.flags.c_contiguous
    np.testing.assert_array_equal(decoded, mirrored)


# --- orientation --------------------------------------------------------------------------------

#: EXIF orientation -> how an upright picture lies in the file: 6, for instance, has the picture's
#: right side as its first row and the picture's top as its first column.
STORED: dict[int, Callable[[RGBImage], RGBImage]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: upright.transpose(1, 0, 2)[::-1],
    7: lambda upright: upright[::-1, ::-1].transpose(1, 0, 2),
    8: lambda upright: upright[::-1].transpose(1, 0, 2),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied(format_: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](scene())))
    decoded = decode(encoded(stored, format_, exif=exif, quality=95))
    assert decoded.shape == scene().shape
    for place in [(8, 12), (8, 36), (24, 12), (24, 36)]:
        np.testing.assert_allclose(decoded[place], scene()[place], atol=12)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_taken_as_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(scene()), "PNG", exif=exif)
    np.testing.assert_array_equal(decode(data), scene())


# --- kinds of pixels ----------------------------------------------------------------------------


def test_grey_gives_three_equal_channels() -> None:
    grey = np.array([[0, 100, 255]], dtype=np.uint8)
    expected = [[[0] * 3, [100] * 3, [255] * 3]]
    for format_ in ("PNG", "BMP", "TIFF"):
        assert colours(decode(encoded(Image.fromarray(grey), format_))) == expected


@pytest.mark.parametrize("format_", ["PNG", "TIFF", "BMP"])
def test_one_bit_is_black_and_white(format_: str) -> None:
    bits = Image.fromarray(np.array([[True, False, True]])).convert("1")
    assert colours(decode(encoded(bits, format_))) == [[[255] * 3, [0] * 3, [255] * 3]]


def test_a_palette_without_transparency() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([9, 8, 7, 200, 150, 100])
    image.putpixel((1, 0), 1)
    for format_ in ("PNG", "GIF", "BMP", "TIFF"):
        assert colours(decode(encoded(image, format_))) == [[[9, 8, 7], [200, 150, 100]]]


@pytest.mark.parametrize(
    ("options", "first"),
    [
        ({"transparency": 0}, list(BACKGROUND)),
        ({"transparency": bytes([0, 255])}, list(BACKGROUND)),
        ({"transparency": bytes([51, 255])}, [50, 60, 70]),
    ],
)
def test_a_palette_with_transparency(options: dict[str, Any], first: list[int]) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([210, 220, 230, 5, 6, 7])
    image.putpixel((1, 0), 1)
    decoded = decode(encoded(image, "PNG", **options), background=BACKGROUND)
    assert colours(decoded) == [[first, [5, 6, 7]]]


@given(
    colour=st.tuples(*[st.integers(0, 255)] * 3),
    alpha=st.integers(0, 255),
    background=st.tuples(*[st.integers(0, 255)] * 3),
)
@settings(deadline=None, max_examples=60)
def test_alpha_is_laid_over_the_background(
    colour: tuple[int, int, int], alpha: int, background: tuple[int, int, int]
) -> None:
    data = encoded(Image.new("RGBA", (1, 1), (*colour, alpha)), "PNG")
    share = alpha / 255
    expected = np.array(colour) * share + np.array(background) * (1 - share)
    np.testing.assert_allclose(decode(data, background=background)[0, 0], expected, atol=1)


def test_what_is_transparent_is_white_by_default() -> None:
    clear = Image.new("RGBA", (2, 2), (1, 2, 3, 0))
    np.testing.assert_array_equal(decode(clear), 255)


@pytest.mark.parametrize(
    ("mode", "pixel", "expected"),
    [
        ("LA", (200, 51), [48, 56, 64]),
        ("La", (40, 51), [48, 56, 64]),
        ("RGBA", (210, 220, 230, 51), [50, 60, 70]),
        ("RGBa", (42, 44, 46, 51), [50, 60, 70]),
    ],
)
def test_alpha_of_every_sort(mode: str, pixel: tuple[int, ...], expected: list[int]) -> None:
    decoded = decode(Image.new(mode, (1, 1), pixel), background=BACKGROUND)
    np.testing.assert_allclose(decoded[0, 0], expected, atol=1)


def test_one_colour_of_a_grey_or_colour_png_can_be_transparent() -> None:
    grey = png(8, 0, [b"\x07\x09"], 2, tRNS=struct.pack(">H", 7))
    assert colours(decode(grey, background=BACKGROUND)) == [[[10, 20, 30], [9, 9, 9]]]
    colour = png(8, 2, [bytes([1, 2, 3, 4, 5, 6])], 2, tRNS=struct.pack(">HHH", 1, 2, 3))
    assert colours(decode(colour, background=BACKGROUND)) == [[[10, 20, 30], [4, 5, 6]]]
    deep = png(16, 0, [struct.pack(">HH", 300, 65535)], 2, tRNS=struct.pack(">H", 300))
    assert colours(decode(deep, background=BACKGROUND)) == [[[10, 20, 30], [255] * 3]]


@pytest.mark.parametrize("background", [(0, 0), (0, 0, 256), (-1, 0, 0)])
def test_a_background_that_is_no_colour(background: Any) -> None:
    with pytest.raises(UsageError) as caught:
        decode(scene(), background=background)
    assert str(caught.value) == f"background is {background}: give three numbers 0 to 255"


@pytest.mark.parametrize(("format_", "tolerance"), [("TIFF", 0), ("JPEG", 6)])
@pytest.mark.parametrize(
    ("ink", "expected"),
    [
        ((0, 0, 0, 0), (255, 255, 255)),
        ((255, 0, 0, 0), (0, 255, 255)),
        ((0, 255, 255, 0), (255, 0, 0)),
        ((0, 0, 0, 255), (0, 0, 0)),
        ((0, 0, 0, 155), (100, 100, 100)),
    ],
)
def test_cmyk(
    format_: str, tolerance: int, ink: tuple[int, ...], expected: tuple[int, int, int]
) -> None:
    decoded = decode(encoded(Image.new("CMYK", (16, 16), ink), format_))
    np.testing.assert_allclose(decoded, np.full((16, 16, 3), expected), atol=tolerance)


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=20))
@settings(deadline=None, max_examples=50)
def test_sixteen_bits_are_divided_by_257_whatever_the_maximum(values: list[int]) -> None:
    deep = Image.fromarray(np.array([values], dtype=np.uint16))
    expected = np.rint(np.array(values) / 257)
    for format_ in ("PNG", "TIFF"):
        decoded = decode(encoded(deep, format_))
        for channel in range(3):
            np.testing.assert_array_equal(decoded[0, :, channel], expected)


def test_sixteen_bits_a_channel_in_colour() -> None:
    values = [0, 257 * 40, 257 * 255, 257 * 3, 257 * 77, 65535]
    data = png(16, 2, [struct.pack(">6H", *values)], 2)
    assert colours(decode(data)) == [[[0, 40, 255], [3, 77, 255]]]
    clear = png(16, 6, [struct.pack(">8H", *values[:3], 65535, *values[3:], 0)], 2)
    assert colours(decode(clear, background=BACKGROUND)) == [[[0, 40, 255], [10, 20, 30]]]


def test_integers_beyond_sixteen_bits_are_black_and_white() -> None:
    wide = Image.fromarray(np.array([[-5, 257, 70000]], dtype=np.int32))
    assert decode(encoded(wide, "TIFF"))[0, :, 0].tolist() == [0, 1, 255]
