"""The pictures of a training report, as PNG bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import seaborn
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import RocCurveDisplay

from steadyface.errors import ImageError
from steadyface.evaluation.plots import BLUE, ORANGE, png_of
from steadyface.imaging.decode import decode
from steadyface.imaging.geometry import centre_square, crop_square
from steadyface.training.gender.fit import Epoch

_TILE = 112
_COLUMNS = 6


def curves(history: Sequence[Epoch], best: int) -> bytes:
    """Loss and accuracy by epoch, the best epoch marked."""
    figure, panels = _figure(2, (9, 3.2))
    epochs = [epoch.number for epoch in history]
    for axes, name in zip(panels, ("loss", "accuracy"), strict=True):
        for part, colour in (("train", BLUE), ("val", ORANGE)):
            values = [getattr(epoch, f"{part}_{name}") for epoch in history]
            axes.plot(epochs, values, color=colour, marker=".", label=part)
        axes.axvline(best, color="black", linestyle="--", label=f"best epoch, {best}")
        axes.set(xlabel="epoch", title=name)
        axes.grid(visible=True, alpha=0.3)
        axes.legend()
    return png_of(figure)


def confusion(counts: NDArray[np.int64], rows: Sequence[str], columns: Sequence[str]) -> bytes:
    """A confusion matrix with counts written in."""
    figure, (axes,) = _figure(1, (4.5, 3.2))
    seaborn.heatmap(
        counts,
        annot=True,
        fmt="d",
        cmap="Blues",
        cbar=False,
        xticklabels=list(columns),
        yticklabels=list(rows),
        ax=axes,
    )
    axes.set(xlabel="predicted", ylabel="true")
    return png_of(figure)


def roc(female: NDArray[np.bool_], scores: NDArray[np.float64]) -> bytes:
    """The ROC curve of P(female)."""
    figure, (axes,) = _figure(1, (4.5, 3.2))
    RocCurveDisplay.from_predictions(female, scores, ax=axes, name="women", plot_chance_level=True)
    axes.grid(visible=True, alpha=0.3)
    return png_of(figure)


def mistakes(wrong: Sequence[tuple[Path, str, float]]) -> bytes | None:
    """A grid of images with their label and what was said; None where nothing is wrong."""
    if not wrong:
        return None
    rows = -(-len(wrong) // _COLUMNS)
    figure = Figure(figsize=(1.6 * _COLUMNS, 1.9 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    panels: Any = figure.subplots(rows, _COLUMNS, squeeze=False)
    for axes in panels.flat:
        axes.axis("off")
    for axes, (path, label, p_female) in zip(panels.flat, wrong, strict=False):
        axes.imshow(_tile(path))
        axes.set_title(f"{label}, P(f) {p_female:.2f}", fontsize=8)
    return png_of(figure)


def _tile(path: Path) -> NDArray[np.uint8]:
    try:
        image = decode(path)
    except ImageError:  # it was read a moment ago; a grey tile says that it is gone
        return np.full((_TILE, _TILE, 3), 128, dtype=np.uint8)
    return crop_square(image, centre_square(*image.shape[:2]), _TILE)


def _figure(panels: int, size: tuple[float, float]) -> tuple[Figure, Any]:
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(1, panels, squeeze=False)[0]
