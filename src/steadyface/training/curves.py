"""The log of a run as a picture: every term of the loss over the steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from steadyface.evaluation.output import cannot_write

#: What stands in a line of the log beside the terms of the loss.
_NO_TERMS = ("step", "rate", "time")
#: Lines of the log that one point of the smooth curve stands for.
_SMOOTHED = 15


def draw_curves(log: Path, picture: Path) -> None:
    """Draw a panel a term, as logged and smoothed, and the learning rate; nothing without a log.

    Args:
        log: `log.jsonl` of a run.
        picture: the PNG to write.

    Raises:
        OutputError: the picture cannot be written.
    """
    if not log.is_file():  # a run shorter than the distance of two lines
        return
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    steps = [row["step"] for row in rows]
    names = [name for name in rows[0] if name not in _NO_TERMS]
    figure = Figure(figsize=(4 * (len(names) + 1), 3), layout="constrained")
    FigureCanvasAgg(figure)
    panels: Any = figure.subplots(1, len(names) + 1, squeeze=False)[0]
    for axes, name in zip(panels, [*names, "rate"], strict=True):
        values = [row[name] for row in rows]
        axes.plot(steps, values, alpha=0.3 if name != "rate" else 1.0)
        if name != "rate":
            axes.plot(steps, smoothed(values))
        axes.set(title=name, xlabel="step")
        axes.grid(visible=True, alpha=0.3)
    try:
        figure.savefig(picture, dpi=110)
    except OSError as error:
        raise cannot_write(picture, error) from error


def smoothed(values: list[float]) -> list[float]:
    """The mean of each value and its neighbours; at the ends of fewer."""
    half = _SMOOTHED // 2
    return [float(np.mean(values[max(0, i - half) : i + half + 1])) for i in range(len(values))]
