"""Whether decisions hold the false match rate they state, and probabilities what they say.

    python -m benchmarks.decisions --data DATA

Every image of every sixth person of LFW's official pairs, clean and in each kind at severity 3 and
5; each clean image with each distorted one, and each distorted one with each of the same kind. Our
decisions at a stated FMR of 1e-3 (`ours`), the same without the rise for poor images (`level`), and
OpenCV's FaceRecognizerSF at the threshold of its documentation (`opencv`), on the same frames.
Prints our false match rate as a share of OpenCV's. Writes `results/decisions.json`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import OPENCV, opencv_analyzer
from benchmarks.results_file import ResultFile
from steadyface.distortions.suites import Condition, suite_at
from steadyface.evaluation.embedding import Outcome, embeddings_of, qualities_of, run_all
from steadyface.evaluation.layouts import CLEAN, read_pairs
from steadyface.evaluation.shown import as_under
from steadyface.matching.calibration import DEFAULT_FMR, DecisionRule, rule_for
from steadyface.matching.quality import unreliability
from steadyface.metrics import brier, prior_weights, reliability, wilson
from steadyface.pipeline import Analyzer
from steadyface.types import FloatArray

ONE_IN = 6
SEVERITIES = (3.0, 5.0)
#: Cosine from which OpenCV's documentation of FaceRecognizerSF calls two faces one person.
OPENCV_COSINE = 0.363
SEED = 0


class Sights:
    """Images as two systems see them, a condition at a time; clean ones are kept.

    Args:
        analyzer: the pipeline.
        root: folder of the images.
        names: of the images.
    """

    def __init__(self, analyzer: Analyzer, root: Path, names: Sequence[str]) -> None:
        self._analyzer, self._root, self._names = analyzer, root, names
        self.clean = self.seen(None)

    def seen(self, condition: Condition | None) -> list[Outcome]:
        """Every image under a condition."""

        def load(name: str) -> Any:
            image = self._analyzer.decode(self._root / name)
            return as_under(condition, image, name, SEED)

        return run_all(self._analyzer, self._names, load=load, name=str, label=str(condition))


def main() -> None:
    """Measure every condition that is not in the result file yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    lfw = parser.parse_args().data / "lfw"
    pairs = read_pairs(lfw / "pairs.txt")
    every = sorted({name for pair in pairs for name in (pair.first, pair.second)})
    people = sorted({person(name) for name in every})[::ONE_IN]
    names = [name for name in every if person(name) in set(people)]
    ours = Analyzer(faces="central")
    result = ResultFile(
        "decisions",
        "python -m benchmarks.decisions --data DATA",
        ours.model_id,
        {"stated_fmr": DEFAULT_FMR, "people_one_in": ONE_IN, "seed": SEED, "peer": OPENCV}
        | {"opencv_threshold": OPENCV_COSINE},
    )
    mine = Sights(ours, lfw / "images", names)
    theirs = Sights(opencv_analyzer(), lfw / "images", names)
    rule, owners = rule_for(ours.model_id), np.array([person(name) for name in names])
    conditions = result.section("conditions")
    for condition in (None, *(c for s in SEVERITIES for c in suite_at(s))):
        row = conditions.setdefault(CLEAN if condition is None else str(condition), {})
        if row:
            continue
        mine_bad, their_bad = mine.seen(condition), theirs.seen(condition)
        for what, a, b in (
            ("with_clean", (mine.clean, mine_bad), (theirs.clean, their_bad)),
            ("with_same_kind", (mine_bad, mine_bad), (their_bad, their_bad)),
        ):
            row[what] = figures(a, rule, owners) | {"opencv": by_cosine(b, owners)}
        result.save()
        print(line(str(condition), row), flush=True)


def person(name: str) -> str:
    """Who an image shows: its folder."""
    return Path(name).parent.name


Sides = tuple[list[Outcome], list[Outcome]]


