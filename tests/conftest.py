"""Fixtures that several folders share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from steadyface.models.defaults import default_detector, default_network
from steadyface.pipeline import Analyzer

DATA_VARIABLE = "STEADYFACE_DATA"


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
def identities() -> Path:
    """The bundled sample identities."""
    return Path(__file__).resolve().parents[1] / "examples" / "demo" / "identities"


@pytest.fixture(scope="session")
def analyzer() -> Analyzer:
    """The default pipeline on the real models, which are fetched from a package index once."""
    return Analyzer(default_detector(), default_network())
