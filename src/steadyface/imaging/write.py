"""Writes RGB images to files."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from steadyface.errors import OutputError
from steadyface.imaging.formats import IMAGE_SUFFIXES
from steadyface.types import RGBImage

_JPEG_QUALITY = 95


def write_image(file: Path, image: RGBImage) -> None:
    """Write an image (H x W x 3 uint8 RGB) in the format of the file's suffix.

    Raises:
        OutputError: the place cannot be written or the suffix names no image format.
    """
    if file.suffix.lower() not in IMAGE_SUFFIXES:
        raise OutputError(f"{file}: not an image format; end the name in .jpg or .png")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(file, quality=_JPEG_QUALITY)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(f"{file}: cannot be written ({reason}); choose another place") from error
