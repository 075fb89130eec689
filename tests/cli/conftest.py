"""The command in this process, on a pipeline whose scores are the colours of images."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import cos, radians, sin
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from PIL import Image

from steadyface.cli.main import main
from steadyface.imaging.geometry import CROP_LANDMARKS, CROP_SIZE
from steadyface.models.catalog import load_catalog
from steadyface.models.face_network import NetworkOutput
from steadyface.types import Box, Detection, RGBImage


@dataclass(frozen=True)
class Run:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON without NaN or infinities."""

        def refuse(constant: str) -> NoReturn:
            raise ValueError(f"{constant} is no JSON")

        return json.loads(self.out, parse_constant=refuse)


@pytest.fixture
def steadyface(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Run]:
    """Run `steadyface ARGUMENTS...` as the installed script does."""

    def run(*arguments: object) -> Run:
        monkeypatch.setattr(sys, "argv", ["steadyface", *(str(a) for a in arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        assert isinstance(caught.value.code, int)
        return Run(caught.value.code, out, err)

    return run


class ColourFinder:
    """Finds one face that fills the image, except in a black one."""

    def find(self, image: RGBImage) -> list[Detection]:
        if not image.any():
            return []
        return [Detection(Box(0, 0, CROP_SIZE, CROP_SIZE), CROP_LANDMARKS, 0.9)]


class ColourNetwork:
    """Reads a direction in red and green, and the probability of a woman in blue."""

    def __init__(self) -> None:
        # Its name is that of the model in use, for which there is a calibration.
        self.model_id = load_catalog().default("face-network").id

    def run(self, crops: Sequence[RGBImage]) -> NetworkOutput:
        means = np.stack([crop.reshape(-1, 3).mean(axis=0) for crop in crops])
        directions = means[:, :2] - 128
        lengths = np.linalg.norm(directions, axis=1, keepdims=True)
        return NetworkOutput(
            (directions / np.maximum(lengths, 1e-6)).astype(np.float32),
            (means[:, 2] / 255).astype(np.float32),
        )


@pytest.fixture
def fake_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands see colours instead of faces, so that scores are known and nothing is loaded."""
    monkeypatch.setattr("steadyface.pipeline.default_detector", ColourFinder)
    monkeypatch.setattr("steadyface.pipeline.default_network", ColourNetwork)


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


@pytest.fixture
def people(tmp_path: Path, paint: Callable[..., Path]) -> Path:
    """A folder of Ann, at 0 and 10 degrees, and Ben, at 90."""
    paint(tmp_path / "people" / "Ann" / "1.png", degrees=0)
    paint(tmp_path / "people" / "Ann" / "2.png", degrees=10)
    paint(tmp_path / "people" / "Ben" / "1.png", degrees=90)
    return tmp_path / "people"


@pytest.fixture
def gallery(people: Path, steadyface: Callable[..., Run], fake_models: None) -> Path:
    """A gallery of these people."""
    file = people.parent / "people.db"
    assert steadyface("enroll", people, "--gallery", file).status == 0
    return file


def _flat(file: Path, colour: tuple[int, int, int]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (CROP_SIZE, CROP_SIZE), colour).save(file)
    return file
