"""Fixtures that several folders share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from math import cos, radians, sin
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser
from tests.browser import browser

from steadyface.gallery.keys import FILE_VARIABLE, KEY_VARIABLE
from steadyface.imaging.geometry import CROP_SIZE
from steadyface.models.defaults import load_finder, load_network
from steadyface.pipeline import Analyzer

DATA_VARIABLE = "STEADYFACE_DATA"


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Galleries are plain, whatever the environment of the tests has."""
    for variable in (KEY_VARIABLE, FILE_VARIABLE):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real images; tests that need it skip without it."""
    named = os.environ.get(DATA_VARIABLE)
    beside = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    folder = Path(named) if named else beside
    if not folder.is_dir():
        pytest.skip(f"no real images here; set {DATA_VARIABLE} to their folder")
    return folder


@pytest.fixture(scope="session")
def window() -> Iterator[Browser]:
    """A real browser; `make test` asks Debian's packages for one where it may."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("no chromium here; install Debian's package of that name")
    with browser(program) as started:
        yield started


@pytest.fixture(scope="session")
def identities() -> Path:
    """The bundled sample identities."""
    return Path(__file__).resolve().parents[1] / "examples" / "demo" / "identities"


@pytest.fixture(scope="session")
def analyzer() -> Analyzer:
    """The default pipeline on the real models, which are fetched from a package index once."""
    return Analyzer(load_finder(), load_network())


@pytest.fixture
def paint() -> Callable[..., Path]:
    """Write an image with a direction in degrees and a probability of a woman in steps of 1/255."""

    def write(file: Path, *, degrees: float = 0.0, blue: int = 0) -> Path:
        red, green = 128 + 100 * cos(radians(degrees)), 128 + 100 * sin(radians(degrees))
        return _flat(file, (round(red), round(green), blue))

    return write


@pytest.fixture
def paint_black() -> Callable[[Path], Path]:
    """Write an image in which the finder finds no face."""
    return lambda file: _flat(file, (0, 0, 0))


@pytest.fixture
def break_image() -> Callable[[Path], Path]:
    """Write a file that is no image."""

    def write(file: Path) -> Path:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"not an image")
        return file

    return write


def _flat(file: Path, colour: tuple[int, int, int]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (CROP_SIZE, CROP_SIZE), colour).save(file)
    return file
