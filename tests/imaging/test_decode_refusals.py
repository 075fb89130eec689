"""Which inputs the decoder refuses, and how it says so."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.pictures import encoded, png_header, textured

from steadyface.errors import (
    EmptyImageError,
    ImageError,
    ImageNotFoundError,
    ImageTooLargeError,
    InvalidImageArrayError,
    NotAnImageError,
    TruncatedImageError,
    UnreadableImageError,
)
from steadyface.imaging.decode import MAX_PIXELS, decode
from steadyface.imaging.formats import FORMATS

NOT_AN_IMAGE = "not an image in a known format; use JPEG, PNG, WebP, BMP, TIFF or GIF"


def refusal(source: Any, **options: Any) -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode(source, **options)
    assert str(caught.value).startswith(f"{caught.value.source}: ")
    return caught.value


# --- files that cannot be read ------------------------------------------------------------------


def test_a_path_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("x")
    for path in (tmp_path / "missing.jpg", tmp_path / "file.txt" / "photo.jpg"):
        for source in (path, str(path)):
            error = refusal(source)
            assert type(error) is ImageNotFoundError
            assert error.source == str(path)
            assert str(error) == f"{path}: no such file; check the path"


def test_a_folder(tmp_path: Path) -> None:
    error = refusal(tmp_path)
    assert type(error) is ImageNotFoundError
    assert str(error) == f"{tmp_path}: a directory, not a file; name an image in it"


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "photo.png"
    file.write_bytes(encoded("PNG"))

    # Not by the file's mode: who runs the tests may be allowed to read everything.
    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    error = refusal(file)
    assert type(error) is UnreadableImageError
    assert str(error) == (
        f"{file}: cannot be read (Permission denied); check the path and its permissions"
    )


@pytest.mark.parametrize(
    ("path", "reason"), [("a\0b.jpg", "embedded null byte"), ("x" * 300, "File name too long")]
)
def test_a_path_that_no_file_can_have(path: str, reason: str) -> None:
    error = refusal(path)
    assert type(error) is UnreadableImageError
    assert str(error) == f"{path}: cannot be read ({reason}); check the path and its permissions"


def test_files_that_do_not_give_bytes(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(encoded("PNG"))
    with path.open("rb") as closed:
        pass
    cannot = f"{path}: cannot be read ({{}}); give a file that is open for reading"
    as_text = f"{path}: the file gives text; open it in binary mode"
    with path.open("ab") as written, path.open(encoding="latin-1") as text:
        for file, message in (
            (closed, cannot.format("read of closed file")),
            (written, cannot.format("read")),
            (text, as_text),
        ):
            error = refusal(file)
            assert type(error) is UnreadableImageError
            assert str(error) == message
    assert str(refusal(io.StringIO("x"))) == "<file>: the file gives text; open it in binary mode"


def test_a_device_that_fails() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    assert str(refusal(Failing())) == (
        "<file>: cannot be read (Input/output error); give a file that is open for reading"
    )


def test_nothing_in_it(tmp_path: Path) -> None:
    path = tmp_path / "empty.jpg"
    path.touch()
    with path.open("rb") as file:
        for source, name in (
            (path, str(path)),
            (b"", "<bytes>"),
            (io.BytesIO(), "<file>"),
            (file, str(path)),
        ):
            error = refusal(source)
            assert type(error) is EmptyImageError
            assert str(error) == f"{name}: the file is empty; give an image"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"hello, this is a text file\n", id="text"),
        pytest.param(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", id="PDF"),
        pytest.param(b"\0" * 1000, id="zeros"),
        pytest.param(b"RIFF\x24\0\0\0WAVEfmt ", id="a sound"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", id="SVG"),
        pytest.param(encoded("PPM"), id="an image in a format that is not read"),
        pytest.param(b"\xff", id="one byte"),
    ],
)
def test_what_is_no_image(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    for source, name in ((path, str(path)), (data, "<bytes>")):
        error = refusal(source)
        assert type(error) is NotAnImageError
        assert str(error) == f"{name}: {NOT_AN_IMAGE}"


@pytest.mark.parametrize(("source", "name"), [(None, "NoneType"), (3, "int"), ([[1]], "list")])
def test_what_is_no_source(source: Any, name: str) -> None:
    error = refusal(source)
    assert type(error) is InvalidImageArrayError
    assert str(error) == (
        f"<{name}>: give a path, bytes, a binary file, a PIL image or an RGB uint8 array"
    )


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 1), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 3), np.int8),
        np.array(7, np.uint8),
    ],
)
def test_arrays_of_another_shape_or_type(array: Any) -> None:
    error = refusal(array)
    assert type(error) is InvalidImageArrayError
    assert str(error) == (
        f"<array>: shape {array.shape} and dtype {array.dtype} are not H x W x 3 uint8; convert it "
        "to RGB with values 0 to 255"
    )


def test_images_without_pixels() -> None:
    for shape in ((0, 4, 3), (4, 0, 3)):
        error = refusal(np.zeros(shape, np.uint8))
        assert type(error) is EmptyImageError
        assert str(error) == f"<array>: shape {shape} holds no pixel; give an image"
    error = refusal(Image.new("RGB", (0, 4)))
    assert type(error) is EmptyImageError
    assert str(error) == "<PIL image>: the image holds no pixel; give an image"


def test_floats_have_no_known_range() -> None:
    floats = Image.fromarray(np.array([[0.5, np.nan]], dtype=np.float32))
    for source, name in ((floats, "<PIL image>"), (encoded("TIFF", floats), "<bytes>")):
        error = refusal(source)
        assert type(error) is NotAnImageError
        assert str(error) == (
            f"{name}: its pixels are floats, whose range is unknown; save it with 8 or 16 bits"
        )


# --- the limit on pixels ------------------------------------------------------------------------


def test_the_limit_is_64_megapixels() -> None:
    assert MAX_PIXELS == 64_000_000
    error = refusal(png_header(8001, 8000))
    assert type(error) is ImageTooLargeError
    assert str(error) == (
        "<bytes>: 8001 x 8000 is 64008000 pixels, over the limit of 64000000; shrink it or raise "
        "max_pixels"
    )
    # Within the limit the pixels are looked for, and there are none.
    assert type(refusal(png_header(8000, 8000))) is TruncatedImageError


@pytest.mark.parametrize("format_", FORMATS)
def test_the_limit_can_be_set_and_holds_before_pixels_are_decoded(
    format_: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(format_)
    assert decode(data, max_pixels=1200).shape == (30, 40, 3)
    with Image.open(io.BytesIO(data)) as image:
        reader = type(image)

    def load(self: Image.Image) -> None:
        raise AssertionError("the pixels were decoded")

    monkeypatch.setattr(reader, "load", load)
    for limit in (1199, 1, 0):
        error = refusal(data, max_pixels=limit)
        assert type(error) is ImageTooLargeError
        assert str(error) == (
            f"<bytes>: 40 x 30 is 1200 pixels, over the limit of {limit}; shrink it or raise "
            "max_pixels"
        )


def test_the_limit_holds_for_pil_images_and_arrays() -> None:
    sources: list[Any] = [textured(), np.asarray(textured())]
    for source, name in zip(sources, ("<PIL image>", "<array>"), strict=True):
        assert decode(source, max_pixels=1200).shape == (30, 40, 3)
        error = refusal(source, max_pixels=1199)
        assert type(error) is ImageTooLargeError
        assert str(error).startswith(f"{name}: 40 x 30 is 1200 pixels, over the limit of 1199; ")


@pytest.mark.parametrize("side", [9_500, 13_000, 60_000, 2**31 - 1])
def test_a_bomb_of_any_size_is_refused(side: int) -> None:
    error = refusal(png_header(side, side))
    assert type(error) is ImageTooLargeError
    assert "over the limit of 64000000" in str(error)
    assert str(side * side) in str(error)
    assert "; shrink it" in str(error)


def test_pillow_s_own_limit_is_named_where_it_is_the_lower_one() -> None:
    # A warning of Pillow's, from 89 million pixels on, is no refusal.
    assert type(refusal(png_header(10_000, 10_000), max_pixels=10**9)) is TruncatedImageError
    assert str(refusal(png_header(20_000, 20_000), max_pixels=10**9)) == (
        "<bytes>: over the limit of 1000000000 pixels, or over Pillow's (Image size (400000000 "
        "pixels) exceeds limit of 178956970 pixels, could be decompression bomb DOS attack.); "
        "shrink it, or raise max_pixels and PIL.Image.MAX_IMAGE_PIXELS"
    )


def test_the_limit_holds_where_the_caller_switched_pillow_s_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert type(refusal(png_header(60_000, 60_000))) is ImageTooLargeError
