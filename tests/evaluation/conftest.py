"""A pipeline whose every score is written in the colour of an image, and images to go with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.colours import ColourFinder, ColourNetwork

from steadyface.pipeline import Analyzer


@pytest.fixture
def colours() -> Callable[..., Analyzer]:
    """An analyzer of coloured images; takes the options of `Analyzer`."""

    def make(**options: object) -> Analyzer:
        return Analyzer(ColourFinder(), ColourNetwork(), **options)  # type: ignore[arg-type]

    return make
