"""Small pictures and files of them, for the tests of the decoder."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image


def textured(height: int = 30, width: int = 40) -> Image.Image:
    """Smooth coloured noise."""
    noise = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((width, height))


def encoded(format_: str, image: Image.Image | None = None, **options: Any) -> bytes:
    """The bytes of a file with this picture, the textured one where none is given."""
    buffer = io.BytesIO()
    (textured() if image is None else image).save(buffer, format_, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that states its size and has no pixels at all."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    pixels = b"IDAT" + zlib.compress(b"")
    chunks = (
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in (header, pixels, b"IEND")
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
