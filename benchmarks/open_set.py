"""Whether open-set decisions hold the share of strangers they are asked for, by gallery size.

    python -m benchmarks.open_set --data DATA

facecom_lfw's Task B: 120 people enrolled, their probes and 200 strangers, distortions by other
code. Every target FPIR with galleries of the first 30, 60 and all 120 people, decided as
`evaluate match --fpir` does. OpenCV's FaceRecognizerSF on the same frames in the same run, at the
threshold of its documentation. Writes `results/open_set.json`.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.decisions import OPENCV_COSINE
from benchmarks.peers import OPENCV, opencv_analyzer
from benchmarks.results_file import ResultFile
from steadyface.evaluation.layouts import read_match_folder
from steadyface.evaluation.match import evaluate_match
from steadyface.evaluation.match_figures import MatchEvaluation
from steadyface.matching.calibration import DecisionRule, fmr_for_fpir, rule_for
from steadyface.pipeline import Analyzer

SIZES = (30, 60, 120)
TARGETS = (0.3, 0.1, 0.03, 0.01)


def main() -> None:
    """Measure every size at every target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    root = parser.parse_args().data / "facecom_lfw" / "Task_B"
    dataset = read_match_folder(root / "val", root / "unknown")
    ours = Analyzer(faces="central")
    result = ResultFile(
        "open_set",
        "python -m benchmarks.open_set --data DATA",
        ours.model_id,
        {"detection": "auto", "face": "central", "targets": list(TARGETS)}
        | {"peer": OPENCV, "opencv_threshold": OPENCV_COSINE},
    )
    mine = evaluate_match(ours, dataset, rule_for(ours.model_id))
    theirs = evaluate_match(opencv_analyzer(), dataset, DecisionRule(OPENCV_COSINE))
    sizes = result.section("sizes")
    for size in SIZES:
        row = sizes.setdefault(str(size), {})
        row["opencv"] = figures(of_first(theirs, size))
        for target in TARGETS:
            rule = rule_for(ours.model_id, fmr=fmr_for_fpir(target, size))
            decided = replace(of_first(mine, size), rule=rule)
            row[f"{target:g}"] = {"fmr": rule.fmr, **figures(decided)}
            print(line(size, target, row), flush=True)
    result.save()


def of_first(evaluation: MatchEvaluation, size: int) -> MatchEvaluation:
    """The same with the first people alone enrolled; probes of the others are left out."""
    names = evaluation.names[:size]
    use = [n for n, p in enumerate(evaluation.probes) if p.identity is None or p.identity in names]
    return replace(
        evaluation,
        names=names,
        probes=tuple(evaluation.probes[n] for n in use),
        outcomes=tuple(evaluation.outcomes[n] for n in use),
        scores=evaluation.scores[np.array(use), :size],
        references=evaluation.references[:size],
        unreliable=evaluation.unreliable[:size],
    )


def figures(evaluation: MatchEvaluation) -> dict[str, Any]:
    """FPIR and FNIR of decisions, with intervals, and how many they are of."""
    told = evaluation.summary()["overall"]
    return {"strangers": told["unknown"], "known": told["known"], **told["decisions"]}


def line(size: int, target: float, row: dict[str, Any]) -> str:
    """One size at one target in words."""
    mine, theirs = row[f"{target:g}"], row["opencv"]
    low, high = mine["fpir"]["interval"]
    return (
        f"{size:>4} people, FPIR {100 * target:g} % asked: {100 * mine['fpir']['value']:.1f} % "
        f"[{100 * low:.1f} to {100 * high:.1f}], FNIR {100 * mine['fnir']['value']:.1f} %; "
        f"{OPENCV}: FPIR {100 * theirs['fpir']['value']:.1f} %, FNIR "
        f"{100 * theirs['fnir']['value']:.1f} %, FNIR ratio "
        f"{mine['fnir']['value'] / theirs['fnir']['value']:.2f}"
    )


if __name__ == "__main__":
    main()
