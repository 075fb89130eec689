"""Evaluation summaries as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steadyface.cli.render import rate_words


def gender_text(summary: Mapping[str, Any]) -> str:
    """Task A: one line a kind."""
    header = ("kind", "images", "accuracy", "recall female", "recall male", "F1 macro", "ROC AUC")
    rows = [
        (
            kind,
            str(figures["images"]),
            _percent(figures["accuracy"]),
            _percent(figures["classes"]["female"]["recall"]),
            _percent(figures["classes"]["male"]["recall"]),
            _percent(figures["macro"]["f1"]),
            _percent(figures["roc_auc"]),
        )
        for kind, figures in _lines(summary)
    ]
    return f"{_table(header, rows)}\n{_detection(summary['overall']['detection'])}"


def match_text(summary: Mapping[str, Any]) -> str:
    """Task B: one line a kind."""
    header = (
        "kind",
        "probes",
        "label acc.",
        "label+id acc.",
        "rank 1",
        "rank 5",
        "TAR@1e-3",
        "EER",
        "FNIR@1e-2",
    )
    rows = [
        (
            kind,
            str(figures["probes"]),
            _percent(figures["label"]["accuracy"]),
            _percent(figures["label_and_identity_accuracy"]),
            _percent(figures["rank_1"]),
            _percent(figures["rank_5"]),
            _percent(figures["comparisons"]["tar_at_fmr_1e-03"]),
            _percent(figures["comparisons"]["eer"]),
            _percent(figures["fnir_at_fpir_1e-02"]),
        )
        for kind, figures in _lines(summary)
    ]
    rule = summary["rule"]
    return "\n".join(
        [
            f"{summary['identities']} identities, {summary['references']} references, "
            f"threshold {rule['threshold']:.3f} ({rate_words(rule['fmr'])})",
            _table(header, rows),
            *_decided(summary),
            _detection(summary["overall"]["detection"]),
        ]
    )


def _decided(summary: Mapping[str, Any]) -> list[str]:
    """What decisions come to, beside what they are made at."""
    told = summary["overall"]["decisions"]
    expected = summary["rule"]["expected_fpir"]
    stated = "" if expected is None else f" (expected of the stated FMR: {_percent(expected)} %)"
    return [
        f"strangers matched (FPIR) {_measured(told['fpir'])}{stated}, "
        f"known people missed (FNIR) {_measured(told['fnir'])}"
    ]


def _measured(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return "not measurable"
    text = f"{_percent(figure['value'])} %"
    if figure["interval"] is None:
        return text
    low, high = figure["interval"]
    return f"{text} [{_percent(low)} to {_percent(high)}]"


def pairs_text(summary: Mapping[str, Any]) -> str:
    """The LFW protocol's figures of one condition."""
    error = summary["accuracy_standard_error"]
    return "\n".join(
        [
            f"{summary['pairs']} pairs ({summary['without_answer']} without an answer), "
            f"second image: {summary['condition']}",
            f"accuracy          {_percent(summary['accuracy'])} % +- {_percent(error)}",
            f"TAR at FMR 1e-3   {_percent(summary['tar_at_fmr_1e-03'])} %",
            f"EER               {_percent(summary['eer'])} %",
            f"ROC AUC           {_percent(summary['roc_auc'])} %",
            "second images: " + _detection(summary["second_image_detection"]),
        ]
    )


def _lines(summary: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [*summary["by_kind"].items(), ("all", summary["overall"])]


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"


def _detection(counts: Mapping[str, int]) -> str:
    shown = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return f"faces: {shown or 'none'}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in [header, *rows]
    ]
    return "\n".join(line.rstrip() for line in lines)
