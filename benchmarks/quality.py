"""Whether a face's quality says how far it can be trusted: LFW's mated pairs, one image distorted.

    python -m benchmarks.quality --data DATA

Every third of the 3,000 mated pairs, the second image distorted in one kind at random, severity 1
to 5. Two questions: does the quality of the distorted image rank as its embedding's similarity to
that of its clean self does (Spearman), and do comparisons fail less often when those of lowest
quality are discarded (FNMR at the calibrated threshold of FMR 1e-3)? The peer is the detector's
confidence, which a pipeline without a quality measure would use; the ratio is of the FNMR left
after discarding 30 %. Writes `results/quality.json`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from benchmarks.results_file import ResultFile
from steadyface.distortions import KINDS, apply, rng_for
from steadyface.evaluation.embedding import Outcome, embeddings_of, run_all
from steadyface.evaluation.layouts import Pair, read_pairs
from steadyface.imaging.decode import decode
from steadyface.matching.calibration import rule_for
from steadyface.metrics import error_versus_discard
from steadyface.pipeline import Analyzer
from steadyface.types import FloatArray, RGBImage

ONE_IN = 3
SEED = 0
SHARES = np.arange(0, 0.51, 0.05)
COMPARED_AT = 0.3


def main() -> None:
    """Embed, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    lfw = arguments.data / "lfw"
    pairs = [pair for pair in read_pairs(lfw / "pairs.txt") if pair.same][::ONE_IN]
    analyzer = Analyzer(faces="central")
    threshold = rule_for(analyzer.model_id).threshold
    result = ResultFile(
        "quality",
        "python -m benchmarks.quality --data DATA",
        analyzer.model_id,
        {"pairs": len(pairs), "one_in": ONE_IN, "seed": SEED, "threshold": threshold},
    )
    first = run_all(
        analyzer, pairs, load=lambda p: clean(lfw, p.first), name=lambda p: p.first, label="first"
    )
    second = run_all(
        analyzer, pairs, load=lambda p: clean(lfw, p.second), name=lambda p: p.second, label="clean"
    )
    shown = run_all(
        analyzer, pairs, load=lambda p: seen(lfw, p), name=lambda p: p.second, label="distorted"
    )
    references, selves, probes = (embeddings_of(o) for o in (first, second, shown))
    truth = np.einsum("ij,ij->i", selves, probes)
    mated = np.einsum("ij,ij->i", references, probes)
    for name, measure in (("quality", qualities(shown)), ("detector_score", scores(shown))):
        result.section("measures")[name] = figures(measure, truth, mated, threshold)
    result.save()
    report(result.section("measures"))


def clean(lfw: Path, name: str) -> RGBImage:
    """An image of the pairs."""
    return decode(lfw / "images" / name)


def seen(lfw: Path, pair: Pair) -> RGBImage:
    """The pair's second image, distorted at random; both names decide how."""
    rng = rng_for(SEED, pair.first, pair.second)
    kind = KINDS[int(rng.integers(len(KINDS)))]
    return apply(clean(lfw, pair.second), kind, float(rng.uniform(1, 5)), rng)


def qualities(outcomes: Sequence[Outcome]) -> FloatArray:
    """The quality of every face."""
    values = [o.face.quality if o.face is not None else None for o in outcomes]
    return np.array([-1.0 if v is None else v for v in values], dtype=np.float32)


def scores(outcomes: Sequence[Outcome]) -> FloatArray:
    """The detector's confidence in every face; 0 where it saw none."""
    values = [o.face.score if o.face is not None else None for o in outcomes]
    return np.array([v or 0.0 for v in values], dtype=np.float32)


def figures(
    measure: FloatArray, truth: FloatArray, mated: FloatArray, threshold: float
) -> dict[str, Any]:
    """Rank correlation with the truth, and FNMR by share discarded."""
    rates = error_versus_discard(mated, measure, threshold, SHARES)
    return {
        "spearman": float(spearmanr(measure, truth).statistic),
        "fnmr_by_discarded": {f"{s:.2f}": float(r) for s, r in zip(SHARES, rates, strict=True)},
    }


def report(measures: dict[str, Any]) -> None:
    """Both measures, and what is left of the errors with ours over with the peer's."""
    for name, part in measures.items():
        curve = "  ".join(f"{s} {100 * r:.1f}" for s, r in part["fnmr_by_discarded"].items())
        print(f"{name}: Spearman {part['spearman']:.3f}; FNMR % by share discarded: {curve}")
    ours, peer = (
        measures[name]["fnmr_by_discarded"][f"{COMPARED_AT:.2f}"]
        for name in ("quality", "detector_score")
    )
    print(f"FNMR after discarding 30 %, quality over detector score: {ours / peer:.2f}")


if __name__ == "__main__":
    main()
