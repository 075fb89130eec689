"""Chooses how several references become one score, on CelebA identities (free to choose on).

    python -m benchmarks.template_scores --data DATA

Every CelebA identity with at least three usable images: the last image, distorted at random, is the
probe, the others are its clean references. `mean` (normalised mean of the references' embeddings)
beside `max` (best single reference) and beside `first` (one reference, what a peer without
templates does). Prints ratios of misses against `first`. Writes `results/template_scores.json`.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.results_file import ResultFile
from steadyface.matching.scores import TemplateScore, ready
from steadyface.metrics import rank_k, ranks, tar_at_fmr
from steadyface.training.base_models import DETECTOR, FACE_NETWORK, features_of
from steadyface.training.sources import read_all
from steadyface.types import FloatArray, Templates

FEWEST_IMAGES = 3
WAYS: tuple[TemplateScore, ...] = ("mean", "max")


def main() -> None:
    """Compare the ways and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("build/features"))
    arguments = parser.parse_args()
    faces = read_all(arguments.data)
    clean = features_of(faces, None, arguments.cache)
    distorted = features_of(faces, 1, arguments.cache)
    usable = clean.usable & distorted.usable
    by_person: dict[str, list[int]] = defaultdict(list)
    for index, face in enumerate(faces):
        if face.origin == "celeba" and usable[index]:
            by_person[face.identity].append(index)
    people = [rows for rows in by_person.values() if len(rows) >= FEWEST_IMAGES]
    probes = distorted.embeddings[[rows[-1] for rows in people]]
    every = templates_of(people, clean.embeddings, last=-1)
    result = ResultFile(
        "template_scores",
        "python -m benchmarks.template_scores --data DATA",
        FACE_NETWORK,
        {"identities": len(people), "references": len(every.owners)},
        detector_id=DETECTOR,
    )
    figures: dict[str, dict[str, float]] = {
        way: figures_of(ready(every, way).score(probes)) for way in WAYS
    }
    single = templates_of(people, clean.embeddings, last=1)
    figures["first"] = figures_of(ready(single, "mean").score(probes))
    result.data["ways"] = figures
    result.save()
    for way, row in figures.items():
        misses = (1 - row["tar_at_fmr_1e-03"]) / (1 - figures["first"]["tar_at_fmr_1e-03"])
        print(f"{way:<6} {row}  misses over one reference: {misses:.2f}")


def templates_of(people: list[list[int]], embeddings: FloatArray, *, last: int) -> Templates:
    """The clean references of everyone, up to `last`."""
    rows = [index for person in people for index in person[:last]]
    owners = np.repeat(np.arange(len(people)), [len(person[:last]) for person in people])
    names = tuple(str(number) for number in range(len(people)))
    return Templates(names, embeddings[rows], owners, FACE_NETWORK)


def figures_of(scores: FloatArray) -> dict[str, float]:
    """Rank-1, and TAR at an FMR of 1e-3, of scores with the truth on the diagonal."""
    truth = np.arange(len(scores))
    mated = np.diagonal(scores)
    non_mated = scores[~np.eye(len(scores), dtype=np.bool_)]
    tar = tar_at_fmr(mated, non_mated, 1e-3)
    if tar is None:
        raise SystemExit("too few identities to measure at an FMR of 1e-3")
    return {"rank_1": float(rank_k(ranks(scores, truth), 1)), "tar_at_fmr_1e-03": float(tar)}


if __name__ == "__main__":
    main()
