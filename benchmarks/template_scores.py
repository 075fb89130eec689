"""Chooses how several references become one score, on CelebA identities (free to choose on).

    python -m benchmarks.template_scores --data DATA

Every CelebA identity with at least three usable images: the last image, distorted at random, is the
probe, the others are its references: all clean, or every other one distorted at random. `mean`
(normalised mean of the references' embeddings), `weighted` (the same, weighted by quality) and
`max` (best single reference) beside `first` (one reference, what a peer without templates does).
Prints ratios of misses against `first`. Writes `results/template_scores.json`.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from benchmarks.results_file import ResultFile
from steadyface.matching.scores import TemplateScore, ready
from steadyface.metrics import rank_k, ranks, tar_at_fmr
from steadyface.pipeline import Analyzer
from steadyface.training.features import Embedded, Sample, embed, random_distortion
from steadyface.training.fingerprint import fingerprint
from steadyface.training.sources import read_celeba
from steadyface.types import FloatArray, Templates

FEWEST_IMAGES = 3
WAYS: tuple[TemplateScore, ...] = get_args(TemplateScore)
PROBE_SEED, REFERENCE_SEED = 1, 2


def main() -> None:
    """Compare the ways and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("build/features"))
    arguments = parser.parse_args()
    everybody: dict[str, list[Path]] = defaultdict(list)
    for face in read_celeba(arguments.data):
        everybody[face.identity].append(face.path)
    people = [paths for paths in everybody.values() if len(paths) >= FEWEST_IMAGES]
    analyzer = Analyzer(detection="require", faces="central")

    def seen(samples: list[Sample]) -> Embedded:
        return embed(samples, analyzer, arguments.cache / f"t-{fingerprint(samples)}.npz")

    probes = seen([random_distortion(paths[-1], PROBE_SEED) for paths in people])
    shown = [path for paths in people for path in paths[:-1]]
    clean = seen([Sample(path) for path in shown])
    mixed = seen(
        [random_distortion(p, REFERENCE_SEED) if n % 2 else Sample(p) for n, p in enumerate(shown)]
    )
    owners = np.repeat(np.arange(len(people)), [len(paths) - 1 for paths in people])
    result = ResultFile(
        "template_scores",
        "python -m benchmarks.template_scores --data DATA",
        analyzer.model_id,
        {"identities": len(people), "references": len(shown)},
    )
    for name, references in (("clean", clean), ("every other distorted", mixed)):
        known = references.usable
        some = templates_of(references, owners, known, len(people), analyzer.model_id)
        rows = np.flatnonzero(known)
        alone = np.zeros(len(owners), dtype=np.bool_)
        alone[rows[np.unique(owners[rows], return_index=True)[1]]] = True
        single = templates_of(references, owners, alone, len(people), analyzer.model_id)
        figures: dict[str, dict[str, float]] = {
            way: figures_of(ready(some, way).score(probes.vectors), probes) for way in WAYS
        }
        figures["first"] = figures_of(ready(single).score(probes.vectors), probes)
        result.section("references")[name] = figures
        result.save()
        for way, row in figures.items():
            misses = (1 - row["tar_at_fmr_1e-03"]) / (1 - figures["first"]["tar_at_fmr_1e-03"])
            print(f"{name}: {way:<8} {row}  misses over one reference: {misses:.2f}", flush=True)


def templates_of(
    seen: Embedded,
    owners: NDArray[np.int64],
    chosen: NDArray[np.bool_],
    people: int,
    model_id: str,
) -> Templates:
    """Some references of everyone."""
    names = tuple(str(number) for number in range(people))
    return Templates(names, seen.vectors[chosen], owners[chosen], model_id, seen.quality[chosen])


def figures_of(scores: FloatArray, probes: Embedded) -> dict[str, float]:
    """Rank-1, and TAR at an FMR of 1e-3, of scores with the truth on the diagonal."""
    lost = np.where(probes.usable[:, None], scores, np.float32(-1))
    truth = np.arange(len(scores))
    mated = np.diagonal(lost)
    non_mated = lost[~np.eye(len(scores), dtype=np.bool_)]
    tar = tar_at_fmr(mated, non_mated, 1e-3)
    if tar is None:
        raise SystemExit("too few identities to measure at an FMR of 1e-3")
    return {"rank_1": float(rank_k(ranks(lost, truth), 1)), "tar_at_fmr_1e-03": float(tar)}


if __name__ == "__main__":
    main()
