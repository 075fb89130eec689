"""Faces found in distorted LFW frames, by the detector with its rescue and by the plain one.

    python -m benchmarks.detection --data DATA

On every eighth image of LFW's pairs, at severity 3 and 5. A face is found where there is any
detection; it is a hit where its five points lie on average within 35 % of the eye distance of
those in the clean frame. The peer is OpenCV's FaceDetectorYN at its usual threshold of 0.6, on
the same frames. Also: detector passes a clean frame, and the time that the rescue takes on clean
frames as a ratio to the plain detector, interleaved in one run. Writes `results/detection.json`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import OPENCV, OpenCVDetector, PlainDetector
from benchmarks.results_file import ResultFile
from steadyface.distortions import KINDS, apply, rng_for
from steadyface.evaluation.layouts import CLEAN, read_pairs
from steadyface.imaging.decode import decode
from steadyface.imaging.geometry import eye_distance
from steadyface.models.defaults import load_detector
from steadyface.models.rescue import ACCEPTED_SCORE, RescuingDetector
from steadyface.pipeline import FaceFinder
from steadyface.training.base_models import weights_of
from steadyface.types import Detection, FloatArray, RGBImage

ONE_IN = 8
HIT = 0.35
SEED = 0
REPEATS = 5
TIMED = 200


def main() -> None:
    """Measure every condition and the cost on clean frames."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    names = frame_names(arguments.data)
    frames = {n: decode(arguments.data / "lfw" / "images" / n) for n in names}
    rescue = RescuingDetector(load_detector())
    finders: dict[str, FaceFinder] = {
        "rescue": rescue,
        "plain": PlainDetector(ACCEPTED_SCORE),
        "opencv": OpenCVDetector(weights_of("yunet-base")),
    }
    options = {"seed": SEED, "one_in": ONE_IN, "frames": len(frames), "peer": OPENCV}
    result = ResultFile(
        "detection", "python -m benchmarks.detection --data DATA", rescue.model_id, options
    )
    truth = {n: points_of(rescue.find(frame)) for n, frame in frames.items()}
    conditions = [(CLEAN, 0), *((kind, severity) for severity in (3, 5) for kind in KINDS)]
    for kind, severity in conditions:
        seen = {n: distorted(n, frame, kind, severity) for n, frame in frames.items()}
        row = {name: figures(finder, seen, truth) for name, finder in finders.items()}
        result.section("conditions")[f"{kind}:{severity}" if severity else kind] = row
        result.save()
        print(line(f"{kind} {severity or ''}", row), flush=True)
    cost = cost_on_clean(rescue, finders["plain"], list(frames.values())[:TIMED])
    result.data["clean_frames"] = cost
    result.save()
    print(cost)


def frame_names(data: Path) -> list[str]:
    """Every eighth image of the official pairs."""
    pairs = read_pairs(data / "lfw" / "pairs.txt")
    return sorted({name for pair in pairs for name in (pair.first, pair.second)})[::ONE_IN]


def distorted(name: str, frame: RGBImage, kind: str, severity: int) -> RGBImage:
    """The frame under a condition."""
    if kind == CLEAN:
        return frame
    return apply(frame, kind, severity, rng_for(SEED, name, kind))


def points_of(found: Sequence[Detection]) -> FloatArray | None:
    """The five points of the largest face."""
    return max(found, key=lambda d: d.box.area).landmarks if found else None


def figures(
    finder: FaceFinder, frames: Mapping[str, RGBImage], truth: Mapping[str, FloatArray | None]
) -> dict[str, float]:
    """Shares of frames with a face and with a hit, and the median point error of faces found."""
    errors = []
    for name, frame in frames.items():
        points, expected = points_of(finder.find(frame)), truth[name]
        if points is not None and expected is not None:
            away = np.linalg.norm(points - expected, axis=1).mean()
            errors.append(float(away) / eye_distance(expected))
    return {
        "found": len(errors) / len(frames),
        "hit": float(np.sum(np.array(errors) <= HIT)) / len(frames),
        "median_point_error": float(np.median(errors)) if errors else 1.0,
    }


def cost_on_clean(
    rescue: RescuingDetector, plain: FaceFinder, frames: Sequence[RGBImage]
) -> dict[str, float]:
    """How often clean frames need other views, and time with the rescue over time without."""
    ratios = []
    for _ in range(REPEATS):
        times = []
        for finder in (rescue, plain):
            start = time.perf_counter()
            for frame in frames:
                finder.find(frame)
            times.append(time.perf_counter() - start)
        ratios.append(times[0] / times[1])
    weak = sum(not rescue.is_sure(plain.find(frame)) for frame in frames)
    return {
        "frames": len(frames),
        "share_that_needs_other_views": weak / len(frames),
        "time_over_plain_detector": float(np.median(ratios)),
    }


def line(name: str, row: dict[str, dict[str, Any]]) -> str:
    """One condition: found, hit, point error for each detector."""
    parts = [
        f"{system} {100 * v['found']:.1f} / {100 * v['hit']:.1f} "
        f"({100 * v['median_point_error']:.1f})"
        for system, v in row.items()
    ]
    lost = [1 - row[system]["hit"] for system in ("rescue", "opencv")]
    ratio = f"  misses ratio {lost[0] / lost[1]:.2f}" if lost[1] else ""
    return f"{name:<11} " + "  ".join(parts) + ratio


if __name__ == "__main__":
    main()
