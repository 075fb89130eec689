"""Pixels of an opened PIL image, in whatever mode, as upright RGB."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from PIL import ExifTags, Image

from steadyface.types import RGBImage

#: What Pillow's format plugins let escape for damaged bytes.
DAMAGE = (
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


def upright_rgb(image: Image.Image, background: tuple[int, int, int]) -> RGBImage:
    """Decode the pixels and bring them to RGB, turned as EXIF says.

    Args:
        image: opened, in any mode but F, whose floats have no known range.
        background: RGB, 0..255, behind transparent pixels.

    Returns:
        H x W x 3 uint8, C-contiguous; it may be read-only.

    Raises:
        One of `DAMAGE`: the pixels are truncated or corrupt.
    """
    image.load()
    return np.ascontiguousarray(_to_rgb(_upright(image), background))


def _upright(image: Image.Image) -> Image.Image:
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except DAMAGE:
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
