"""The README's tables of real photographs, from `results/photos.json`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from steadyface.distortions import KINDS

COLUMNS = ("clean", *(f"{kind}:3" for kind in KINDS))
HEADER = ("clean", *KINDS, "mean of 7")
DEFAULTS, PEER = "defaults", "opencv"
Markdown = Callable[[Sequence[str], Sequence[Sequence[str]]], str]


def photo_tables(photos: dict[str, Any], ours: str, markdown: Markdown) -> list[str]:
    """Every table, in the README's order.

    Args:
        photos: the result.
        ours: what our rows are called.
        markdown: header and rows -> a table.

    Raises:
        KeyError: a part has not been measured.
    """
    return [
        _identification(photos["identification"], ours, markdown),
        _empty(photos["empty"], ours, markdown),
        _boxes(photos["boxes"], ours, markdown),
        _sizes(photos["sizes"], ours, markdown),
        _odd(photos["odd"], markdown),
    ]


def _row(name: str, values: Sequence[float], decimals: int = 1, scale: float = 100) -> list[str]:
    mean = sum(values[1:]) / len(values[1:])
    return [name, *(f"{scale * value:.{decimals}f}" for value in (*values, mean))]


def _identification(part: dict[str, Any], ours: str, markdown: Markdown) -> str:
    measures = {
        "rank_1": "rank-1 %",
        "tar_at_fmr_1e-3": "TAR at FMR 1e-3 %",
        "fnir_at_fpir_1e-2": "FNIR at FPIR 1e-2 %",
    }
    names = {
        DEFAULTS: ours,
        "opencv_detector_default_network": "OpenCV's detector, our network",
        PEER: "OpenCV",
    }
    rows = [
        _row(f"{name}, photographs, {what}", [part[c][system][key] for c in COLUMNS])
        for key, what in measures.items()
        for system, name in names.items()
    ]
    return markdown(("", *HEADER), rows)


def _empty(part: dict[str, Any], ours: str, markdown: Markdown) -> str:
    rows = []
    for where, figures in part.items():
        for system, name in ((DEFAULTS, ours), (PEER, "OpenCV")):
            values = [figures[c][system]["faces_a_frame"] for c in COLUMNS]
            label = f"{name}, {where} ({figures['frames']}), faces invented in 100 frames"
            rows.append(_row(label, values))
    scenes = part["scenes"]
    matched = [scenes[c][DEFAULTS]["matched"] for c in COLUMNS]
    rows.append(_row("scenes that match one of 100 people %", matched))
    return markdown(("", *HEADER), rows)


def _boxes(part: dict[str, Any], ours: str, markdown: Markdown) -> str:
    rows = []
    for where, figures in part.items():
        for key, what in (("recall", "recall %"), ("average_precision", "AP %")):
            for system, name in ((DEFAULTS, ours), (PEER, "OpenCV")):
                values = [figures[c][system][key] for c in COLUMNS]
                rows.append(_row(f"{name}, {where} ({figures['photos']}), {what}", values))
        values = [figures[c][DEFAULTS]["recall_at_opencv_precision"] or 0.0 for c in COLUMNS]
        rows.append(_row(f"{ours}, {where}, recall at OpenCV's precision %", values))
    return markdown(("", *HEADER), rows)


def _sizes(part: dict[str, Any], ours: str, markdown: Markdown) -> str:
    rows = [
        [
            f"{name} pixels",
            f"{figures[DEFAULTS]} of {figures['people']}",
            f"{figures[PEER]} of {figures['people']}",
            f"{figures['time_over_opencv']:.2f}",
        ]
        for name, figures in part.items()
    ]
    return markdown(("frame", f"{ours} finds", "OpenCV finds", "time over OpenCV's"), rows)


def _odd(part: dict[str, Any], markdown: Markdown) -> str:
    upright = part["clean"]["matches_clean"]
    rows = [
        [
            name,
            f"{100 * figures['found']:.1f}",
            f"{100 * figures['matches_clean'] / upright:.1f}",
            f"{1000 * figures['false_matches'] / max(1, figures['comparisons']):.1f}",
            f"{100 * figures['refused'] / (figures['comparisons'] + figures['refused']):.0f}",
        ]
        for name, figures in part.items()
    ]
    columns = ("", "found %", "matches %, of upright", "false matches in 1,000", "not compared %")
    return markdown(columns, rows)
