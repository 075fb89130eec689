"""LFW's pairs beside face_recognition (dlib's ResNet), every fifth pair, second image distorted.

    python -m benchmarks.lfw_dlib --data DATA --severity 3 --dlib-python PYTHON

PYTHON is an environment made as `peer_face_recognition.py` says. Its own detector (HOG) and
alignment, the most central face, the middle of the frame where it finds none: as for all. It is
slow, so every fifth pair of each fold and sort is taken, by ours in the same run too. Prints our
errors as a share of its. Writes `results/lfw_dlib_severity3.json` after every condition.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.results_file import ResultFile
from steadyface.distortions.suites import Condition, suite_at
from steadyface.evaluation.layouts import CLEAN, Pair, read_pairs
from steadyface.evaluation.pairs import PairsEvaluator
from steadyface.imaging.geometry import ASSUMED_SHARE
from steadyface.imaging.write import write_image
from steadyface.metrics import fold_accuracy, tar_at_fmr
from steadyface.pipeline import Analyzer
from steadyface.types import RGBImage

ONE_IN = 5
OURS, PEER = "steadyface", "face_recognition"
_SCRIPT = Path(__file__).parent / "peer_face_recognition.py"
#: 600 non-mated pairs support no lower rate well.
FMR = 1e-2


def main() -> None:
    """Run every condition that is not in the result file yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--severity", type=float, default=3.0)
    parser.add_argument("--dlib-python", type=Path, required=True)
    arguments = parser.parse_args()
    lfw = arguments.data / "lfw"
    pairs = read_pairs(lfw / "pairs.txt")[::ONE_IN]
    ours = Analyzer(faces="central")
    result = ResultFile(
        f"lfw_dlib_severity{arguments.severity:g}",
        f"python -m benchmarks.lfw_dlib --data DATA --severity {arguments.severity:g} "
        "--dlib-python PYTHON",
        ours.model_id,
        {"seed": 0, "detection": "auto", "face": "central", "pairs_one_in": ONE_IN, "peer": PEER},
    )
    evaluator = PairsEvaluator(ours, pairs, lfw / "images")
    firsts = sorted({pair.first for pair in pairs})
    frames = [evaluator.load(name, None) for name in firsts]
    rows, _ = face_recognition(arguments.dlib_python, frames)
    clean = dict(zip(firsts, rows, strict=True))
    conditions: list[Condition | None] = [None, *suite_at(arguments.severity)]
    for condition in conditions:
        row = result.section("conditions").setdefault(
            CLEAN if condition is None else condition.kind, {}
        )
        if not row:
            evaluation = evaluator.evaluate(condition)
            row[OURS] = figures(evaluation.scores, pairs)
            seconds = sorted({pair.second for pair in pairs})
            frames = [evaluator.load(name, condition) for name in seconds]
            rows, told = face_recognition(arguments.dlib_python, frames)
            second = dict(zip(seconds, rows, strict=True))
            apart = [np.linalg.norm(clean[p.first] - second[p.second]) for p in pairs]
            row[PEER] = figures(-np.array(apart), pairs) | told
            result.save()
        print(line(str(condition), row), flush=True)
    kinds = [row for name, row in result.section("conditions").items() if name != CLEAN]
    errors = [np.mean([1 - row[system]["accuracy"] for row in kinds]) for system in (OURS, PEER)]
    result.data["error_ratio"] = float(errors[0] / errors[1])
    result.save()
    print(f"mean of seven, errors, {OURS} over {PEER}: {result.data['error_ratio']:.2f}")


def figures(scores: NDArray[Any], pairs: Sequence[Pair]) -> dict[str, Any]:
    """Accuracy by LFW's protocol, and TAR; higher scores are more alike."""
    same = np.array([pair.same for pair in pairs])
    folds = np.array([pair.fold for pair in pairs], dtype=np.int64)
    answered = np.ones(len(pairs), dtype=np.bool_)
    accuracy = fold_accuracy(scores, same, folds, answered)
    return {
        "accuracy": accuracy.mean,
        "accuracy_standard_error": accuracy.standard_error,
        "tar_at_fmr_1e-02": tar_at_fmr(scores[same], scores[~same], FMR),
    }


def face_recognition(
    python: Path, images: Sequence[RGBImage]
) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """Embeddings N x 128 of the peer, its versions, and in how many it found no face."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for index, image in enumerate(images):
            write_image(folder / f"{index:06d}.png", image)
        answer = folder / "answer.npy"
        command = [str(python), str(_SCRIPT), name, str(answer), str(ASSUMED_SHARE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{python}: face_recognition failed:\n{done.stderr}")
        return np.load(answer, allow_pickle=False), json.loads(done.stdout)


def line(condition: str, row: dict[str, Any]) -> str:
    """One condition in words."""
    words = "   ".join(
        f"{name} {100 * row[name]['accuracy']:.2f} / {100 * row[name]['tar_at_fmr_1e-02']:.1f}"
        for name in (OURS, PEER)
    )
    share = (1 - row[OURS]["accuracy"]) / max(1 - row[PEER]["accuracy"], 1e-9)
    return (
        f"{condition:<12} {words}   undetected {row[PEER]['undetected']}, error ratio {share:.2f}"
    )


if __name__ == "__main__":
    main()
