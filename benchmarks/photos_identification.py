"""Web photographs of 44 people: who is it, and is it anybody known?

Every second person is enrolled with the first three images, the other images of these people are
mated probes, everybody else's are strangers'; then the roles are swapped. References are clean,
probes clean or distorted, and figures those of both ways together. An image in which no face is
found is a miss as a probe and absent as a reference; only the decisions are the product's own,
which looks at the middle of such a probe, by a stricter threshold. Intervals resample the people
of the probes, not the enrolled ones. The set is for measuring only; some of its labels are wrong.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.photos_systems import (
    DEFAULTS,
    PEER,
    SEED,
    analyzers,
    answers,
    conditions,
    shown,
)
from benchmarks.results_file import ResultFile
from steadyface import Recognizer, open_gallery
from steadyface.distortions import rng_for
from steadyface.imaging.decode import decode
from steadyface.matching.calibration import rule_for
from steadyface.metrics import bootstrap, fnir_at_fpir, rank_k, ranks, tar_at_fmr
from steadyface.recognition import Person
from steadyface.searching import GallerySearch
from steadyface.types import ImageResult

REFERENCES = 3
RESAMPLES = 300
SECTION = "identification"


@dataclass(frozen=True, slots=True)
class Photo:
    """One image and whose it is."""

    path: Path
    identity: str


@dataclass(frozen=True, slots=True)
class Roles:
    """Who is enrolled with what, and whose images are probes.

    Attributes:
        enrolled: identity -> positions of its references.
        probes: positions of the other images, of known people and of strangers.
    """

    enrolled: dict[str, list[int]]
    probes: list[int]


def read_photos(folder: Path, one_in: int = 1) -> list[Photo]:
    """The photographs of labels.csv, every so-manieth person's if asked, in a fixed order."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as stream:
        rows = [
            Photo(folder / "images" / r["image"], r["identity"]) for r in csv.DictReader(stream)
        ]
    kept = sorted({photo.identity for photo in rows})[::one_in]
    return [photo for photo in rows if photo.identity in kept]


def roles_of(identities: Sequence[str], first: int) -> Roles:
    """Every second identity enrolled, from this one on.

    Args:
        identities: of each image.
        first: 0 or 1.
    """
    known = sorted(set(identities))[first::2]
    places = {name: [index for index, of in enumerate(identities) if of == name] for name in known}
    enrolled = {name: where[:REFERENCES] for name, where in places.items()}
    taken = {index for where in enrolled.values() for index in where}
    return Roles(enrolled, [index for index in range(len(identities)) if index not in taken])


def run(result: ResultFile, data: Path, one_in: int, severities: Sequence[int]) -> None:
    """Measure every condition that is not in the result file yet."""
    photos = read_photos(data / "photos", one_in)
    identities = [photo.identity for photo in photos]
    systems = analyzers()
    section = result.section(SECTION)
    wanted = conditions(*severities)
    if all(condition in section for condition in wanted):
        return
    clean = answers(systems, photos, lambda photo: decode(photo.path))
    with TemporaryDirectory() as folder:
        decisions = [
            _Decisions(systems[DEFAULTS], photos, roles_of(identities, first), Path(folder))
            for first in (0, 1)
        ]
        for condition in wanted:
            if condition in section:
                continue

            def load(photo: Photo, condition: str = condition) -> Any:
                return shown(decode(photo.path), condition, photo.path.name)

            told = clean if condition == "clean" else answers(systems, photos, load)
            row = {
                name: _told(_vectors(clean[name]), _vectors(told[name]), identities)
                for name in systems
            }
            row[DEFAULTS] |= _pooled([one.figures(told[DEFAULTS]) for one in decisions])
            section[condition] = row
            result.save()
            print(line(condition, row), flush=True)


@dataclass(frozen=True, slots=True, eq=False)
class Searches:
    """The searches of both ways of giving roles, one after the other.

    Attributes:
        scores: P x G, a row a probe, a column a template; -inf where either has no face.
        truth: the column of each probe's person; -1 for a stranger.
        people: whose each probe is.
    """

    scores: NDArray[np.float64]
    truth: NDArray[np.int64]
    people: NDArray[np.str_]

    def rates(self, rows: NDArray[np.int64] | None = None) -> dict[str, float | None]:
        """Rank-1, TAR at FMR 1e-3 and FNIR at FPIR 1e-2 of some probes; None takes all."""
        scores = self.scores if rows is None else self.scores[rows]
        truth = self.truth if rows is None else self.truth[rows]
        known = np.flatnonzero(truth >= 0)
        others = np.arange(scores.shape[1]) != truth[:, None]
        # A score of -1 is the least there is: no threshold of a small FMR accepts it.
        mated = np.maximum(scores[known, truth[known]], -1.0)
        return {
            "rank_1": rank_k(ranks(scores, truth), 1),
            "tar_at_fmr_1e-3": tar_at_fmr(mated, np.maximum(scores[others], -1.0), 1e-3),
            "fnir_at_fpir_1e-2": fnir_at_fpir(scores, truth, 1e-2),
        }

    def intervals(self, resamples: int = RESAMPLES) -> dict[str, list[float] | None]:
        """95 % intervals of the rates, the people of the probes resampled."""
        told: dict[str, list[float] | None] = {}
        for key in self.rates():
            rng = rng_for(SEED, "people", key)
            interval = bootstrap(
                lambda rows, key=key: self.rates(rows)[key],  # type: ignore[misc]
                self.people,
                rng,
                resamples=resamples,
            )
            told[f"{key}_interval"] = None if interval is None else list(interval)
        return told


