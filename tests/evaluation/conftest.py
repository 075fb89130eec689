"""A pipeline whose every score is written in the colour of an image, and images to go with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import cos, radians, sin
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from steadyface.imaging.geometry import CROP_LANDMARKS, CROP_SIZE
from steadyface.models.face_network import NetworkOutput
from steadyface.pipeline import Analyzer
from steadyface.types import Box, Detection, RGBImage


class ColourFinder:
    """Finds one face that fills the image, except in a black one."""

    def find(self, image: RGBImage) -> list[Detection]:
        if not image.any():
            return []
        return [Detection(Box(0, 0, CROP_SIZE, CROP_SIZE), CROP_LANDMARKS, 0.9)]


class ColourNetwork:
    """Reads a direction in red and green, and the probability of a woman in blue."""

    model_id = "colours"

    def run(self, crops: Sequence[RGBImage]) -> NetworkOutput:
        means = np.stack([crop.reshape(-1, 3).mean(axis=0) for crop in crops])
        directions = means[:, :2] - 128
        lengths = np.linalg.norm(directions, axis=1, keepdims=True)
        vectors = np.where(lengths > 0, directions / np.maximum(lengths, 1), (1, 0))
        return NetworkOutput(vectors.astype(np.float32), (means[:, 2] / 255).astype(np.float32))


@pytest.fixture
def colours() -> Callable[..., Analyzer]:
    """An analyzer of coloured images; takes the options of `Analyzer`."""

    def make(**options: object) -> Analyzer:
        return Analyzer(ColourFinder(), ColourNetwork(), **options)  # type: ignore[arg-type]

    return make


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
