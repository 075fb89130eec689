from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from steadyface.errors import OutputError
from steadyface.training.curves import draw_curves, smoothed


def log_of(folder: Path, lines: int) -> Path:
    rows = [
        {"step": 20 * n, "rate": 1e-3, "time": 0.0, "cosine": 1 / n, "gender": 0.5}
        for n in range(1, lines + 1)
    ]
    file = folder / "log.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


@pytest.mark.parametrize("lines", [1, 50])
def test_every_term_and_the_rate_have_a_panel(tmp_path: Path, lines: int) -> None:
    draw_curves(log_of(tmp_path, lines), tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.format == "PNG"
        grey = np.asarray(picture.convert("L"))
    for panel in np.array_split(grey, 3, axis=1):
        assert panel.std() > 5


def test_a_run_too_short_for_a_log_has_no_picture(tmp_path: Path) -> None:
    draw_curves(tmp_path / "log.jsonl", tmp_path / "curves.png")
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"curves\.png: cannot be written"):
        draw_curves(log_of(tmp_path, 2), tmp_path / "none" / "curves.png")


def test_smoothing_keeps_what_is_level_and_evens_what_is_not() -> None:
    assert smoothed([2.0] * 40) == [2.0] * 40
    assert smoothed([]) == []
    wild = [float(n % 2) for n in range(40)]
    assert max(abs(value - 0.5) for value in smoothed(wild)[7:-7]) < 0.04
