"""The one decoder: path, bytes, file, PIL image or array -> RGB uint8."""

from __future__ import annotations

import io
import os
import re
import struct
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from steadyface.errors import (
    EmptyImageError,
    ImageNotFoundError,
    ImageTooLargeError,
    InvalidImageArrayError,
    NotAnImageError,
    TruncatedImageError,
    UnreadableImageError,
    UsageError,
)
from steadyface.imaging.quiet import quiet_pillow
from steadyface.types import ImageInput, RGBImage

MAX_PIXELS = 64_000_000
WHITE = (255, 255, 255)
# Pillow opens MPO, a JPEG with more pictures after the first, by its JPEG reader.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
_SUPPORTED = "JPEG, PNG, WebP, BMP, TIFF or GIF"
_SIGNATURE = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF.{4}WEBP|BM|II[*+]\0|MM\0[*+]|GIF8[79]a", re.DOTALL
)
_SIXTEEN_BIT = ("I", "I;16", "I;16B", "I;16L", "I;16N")
# By EXIF orientation: what brings the picture upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow's format plugins let escape for damaged bytes.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    OverflowError,
    ZeroDivisionError,
    AssertionError,
    RecursionError,
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
    data = b"" if isinstance(source, Image.Image) else _read(source, name)
    try:
        with quiet_pillow:
            if isinstance(source, Image.Image):
                return _pixels(source, name, max_pixels, background)
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                return _pixels(image, name, max_pixels, background)
    except UnidentifiedImageError as error:
        if _SIGNATURE.match(data):
            raise _damaged(name, "its header cannot be read") from error
        raise NotAnImageError(name, f"not an image in a known format; use {_SUPPORTED}") from error
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError(
            name,
            f"over the limit of {max_pixels} pixels, or over Pillow's ({error}); shrink it, or "
            "raise max_pixels and PIL.Image.MAX_IMAGE_PIXELS",
        ) from error
    except _DAMAGE as error:
        raise _damaged(name, str(error)) from error


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


def _check_background(background: tuple[int, int, int]) -> None:
    if len(background) != 3 or not all(0 <= value <= 255 for value in background):
        raise UsageError(f"background is {background}: give three numbers 0 to 255")


def _read(source: object, name: str) -> bytes:
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
    elif isinstance(source, (str, os.PathLike)):
        data = _read_path(Path(os.fsdecode(source)), name)
    elif hasattr(source, "read"):
        data = _read_file(cast("IO[bytes]", source), name)
    else:
        raise InvalidImageArrayError(
            name, "give a path, bytes, a binary file, a PIL image or an RGB uint8 array"
        )
    if not data:
        raise EmptyImageError(name, "the file is empty; give an image")
    return data


def _read_path(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ImageNotFoundError(name, "no such file; check the path") from error
    except IsADirectoryError as error:
        raise ImageNotFoundError(name, "a directory, not a file; name an image in it") from error
    except (OSError, ValueError) as error:
        raise UnreadableImageError(
            name, f"cannot be read ({_reason(error)}); check the path and its permissions"
        ) from error


def _read_file(file: IO[bytes], name: str) -> bytes:
    try:
        data = file.read()
    except (OSError, ValueError) as error:
        raise UnreadableImageError(
            name, f"cannot be read ({_reason(error)}); give a file that is open for reading"
        ) from error
    if not isinstance(data, bytes):
        raise UnreadableImageError(name, "the file gives text; open it in binary mode")
    return data


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)


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
    image.load()
    return np.ascontiguousarray(_to_rgb(_upright(image), background))


def _upright(image: Image.Image) -> Image.Image:
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except _DAMAGE:
        # The pixels are whole; EXIF data that cannot be read states no orientation.
        return image
    turn = _TURNS.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image, background: tuple[int, int, int]) -> RGBImage:
    if image.mode in _SIXTEEN_BIT:
        return _from_sixteen_bit(image, background)
    if image.has_transparency_data:
        # Pillow has no direct way from premultiplied grey.
        whole = image.convert("LA") if image.mode == "La" else image
        layered = Image.new("RGBA", image.size, (*background, 255))
        layered.alpha_composite(whole.convert("RGBA"))
        image = layered
    return np.asarray(image.convert("RGB"), dtype=np.uint8)


def _from_sixteen_bit(image: Image.Image, background: tuple[int, int, int]) -> RGBImage:
    values = np.clip(np.asarray(image, dtype=np.float64), 0, 65535)
    grey = np.rint(values / 257).astype(np.uint8)
    rgb = np.repeat(grey[..., None], 3, axis=2)
    clear = image.info.get("transparency")
    if clear is not None:
        rgb[values == clear] = background
    return rgb


def _damaged(name: str, reason: str) -> TruncatedImageError:
    return TruncatedImageError(
        name, f"the image is truncated or corrupt ({reason}); replace it by a whole copy"
    )
