"""LFW's official pairs, second image distorted, beside OpenCV's own YuNet + SFace.

    python benchmarks/lfw_pairs.py --data DATA --severity 3

Writes `results/lfw_pairs_severity3.json` after every condition and goes on from it when started
again. The peer is OpenCV's FaceDetectorYN and FaceRecognizerSF with the same weights, on the same
frames in the same run, the middle of the frame where it finds no face.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from steadyface.distortions.suites import Condition, suite_at
from steadyface.evaluation.layouts import read_pairs
from steadyface.evaluation.output import provenance, write_json
from steadyface.evaluation.pairs import PairsEvaluator
from steadyface.models.catalog import load_catalog
from steadyface.models.defaults import default_detector
from steadyface.models.face_network import NetworkOutput
from steadyface.models.store import default_store
from steadyface.pipeline import Analyzer
from steadyface.types import Box, Detection, RGBImage

RESULTS = Path(__file__).parent / "results"
KEPT = (
    "accuracy",
    "accuracy_standard_error",
    "tar_at_fmr_1e-02",
    "tar_at_fmr_1e-03",
    "eer",
    "roc_auc",
    "second_image_detection",
)


class OpenCVDetector:
    """OpenCV's FaceDetectorYN on the frame as it is, at its documented threshold."""

    def __init__(self, weights: Path) -> None:
        self._weights = str(weights)

    def find(self, image: RGBImage) -> list[Detection]:
        """The faces of one image."""
        size = (image.shape[1], image.shape[0])
        detector = cv2.FaceDetectorYN.create(self._weights, "", size, 0.6, 0.3, 100)
        _, rows = detector.detect(np.ascontiguousarray(image[..., ::-1]))
        return [] if rows is None else [_detection(row) for row in rows]


class OpenCVNetwork:
    """OpenCV's FaceRecognizerSF, one crop at a time as its interface has it."""

    model_id = "opencv-sface"

    def __init__(self, weights: Path) -> None:
        self._recognizer = cv2.FaceRecognizerSF.create(str(weights), "")

    def run(self, crops: Sequence[RGBImage]) -> NetworkOutput:
        """Embed aligned crops."""
        rows = [self._recognizer.feature(np.ascontiguousarray(c[..., ::-1]))[0] for c in crops]
        table = np.stack(rows).astype(np.float32)
        return NetworkOutput(table / np.linalg.norm(table, axis=1, keepdims=True), None)


def _detection(row: Any) -> Detection:
    box = Box(*(float(v) for v in row[:4]))
    return Detection(box, np.asarray(row[4:14], dtype=np.float32).reshape(5, 2), float(row[14]))


def peer() -> Analyzer:
    """OpenCV's detector and recognizer inside the same batch loop."""
    catalog, store = load_catalog(), default_store()
    files = {
        m.role: store.ensure(catalog.weight_file(m.weights)) for m in catalog.models if m.default
    }
    return Analyzer(OpenCVDetector(files["detector"]), OpenCVNetwork(files["face-network"]))


def main() -> None:
    """Run every condition that is not in the result file yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--severity", type=float, default=3.0)
    parser.add_argument("--without-peer", action="store_true")
    arguments = parser.parse_args()
    file = RESULTS / f"lfw_pairs_severity{arguments.severity:g}.json"
    pairs = read_pairs(arguments.data / "lfw" / "pairs.txt")
    images = arguments.data / "lfw" / "images"
    ours = Analyzer(default_detector())
    analyzers = {"steadyface": ours} | ({} if arguments.without_peer else {"opencv": peer()})
    evaluators = {n: PairsEvaluator(a, pairs, images) for n, a in analyzers.items()}
    result: dict[str, Any] = (
        json.loads(file.read_text())
        if file.is_file()
        else {
            "command": f"python benchmarks/lfw_pairs.py --data DATA "
            f"--severity {arguments.severity:g}",
            "made_by": provenance(ours.model_id, {"seed": 0, "peer": f"OpenCV {cv2.__version__}"}),
            "conditions": {},
        }
    )
    conditions: list[Condition | None] = [None, *suite_at(arguments.severity)]
    for condition in conditions:
        name = "clean" if condition is None else condition.kind
        row = result["conditions"].setdefault(name, {})
        for system, evaluator in evaluators.items():
            if system not in row:
                summary = evaluator.evaluate(condition).summary()
                row[system] = {key: summary[key] for key in KEPT}
                write_json(file, result)
        print(line(name, row), flush=True)
    result["mean_of_seven"] = means(result["conditions"])
    write_json(file, result)
    print(json.dumps(result["mean_of_seven"], indent=2))


def line(name: str, row: dict[str, Any]) -> str:
    """One condition: accuracy / TAR at FMR 1e-3, and our error as a share of the peer's."""
    figures = {
        system: f"{100 * v['accuracy']:.2f} / {100 * v['tar_at_fmr_1e-03']:.1f}"
        for system, v in row.items()
    }
    ratio = ""
    if "opencv" in row:
        share = (1 - row["steadyface"]["accuracy"]) / (1 - row["opencv"]["accuracy"])
        ratio = f"  error ratio {share:.2f}"
    return f"{name:<10} {figures}{ratio}"


def means(conditions: dict[str, Any]) -> dict[str, Any]:
    """Means over the seven kinds, and the ratios of errors against the peer."""
    kinds = [row for name, row in conditions.items() if name != "clean"]
    out: dict[str, Any] = {}
    for system in kinds[0]:
        out[system] = {
            key: float(np.mean([row[system][key] for row in kinds]))
            for key in ("accuracy", "tar_at_fmr_1e-03")
        }
    if "opencv" in out:
        out["error_ratio"] = (1 - out["steadyface"]["accuracy"]) / (1 - out["opencv"]["accuracy"])
        out["miss_ratio"] = (1 - out["steadyface"]["tar_at_fmr_1e-03"]) / (
            1 - out["opencv"]["tar_at_fmr_1e-03"]
        )
    return out


if __name__ == "__main__":
    main()
