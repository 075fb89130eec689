"""Fixtures that several folders share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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