def searches(
    references: NDArray[np.float64], probes: NDArray[np.float64], identities: Sequence[str]
) -> Searches:
    """Every probe against every template, in both ways of giving roles.

    Args:
        references: N x D unit vectors of the clean images; NaN where no face was found.
        probes: N x D, of the images as they are searched with.
        identities: of each image.
    """
    width = (len(set(identities)) + 1) // 2
    tables, truths, people = [], [], []
    for first in (0, 1):
        roles = roles_of(identities, first)
        names = list(roles.enrolled)
        templates = np.stack([_template(references[where]) for where in roles.enrolled.values()])
        scores = np.nan_to_num(probes[roles.probes] @ templates.T, nan=-np.inf)
        empty = np.full((len(scores), width - len(names)), -np.inf)
        tables.append(np.concatenate([scores, empty], axis=1))
        people += [identities[index] for index in roles.probes]
        truths += [
            names.index(identities[index]) if identities[index] in roles.enrolled else -1
            for index in roles.probes
        ]
    return Searches(np.concatenate(tables), np.array(truths), np.array(people))


def figures(
    references: NDArray[np.float64], probes: NDArray[np.float64], identities: Sequence[str]
) -> dict[str, float]:
    """Rank-1, TAR at FMR 1e-3 and FNIR at FPIR 1e-2, both ways of giving roles pooled."""
    rates = searches(references, probes, identities).rates()
    return {key: _known(value) for key, value in rates.items()}


def _told(
    references: NDArray[np.float64], probes: NDArray[np.float64], identities: Sequence[str]
) -> dict[str, Any]:
    made = searches(references, probes, identities)
    return {**{key: _known(value) for key, value in made.rates().items()}, **made.intervals()}


def _known(value: float | None) -> float:
    if value is None:
        raise SystemExit("too few photographs for a rate of 1 in 1,000; take more of them")
    return value


def _template(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """The normalised mean of the references that have an answer; NaN without any."""
    known = vectors[~np.isnan(vectors).any(axis=1)]
    if not len(known):
        return np.full(vectors.shape[1], np.nan)
    mean = known.mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean))


def _vectors(results: Sequence[ImageResult]) -> NDArray[np.float64]:
    """N x D; NaN where no face was found, also where the middle was taken for one."""
    size = next(len(r.faces[0].embedding.vector) for r in results if r.faces)
    return np.stack(
        [
            np.asarray(r.faces[0].embedding.vector, dtype=np.float64)
            if r.faces and r.faces[0].located
            else np.full(size, np.nan)
            for r in results
        ]
    )


class _Decisions:
    """What the product decides, at its default rule, of the same probes."""

    def __init__(self, analyzer: Any, photos: Sequence[Photo], roles: Roles, folder: Path) -> None:
        self._photos, self._roles = photos, roles
        self._rule = rule_for(analyzer.model_id)
        name = "-".join(sorted(roles.enrolled)[:1])
        self._gallery = open_gallery(
            folder / f"{name}.db", model_id=analyzer.model_id, mode="create"
        )
        people = [
            Person(identity, [photos[index].path for index in where])
            for identity, where in roles.enrolled.items()
        ]
        Recognizer(self._gallery, analyzer=analyzer).enroll_many(people)

    def figures(self, results: Sequence[ImageResult]) -> dict[str, int]:
        index = GallerySearch(self._gallery).index()
        counts = {"known": 0, "known_right": 0, "strangers": 0, "strangers_matched": 0}
        for position in self._roles.probes:
            identity = self._photos[position].identity
            known = identity in self._roles.enrolled
            counts["known" if known else "strangers"] += 1
            if not results[position].faces:
                continue
            face = results[position].faces[0]
            match = index.match(
                face.embedding, self._rule, top=1, located=face.located, quality=face.quality
            )
            counts["known_right"] += known and match.identity == identity
            counts["strangers_matched"] += not known and match.label == 1
        return counts


def _pooled(counts: Sequence[dict[str, int]]) -> dict[str, float]:
    total = {key: sum(one[key] for one in counts) for key in counts[0]}
    return {
        "decided_fnir": 1 - total["known_right"] / max(1, total["known"]),
        "decided_fpir": total["strangers_matched"] / max(1, total["strangers"]),
    }


def line(condition: str, row: dict[str, dict[str, Any]]) -> str:
    """One condition: rank-1 / TAR / FNIR of every system in percent, and the ratio of misses."""
    parts = [
        f"{name} {100 * f['rank_1']:.1f} / {100 * f['tar_at_fmr_1e-3']:.1f} / "
        f"{100 * f['fnir_at_fpir_1e-2']:.1f}"
        for name, f in row.items()
    ]
    ours, peer = (1 - row[name]["tar_at_fmr_1e-3"] for name in (DEFAULTS, PEER))
    ratio = f"{ours / peer:.2f}" if peer else "-"
    return f"{condition:<12} " + "  ".join(parts) + f"  misses, ours over OpenCV's: {ratio}"
