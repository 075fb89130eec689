"""The one decoder: path, bytes, file, PIL image or array -> RGB uint8."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, UnidentifiedImageError

from steadyface.errors import (
    EmptyImageError,
    ImageTooLargeError,
    InvalidImageArrayError,
    NotAnImageError,
    TruncatedImageError,
    UsageError,
)
from steadyface.imaging.formats import (
    FORMATS,
    FORMATS_TEXT,
    begins_as_image,
    unsupported_format,
)
from steadyface.imaging.pixels import DAMAGE, upright_rgb
from steadyface.imaging.quiet import quiet_pillow
from steadyface.imaging.reading import read_bytes
from steadyface.types import ImageInput, RGBImage

MAX_PIXELS = 64_000_000
WHITE = (255, 255, 255)


def decode(
    source: ImageInput,
    *,
    max_pixels: int = MAX_PIXELS,
    background: tuple[int, int, int] = WHITE,
) -> RGBImage:
    """Decode anything that holds an image to RGB.

    JPEG, PNG, WebP, BMP, TIFF and the first frame of GIF are read; EXIF orientation is applied;
    transparency is laid over `background`; 16-bit values are divided by 257, whatever the image's
    own maximum.

    Args:
        source: path, bytes, binary file (read from where it stands, left open), PIL image, or an
            H x W x 3 uint8 RGB array.
        max_pixels: larger images are refused before their pixels are decoded. Pillow's own limit,
            twice `PIL.Image.MAX_IMAGE_PIXELS` (179 million by default), holds as well.
        background: RGB, 0..255, behind transparent pixels.

    Returns:
        H x W x 3 uint8, C-contiguous; it may be read-only. An array that already is this is
        returned as it is.

    Raises:
        ImageError: one of its kinds for a missing, unreadable, empty, foreign, truncated or
            oversized input; each names the source.
        UsageError: the background is no colour.
    """
    _check_background(background)
    name = source_name(source)
    if isinstance(source, np.ndarray):
        return _checked_array(source, name, max_pixels)
    if isinstance(source, Image.Image):
        with _image_errors(name, max_pixels):
            return _pixels(source, name, max_pixels, background)
    return _decoded(read_bytes(source, name), name, max_pixels, background)


def source_name(source: ImageInput) -> str:
    """What to call an input in results and errors: its path, or what sort of thing it is."""
    if isinstance(source, (str, os.PathLike)):
        return os.fsdecode(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return "<bytes>"
    if isinstance(source, np.ndarray):
        return "<array>"
    if isinstance(source, Image.Image):
        return str(getattr(source, "filename", "") or "<PIL image>")
    if not hasattr(source, "read"):
        return f"<{type(source).__name__}>"
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "<file>"


def _decoded(data: bytes, name: str, max_pixels: int, background: tuple[int, int, int]) -> RGBImage:
    unsupported = unsupported_format(name, data)
    if unsupported is not None:
        raise NotAnImageError(
            name, f"the format {unsupported} is not supported; convert it to JPEG or PNG"
        )
    with (
        _image_errors(name, max_pixels, data),
        Image.open(io.BytesIO(data), formats=FORMATS) as image,
    ):
        return _pixels(image, name, max_pixels, background)


@contextmanager
def _image_errors(name: str, max_pixels: int, data: bytes = b"") -> Iterator[None]:
    """A block in which Pillow does not warn and what it raises is told as an `ImageError`."""
    try:
        with quiet_pillow:
            yield
    except UnidentifiedImageError as error:
        if begins_as_image(data):
            raise _damaged(name, "its header cannot be read") from error
        raise NotAnImageError(
            name, f"not an image in a known format; use {FORMATS_TEXT}"
        ) from error
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError(
            name,
            f"over the limit of {max_pixels} pixels, or over Pillow's ({error}); shrink it, or "
            "raise max_pixels and PIL.Image.MAX_IMAGE_PIXELS",
        ) from error
    except DAMAGE as error:
        raise _damaged(name, str(error)) from error


def _check_background(background: tuple[int, int, int]) -> None:
    if len(background) != 3 or not all(0 <= value <= 255 for value in background):
        raise UsageError(f"background is {background}: give three numbers 0 to 255")


def _checked_array(array: RGBImage, name: str, max_pixels: int) -> RGBImage:
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8:
        raise InvalidImageArrayError(
            name,
            f"shape {array.shape} and dtype {array.dtype} are not H x W x 3 uint8; convert it to "
            "RGB with values 0 to 255",
        )
    if array.size == 0:
        raise EmptyImageError(name, f"shape {array.shape} holds no pixel; give an image")
    _check_size((array.shape[1], array.shape[0]), name, max_pixels)
    return np.ascontiguousarray(array)


def _check_size(size: tuple[int, int], name: str, max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise ImageTooLargeError(
            name,
            f"{width} x {height} is {width * height} pixels, over the limit of {max_pixels}; "
            "shrink it or raise max_pixels",
        )
    if width * height == 0:
        raise EmptyImageError(name, "the image holds no pixel; give an image")


def _pixels(
    image: Image.Image, name: str, max_pixels: int, background: tuple[int, int, int]
) -> RGBImage:
    _check_size(image.size, name, max_pixels)
    if image.mode == "F":
        raise NotAnImageError(
            name, "its pixels are floats, whose range is unknown; save it with 8 or 16 bits"
        )
    return upright_rgb(image, background)


def _damaged(name: str, reason: str) -> TruncatedImageError:
    return TruncatedImageError(
        name, f"the image is truncated or corrupt ({reason}); replace it by a whole copy"
    )
