"""The one decoder: path, bytes, file, PIL image or array -> RGB uint8."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from steadyface.errors import (
    EmptyImageError,
    ImageNotFoundError,
    ImageTooLargeError,
    InvalidImageArrayError,
    NotAnImageError,
    TruncatedImageError,
    UnreadableImageError,
)
from steadyface.types import ImageInput, RGBImage

MAX_PIXELS = 64_000_000
WHITE = (255, 255, 255)
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "MPO")
_SUPPORTED = "JPEG, PNG, WebP, BMP, TIFF and GIF"
_SIXTEEN_BIT = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")
# What Pillow's format plugins let escape for damaged bytes.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    OverflowError,
    EOFError,
    IndexError,
    KeyError,
    AttributeError,
    NotImplementedError,
    struct.error,
    zlib.error,
    MemoryError,
)


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
        max_pixels: larger images are refused before their pixels are decoded.
        background: RGB, 0..255, behind transparent pixels.

    Returns:
        H x W x 3 uint8, C-contiguous. An array that already is this is returned as it is.

    Raises:
        ImageError: one of its kinds for a missing, unreadable, empty, foreign, truncated or
            oversized input; each names the source.
    """
    name = source_name(source)
    if isinstance(source, np.ndarray):
        return _checked_array(source, name, max_pixels)
    if isinstance(source, Image.Image):
        _check_size(source.size, name, max_pixels)
        return _pixels(source, name, background)
    data = _read(source, name)
    if not data:
        raise EmptyImageError(name, "the file is empty; give an image")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_size(image.size, name, max_pixels)
            return _pixels(image, name, background)
    except UnidentifiedImageError as error:
        raise NotAnImageError(name, f"not an image in a known format; use {_SUPPORTED}") from error
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError(name, f"too many pixels to be safe ({error})") from error
    except _DAMAGE as error:
        raise _damaged(name, error) from error


def source_name(source: ImageInput) -> str:
    """What to call an input in results and errors: its path, or what sort of thing it is."""
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return "<bytes>"
    if isinstance(source, np.ndarray):
        return "<array>"
    if isinstance(source, Image.Image):
        return str(getattr(source, "filename", "") or "<PIL image>")
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "<file>"


def _read(source: object, name: str) -> bytes:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    try:
        if isinstance(source, (str, os.PathLike)):
            return Path(source).read_bytes()
        data = cast("IO[bytes]", source).read()
    except FileNotFoundError as error:
        raise ImageNotFoundError(name, "no such file; check the path") from error
    except IsADirectoryError as error:
        raise ImageNotFoundError(name, "a directory, not a file; name an image in it") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableImageError(name, f"cannot be read ({reason})") from error
    except AttributeError as error:
        raise InvalidImageArrayError(
            name, "give a path, bytes, a binary file, a PIL image or an RGB uint8 array"
        ) from error
    if not isinstance(data, bytes):
        raise UnreadableImageError(name, "the file gives text; open it in binary mode")
    return data


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


def _pixels(image: Image.Image, name: str, background: tuple[int, int, int]) -> RGBImage:
    try:
        image.load()
        upright = ImageOps.exif_transpose(image)
        return np.ascontiguousarray(_to_rgb(upright, background))
    except _DAMAGE as error:
        raise _damaged(name, error) from error


def _to_rgb(image: Image.Image, background: tuple[int, int, int]) -> RGBImage:
    if image.mode in _SIXTEEN_BIT:
        values = np.clip(np.asarray(image, dtype=np.float64), 0, 65535)
        grey = np.rint(values / 257).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.has_transparency_data:
        layered = Image.new("RGBA", image.size, (*background, 255))
        layered.alpha_composite(image.convert("RGBA"))
        image = layered
    return np.asarray(image.convert("RGB"), dtype=np.uint8)


def _damaged(name: str, error: BaseException) -> TruncatedImageError:
    return TruncatedImageError(
        name, f"the image is truncated or corrupt ({error}); replace it by a whole copy"
    )
