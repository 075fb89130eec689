"""The command in this process, on a pipeline whose scores are the colours of images."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest
from tests.colours import ColourFinder, ColourNetwork

from steadyface.cli.main import main
from steadyface.models.catalog import load_catalog


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


@pytest.fixture
def fake_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands see colours instead of faces, so that scores are known and nothing is loaded."""
    monkeypatch.setattr("steadyface.pipeline.load_finder", lambda model_id, **_: ColourFinder())
    # Its name is that of the model asked for, for which there is a calibration.
    known = load_catalog()
    networks = {m.id: ColourNetwork(m.id) for m in known.models if m.role == "face-network"}
    default = known.default("face-network").id
    monkeypatch.setattr(
        "steadyface.pipeline.load_network", lambda model_id: networks[model_id or default]
    )


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
