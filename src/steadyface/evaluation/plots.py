"""Confusion matrix, ROC and score histograms as PNG files; needs the extra `report`."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import MissingExtraError
from steadyface.evaluation.output import cannot_write
from steadyface.metrics import roc
from steadyface.types import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Two hues that stay apart for colour-blind readers (Okabe and Ito 2008).
BLUE, ORANGE = "#0072B2", "#D55E00"
#: Least width of a histogram, in scores.
_NARROWEST = 1e-3


def png_of(figure: Figure, dots: int = 110) -> bytes:
    """A figure as PNG, at so many dots an inch."""
    stream = io.BytesIO()
    figure.savefig(stream, dpi=dots, format="png")
    return stream.getvalue()


def plot_confusion(
    counts: NDArray[np.int64], rows: Sequence[str], columns: Sequence[str], file: Path
) -> None:
    """Draw a confusion matrix, rows the truth, with counts and row shares written in."""
    figure, axes = _figure()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (i, j), share in np.ndenumerate(shares):
        colour = "white" if share > 0.5 else "black"
        text = f"{counts[i, j]}\n{share:.1%}"
        axes.text(j, i, text, ha="center", va="center", color=colour)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    _save(figure, file)


def plot_roc(
    positive: FloatArray, negative: FloatArray, file: Path, *, names: tuple[str, str]
) -> None:
    """Draw a ROC curve over a logarithmic false positive rate."""
    figure, axes = _figure()
    curve = roc(positive, negative)
    axes.plot(np.maximum(curve.fmr, 0.5 / len(negative)), curve.tar, color=BLUE)
    axes.set_xscale("log")
    axes.set_ylim(0, 1.01)
    axes.grid(visible=True, alpha=0.3)
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    _save(figure, file)


def plot_histogram(
    positive: FloatArray,
    negative: FloatArray,
    file: Path,
    *,
    names: tuple[str, str],
    threshold: float,
    axis: str,
) -> None:
    """Draw the two score densities and the threshold between them."""
    figure, axes = _figure()
    low = float(min(positive.min(), negative.min()))
    high = float(max(positive.max(), negative.max()))
    # Scores that are all alike still need a bin with a width.
    bins = np.linspace(low, max(high, low + _NARROWEST), 61).tolist()
    axes.hist(negative, bins=bins, density=True, color=ORANGE, alpha=0.55, label=names[1])
    axes.hist(positive, bins=bins, density=True, color=BLUE, alpha=0.55, label=names[0])
    axes.axvline(threshold, color="black", linestyle="--", label=f"threshold {threshold:.3f}")
    axes.set_xlabel(axis)
    axes.set_ylabel("density")
    axes.legend()
    _save(figure, file)


def require_plotting() -> None:
    """Fail before the long work when matplotlib is missing.

    Raises:
        MissingExtraError: it is.
    """
    try:
        import matplotlib  # noqa: F401, PLC0415
    except ImportError as error:
        raise MissingExtraError(
            "plots need matplotlib; install it with: pip install 'steadyface[report]'"
        ) from error


def _figure() -> tuple[Figure, Axes]:
    # The object interface draws without pyplot's global state and without a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(5.5, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes: Any = figure.subplots()
    return figure, axes


def _save(figure: Figure, file: Path) -> None:
    try:
        figure.savefig(file, dpi=130)
    except OSError as error:
        raise cannot_write(file, error) from error
