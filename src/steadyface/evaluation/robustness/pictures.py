"""The pictures of a robustness report, as PNG bytes; needs the extra `report`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

from steadyface.evaluation.plots import BLUE, ORANGE, png_of
from steadyface.evaluation.robustness.cells import Cell
from steadyface.evaluation.robustness.run import Robustness
from steadyface.types import RGBImage

#: Hues that stay apart for colour-blind readers (Okabe and Ito 2008), one a kind, with markers.
_HUES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = "osD^vPX"
#: Measures of errors: less is better, and more is darker, so that dark is bad in every map.
_ERRORS = ("FMR", "FNMR", "FPIR", "FNIR")
#: Width of a letter of a title, and a little to spare.
_TITLE_INCHES = 0.1


def heat_map(result: Robustness, measure: str) -> bytes:
    """A measure by kind and severity, numbers written in."""
    kinds, severities = result.kinds, result.severities
    values = np.full((len(kinds), len(severities)), np.nan)
    for cell in result.cells[1:]:
        value = cell.figures[measure].value
        if value is not None:
            values[kinds.index(cell.kind), severities.index(cell.severity)] = 100 * value
    errors = measure.startswith(_ERRORS)
    title = f"{measure}, %{' (less is better)' if errors else ''}"
    width = max(1.6 + 0.9 * len(severities), _TITLE_INCHES * len(title))
    figure, axes = _canvas((width, 0.9 + 0.42 * len(kinds)))
    shown = values[~np.isnan(values)]
    low = float(shown.min()) if len(shown) else 0.0
    # A map of hardly different values is hardly coloured.
    high = max(float(shown.max()) if len(shown) else 0.0, low + 1)
    colours = "cividis_r" if errors else "cividis"
    axes.imshow(np.ma.masked_invalid(values), cmap=colours, aspect="auto", vmin=low, vmax=high)
    for (row, column), value in np.ndenumerate(values):
        text = "-" if np.isnan(value) else f"{value:.1f}"
        dark = not np.isnan(value) and (value < (low + high) / 2) != errors
        colour = "white" if dark else "black"  # what is not measurable has no colour behind it
        axes.text(column, row, text, ha="center", va="center", color=colour)
    axes.set_xticks(range(len(severities)), [f"{s:g}" for s in severities])
    axes.set_yticks(range(len(kinds)), kinds)
    axes.set_xlabel("severity")
    figure.suptitle(title)  # over the whole picture: one column of cells is narrower than its title
    return png_of(figure)


def curves(result: Robustness, measure: str) -> bytes:
    """A measure by severity, a line a kind, with intervals; severity 0 is clean."""
    figure, axes = _canvas((7.5, 4.2))
    for kind, hue, marker in zip(result.kinds, _HUES, _MARKERS, strict=False):
        cells = [result.clean, *(result.cell(kind, s) for s in result.severities)]
        points = [(c.severity, c.figures[measure]) for c in cells]
        known = [(x, f) for x, f in points if f.value is not None]
        x, y = [p[0] for p in known], [100 * (p[1].value or 0.0) for p in known]
        axes.plot(x, y, color=hue, marker=marker, label=kind)
        spans = [(at, f.interval) for at, f in known if f.interval is not None]
        low, high = ([100 * span[end] for _, span in spans] for end in (0, 1))
        axes.fill_between([at for at, _ in spans], low, high, color=hue, alpha=0.12, linewidth=0)
    axes.set(xlabel="severity (0: clean)", ylabel=f"{measure}, %")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return png_of(figure)


def histograms(result: Robustness, cells: Sequence[Cell]) -> bytes:
    """Score histograms of some conditions, each sort of decision as its share."""
    columns = 4
    rows = -(-len(cells) // columns)
    figure = Canvas(figsize=(2.6 * columns, 2.0 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    panels: Any = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes in panels.flat[len(cells) :]:
        axes.axis("off")
    for axes, cell in zip(panels.flat, cells, strict=False):
        for sort, hue, style in zip(result.sorts, (BLUE, ORANGE), ("-", "--"), strict=True):
            counts = np.asarray(cell.histograms[sort], dtype=np.float64)
            axes.stairs(
                counts / max(counts.sum(), 1), cell.edges, color=hue, linestyle=style, label=sort
            )
        axes.set_title(cell.name, fontsize=9)
    panels[0, 0].legend(fontsize=8)
    figure.supxlabel(result.axis)
    return png_of(figure)


def side_by_side(images: Sequence[RGBImage | None]) -> bytes:
    """One or two images at the same height; words in the place of one that is None."""
    figure = Canvas(figsize=(1.5 * len(images), 1.5), layout="constrained")
    FigureCanvasAgg(figure)
    panels: Any = figure.subplots(1, len(images), squeeze=False)
    for axes, image in zip(panels.flat, images, strict=True):
        axes.axis("off")
        if image is None:
            axes.text(0.5, 0.5, "not readable\nany more", ha="center", va="center", fontsize=9)
        else:
            axes.imshow(image)
    return png_of(figure, dots=100)


def _canvas(size: tuple[float, float]) -> tuple[Canvas, Any]:
    figure = Canvas(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots()
