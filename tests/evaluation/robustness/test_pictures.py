"""Heat maps, looked at as pixels."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from steadyface.evaluation.robustness import pictures
from steadyface.evaluation.robustness.cells import Cell, Figure
from steadyface.evaluation.robustness.run import Robustness


def heat_map(measure: str, *values: float | None) -> NDArray[np.uint8]:
    """The map of one kind at severities 1, 2, ...; H x W grey."""
    names = [("clean", 0.0), *(("noisy", float(n + 1)) for n in range(len(values)))]
    cells = tuple(
        Cell(kind, severity, 10, {measure: Figure(value)}, {}, {})
        for (kind, severity), value in zip(names, (0.5, *values), strict=True)
    )
    result = Robustness("match", (measure,), ("a", "b"), "s", cells, {}, "data")
    grey = Image.open(io.BytesIO(pictures.heat_map(result, measure))).convert("L")
    return np.asarray(grey)


@pytest.mark.parametrize("measure", ["FNIR at FPIR 1e-2", "label and identity", "rank-1"])
def test_a_title_is_not_cut_over_one_severity(measure: str) -> None:
    grey = heat_map(measure, 0.5)
    edges = np.concatenate((grey[:, :3].ravel(), grey[:, -3:].ravel()))
    assert edges.min() > 250


@pytest.mark.parametrize("measure", ["FNIR at FPIR 1e-2", "rank-1"])
def test_what_is_not_measurable_is_a_dash_that_can_be_seen(measure: str) -> None:
    """The middle of a map of one cell holds nothing but what is written there."""
    grey = heat_map(measure, None)
    height, width = grey.shape
    middle = grey[int(height * 0.42) : int(height * 0.58), int(width * 0.4) : int(width * 0.75)]
    assert middle.max() > 250
    assert middle.min() < 160