def figures(sides: Sides, rule: DecisionRule, owners: NDArray[np.str_]) -> dict[str, Any]:
    """Error rates of our decisions, with and without the rise, and what probabilities are worth."""
    first, second, same = compared(sides, owners)
    scores, unreliable, located = evidence(sides, first, second)
    chances = rule.probabilities(scores[located], 1, unreliable=part(unreliable, located))
    assert chances is not None
    weights = prior_weights(same[located], 0.5)
    return {
        "mated": int(same.sum()),
        "non_mated": int((~same).sum()),
        "ours": rates(matched(sides, rule, first, second), same),
        "level": rates(matched(sides, replace(rule, pull=0.0), first, second), same),
        "ece": reliability(chances, same[located], bins=15, weights=weights).ece,
        "brier": brier(chances, same[located], weights=weights),
    }


def evidence(
    sides: Sides, first: NDArray[np.int64], second: NDArray[np.int64]
) -> tuple[FloatArray, tuple[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]:
    """Of each comparison the score, how unreliable probe and reference are, and if both located."""
    references, probes = sides
    scores = similarity(references, probes)[first, second]
    poor = [unreliability(qualities_of(side)) for side in sides]
    found = [np.array([o.located for o in side]) for side in sides]
    return scores, (poor[1][second], poor[0][first]), found[0][first] & found[1][second]


def matched(
    sides: Sides, rule: DecisionRule, first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """What `verify` says of each comparison."""
    scores, unreliable, located = evidence(sides, first, second)
    # Where neither face was found there is no decision: never a match.
    found = [np.array([o.located for o in side]) for side in sides]
    decided = found[0][first] | found[1][second]
    one = np.ones(len(scores), dtype=np.int64)
    found_at, assumed_at = (
        rule.thresholds(one, located=where, unreliable=unreliable) for where in (True, False)
    )
    return np.asarray(decided & (scores >= np.where(located, found_at, assumed_at)))


def by_cosine(sides: Sides, owners: NDArray[np.str_]) -> dict[str, Any]:
    """Error rates at the peer's threshold."""
    first, second, same = compared(sides, owners)
    return rates(similarity(*sides)[first, second] >= OPENCV_COSINE, same)


def compared(
    sides: Sides, owners: NDArray[np.str_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Rows and columns of the comparisons of different images, and whether they are mated."""
    count = len(owners)
    if sides[0] is sides[1]:
        first, second = np.triu_indices(count, 1)
    else:
        first, second = np.nonzero(~np.eye(count, dtype=np.bool_))
    return first, second, np.asarray(owners[first] == owners[second])


def similarity(references: list[Outcome], probes: list[Outcome]) -> FloatArray:
    """Every reference with every probe; -1 where one gave no face."""
    table = embeddings_of(references) @ embeddings_of(probes).T
    return np.asarray(np.nan_to_num(table, nan=-1.0))


def part(
    both: tuple[NDArray[np.float64], NDArray[np.float64]], chosen: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Some of two arrays."""
    return both[0][chosen], both[1][chosen]


def rates(matched: NDArray[np.bool_], same: NDArray[np.bool_]) -> dict[str, Any]:
    """FMR with its interval, and FNMR."""
    false = int(matched[~same].sum())
    return {
        "fmr": false / int((~same).sum()),
        "fmr_interval": list(wilson(false, int((~same).sum()))),
        "fnmr": 1 - float(matched[same].mean()),
    }


def line(condition: str, row: dict[str, Any]) -> str:
    """One condition in words."""
    words = []
    for what, part_of in row.items():
        systems = ", ".join(
            f"{name} FMR {1e3 * part_of[name]['fmr']:.2f}e-3 FNMR {100 * part_of[name]['fnmr']:.1f}"
            for name in ("ours", "level", "opencv")
        )
        share = part_of["ours"]["fmr"] / max(part_of["opencv"]["fmr"], 1e-9)
        words.append(f"{what}: {systems}, FMR ratio {share:.2f}, ECE {part_of['ece']:.3f}")
    return f"{condition:<12} {'; '.join(words)}"


if __name__ == "__main__":
    main()
