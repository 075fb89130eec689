"""Which image formats are read, and which are known but are not; by name and by first bytes."""

from __future__ import annotations

import re
from pathlib import PurePath

# Pillow opens MPO, a JPEG with more pictures after the first, by its JPEG reader.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
FORMATS_TEXT = "JPEG, PNG, WebP, BMP, TIFF or GIF"

#: How the names of files end that are read and written.
IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
)
# What cameras write before they make a picture of it.
_RAW = (
    ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .iiq .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf "
    ".raw .rw2 .rwl .sr2 .srf .srw .x3f"
)
_OTHER = ".avif .heic .heif .hif .j2k .jp2 .jxl .pbm .pgm .pnm .ppm .tga"
_RAW_SUFFIXES = frozenset(_RAW.split())
#: How the names of files end that hold photos in formats that are not read.
UNSUPPORTED_SUFFIXES = _RAW_SUFFIXES.union(_OTHER.split())

_SIGNATURE = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF.{4}WEBP|BM|II[*+]\0|MM\0[*+]|GIF8[79]a", re.DOTALL
)
_TIFF = (b"II*\0", b"II+\0", b"MM\0*", b"MM\0+")
# ISO/IEC 23008-12 (HEIF, with the brands of HEVC), AV1 Image File Format, ISO/IEC 18181-2 (JXL).
_UNSUPPORTED_SIGNATURES = {
    "HEIC": re.compile(rb".{4}ftyp(hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL),
    "AVIF": re.compile(rb".{4}ftypavi[fs]", re.DOTALL),
    "CR3": re.compile(rb".{4}ftypcrx ", re.DOTALL),
    "JXL": re.compile(rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"),
}


def begins_as_image(data: bytes) -> bool:
    """Whether these are the first bytes of a format that is read."""
    return _SIGNATURE.match(data) is not None


def unsupported_format(name: str, data: bytes) -> str | None:
    """What a photo's format is called where it is known and not read; None for all other data.

    The content counts; the name does only where the content says nothing. But most raw formats are
    TIFF files whose first image is a thumbnail, so TIFF with the name of a raw format is raw.

    Args:
        name: the file's, or what the input is called.
        data: the file's bytes, at least the first 16.
    """
    for format_, signature in _UNSUPPORTED_SIGNATURES.items():
        if signature.match(data):
            return format_
    suffix = PurePath(name).suffix.lower()
    raw = suffix in _RAW_SUFFIXES and data.startswith(_TIFF)
    if raw or (suffix in UNSUPPORTED_SUFFIXES and not begins_as_image(data)):
        return suffix.removeprefix(".").upper()
    return None
