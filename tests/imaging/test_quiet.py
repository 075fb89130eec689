"""Decoding warns of nothing, and leaves the caller's own warnings alone."""

from __future__ import annotations

import io
import struct
import threading
import warnings

import pytest
from PIL import Image
from tests.pictures import encoded, png_header

from steadyface.errors import ImageError, TruncatedImageError
from steadyface.imaging.decode import decode
from steadyface.imaging.quiet import QuietPillow


def _bad_exif() -> bytes:
    # One tag, whose value would lie far outside the data.
    tag = struct.pack("<HHII", 0x010E, 2, 500, 0xFFFF)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + tag + b"\0\0\0\0"


def _read_by_pillow(data: bytes) -> None:
    with Image.open(io.BytesIO(data)) as image:
        image.getexif()


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        pytest.param(encoded("JPEG", exif=_bad_exif()), (30, 40, 3), id="bad EXIF"),
        pytest.param(encoded("TIFF")[:16], None, id="truncated TIFF"),
        pytest.param(png_header(9_500, 9_500), None, id="many pixels"),
    ],
)
def test_nothing_that_pillow_warns_of_reaches_the_caller(
    data: bytes, shape: tuple[int, ...] | None
) -> None:
    # The tests turn warnings into errors, so Pillow by itself fails here.
    with pytest.raises((UserWarning, RuntimeWarning)):
        _read_by_pillow(data)
    if shape is None:
        with pytest.raises(ImageError):
            decode(data)
    else:
        assert decode(data).shape == shape


def test_exif_that_is_no_exif_leaves_the_pixels() -> None:
    for format_ in ("JPEG", "PNG", "WEBP"):
        data = encoded(format_, exif=b"Exif\0\0this is not a TIFF header")
        assert decode(data).shape == (30, 40, 3)


def _warn(module: str) -> None:
    warnings.warn_explicit("careful", UserWarning, "file.py", 1, module=module)


def test_only_pillow_is_kept_quiet_and_only_inside() -> None:
    with QuietPillow():
        _warn("PIL.TiffImagePlugin")
        with pytest.warns(UserWarning, match="careful"):
            _warn("PILLOW.other")
    with pytest.warns(UserWarning, match="careful"):
        _warn("PIL.TiffImagePlugin")


def test_threads_that_overlap_leave_the_caller_s_filters_alone() -> None:
    before = list(warnings.filters)
    quiet = QuietPillow()
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with quiet:
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with quiet:
        thread.start()
        assert entered.wait(10)
    _warn("PIL.Image")  # The other thread is still inside.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        leave.set()
        thread.join()
        _warn("module")  # Leaving took nothing of the caller's away.
    with quiet:
        pass
    assert list(warnings.filters) == before


def test_decoding_in_many_threads_never_warns() -> None:
    data = [encoded("TIFF")[:16], encoded("JPEG", exif=_bad_exif())] * 50
    before = list(warnings.filters)
    problems: list[BaseException] = []

    def work() -> None:
        for item in data:
            try:
                decode(item)
            except TruncatedImageError:
                continue
            except BaseException as error:  # noqa: BLE001 (reported below)
                problems.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert list(warnings.filters) == before
