"""Faces found in distorted LFW frames: by our detector with and without its rescue, and by others.

    python -m benchmarks.detection --data DATA

On every eighth image of LFW's pairs, at severity 3 and 5. A face is *found* where there is any
detection; it is a *hit* where its five points lie on average within 35 % of the eye distance of
the true ones. The truth is what the base detector agrees with itself upon over resized and
mirrored views of the clean frame. The peers: the base detector with the same rescue, and OpenCV's
FaceDetectorYN, on the same frames, each at its own default threshold.

Also: every two-hundredth image blown up to 1,000 and 2,500 pixels a side before it is distorted,
at severity 3; and the time that the rescue takes on clean frames as a ratio to the detector
without it, interleaved in one run. Writes `results/detection.json`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.peers import OPENCV, OPENCV_SCORE, OpenCVDetector
from benchmarks.results_file import ResultFile
from steadyface.distortions import KINDS, apply, rng_for
from steadyface.evaluation.layouts import CLEAN, read_pairs
from steadyface.imaging.decode import decode
from steadyface.imaging.geometry import eye_distance
from steadyface.models.defaults import load_detector, load_finder
from steadyface.models.plain import PlainDetector
from steadyface.models.search import BELIEVED_SCORE, FaceSearch
from steadyface.models.yunet import YuNetDetector
from steadyface.pipeline import FaceFinder
from steadyface.training.base_models import weights_of
from steadyface.training.consensus import agreed_points, resized
from steadyface.types import Detection, FloatArray, RGBImage

BASE = "yunet-base"
ONE_IN = 8
LARGE_ONE_IN = 200
LARGE_SIDES = (1000, 2500)
HIT = 0.35
SEED = 0
REPEATS = 5
TIMED = 200


def main() -> None:
    """Measure every condition that is not in the result file yet, and the cost on clean frames."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    detector, base = load_detector(), load_detector(BASE)
    rescue, plain = load_finder(), PlainDetector(detector)
    finders: dict[str, FaceFinder] = {
        "rescue": rescue,
        "plain": plain,
        "base": load_finder(BASE),
        "opencv": OpenCVDetector(weights_of(BASE)),
    }
    names = frame_names(arguments.data)
    frames = {n: decode(arguments.data / "lfw" / "images" / n) for n in names}
    truth = {n: truth_of(frame, base) for n, frame in frames.items()}
    options = {
        "seed": SEED,
        "one_in": ONE_IN,
        "frames": len(frames),
        "peer": OPENCV,
        "thresholds": {"ours": BELIEVED_SCORE, "opencv": OPENCV_SCORE},
    }
    result = ResultFile(
        "detection", "python -m benchmarks.detection --data DATA", rescue.model_id, options
    )
    conditions = [(CLEAN, 0), *((kind, severity) for severity in (3, 5) for kind in KINDS)]
    measured(result, "conditions", conditions, finders, frames, truth)
    for side in LARGE_SIDES:
        some = [n for n in names if truth[n] is not None][:: LARGE_ONE_IN // ONE_IN]
        large = {n: resized(frames[n], (side, side)) for n in some}
        there = {n: enlarged(truth[n], side / frames[n].shape[0]) for n in some}
        conditions = [(CLEAN, 0), *((kind, 3) for kind in KINDS)]
        measured(result, f"frames_of_{side}_pixels", conditions, finders, large, there)
    if "clean_frames" not in result.data:
        result.data["clean_frames"] = cost_on_clean(rescue, plain, list(frames.values())[:TIMED])
        result.save()
    print(result.data["clean_frames"])


def measured(
    result: ResultFile,
    section: str,
    conditions: Sequence[tuple[str, int]],
    finders: Mapping[str, FaceFinder],
    frames: Mapping[str, RGBImage],
    truth: Mapping[str, FloatArray | None],
) -> None:
    """Put the figures of every finder under every condition into the result file."""
    print(section, len(frames))
    for kind, severity in conditions:
        name = f"{kind}:{severity}" if severity else kind
        if name not in result.section(section):
            seen = {n: distorted(n, frame, kind, severity) for n, frame in frames.items()}
            row = {system: figures(finder, seen, truth) for system, finder in finders.items()}
            result.section(section)[name] = row
            result.save()
        print(line(name, result.section(section)[name]), flush=True)


def frame_names(data: Path) -> list[str]:
    """Every eighth image of the official pairs."""
    pairs = read_pairs(data / "lfw" / "pairs.txt")
    return sorted({name for pair in pairs for name in (pair.first, pair.second)})[::ONE_IN]


def distorted(name: str, frame: RGBImage, kind: str, severity: int) -> RGBImage:
    """The frame under a condition."""
    if kind == CLEAN:
        return frame
    return apply(frame, kind, severity, rng_for(SEED, name, kind))


def truth_of(frame: RGBImage, base: YuNetDetector) -> FloatArray | None:
    """The largest face's points, as the base detector sees them over many views."""
    points = points_of(FaceSearch([base], None, turns=()).find(frame))
    return None if points is None else agreed_points(frame, points, base)


def enlarged(points: FloatArray | None, factor: float) -> FloatArray | None:
    """Points in the frame blown up by a factor."""
    return None if points is None else np.asarray((points + 0.5) * factor - 0.5, dtype=np.float32)


def points_of(found: Sequence[Detection]) -> FloatArray | None:
    """The five points of the largest face."""
    return max(found, key=lambda d: d.box.area).landmarks if found else None


def figures(
    finder: FaceFinder, frames: Mapping[str, RGBImage], truth: Mapping[str, FloatArray | None]
) -> dict[str, float | None]:
    """Shares of frames with a face and with a hit, and the median point error of the hits."""
    found, errors = 0, []
    for name, frame in frames.items():
        points, expected = points_of(finder.find(frame)), truth[name]
        found += points is not None
        if points is not None and expected is not None:
            away = np.linalg.norm(points - expected, axis=1).mean()
            errors.append(float(away) / eye_distance(expected))
    hits = [error for error in errors if error <= HIT]
    return {
        "found": found / len(frames),
        "hit": len(hits) / len(frames),
        "median_point_error": float(np.median(hits)) if hits else None,
    }


def cost_on_clean(
    rescue: FaceSearch, plain: FaceFinder, frames: Sequence[RGBImage]
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
    weak = sum(not rescue.is_sure(rescue.first_looks(frame)) for frame in frames)
    return {
        "frames": len(frames),
        "share_that_needs_other_views": weak / len(frames),
        "time_over_plain_detector": float(np.median(ratios)),
    }


def line(name: str, row: Mapping[str, Mapping[str, float | None]]) -> str:
    """One condition: found / hit (point error of the hits) of each detector, percent."""
    parts = [
        f"{system} {shown(v['found'])} / {shown(v['hit'])} ({shown(v['median_point_error'])})"
        for system, v in row.items()
    ]
    ours, peer = (1 - (row[system]["hit"] or 0.0) for system in ("rescue", "opencv"))
    ratio = f"  misses ratio {ours / peer:.2f}" if peer else ""
    return f"{name:<11} " + "  ".join(parts) + ratio


def shown(share: float | None) -> str:
    """Percent with one decimal; a dash where there is nothing to show."""
    return "-" if share is None else f"{100 * share:.1f}"


if __name__ == "__main__":
    main()
