"""Task B under distortion: a folder a person, some images enrolled, the others distorted probes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadyface.distortions.suites import Condition
from steadyface.errors import DatasetLayoutError
from steadyface.evaluation.embedding import detection_counts, failures_of
from steadyface.evaluation.layouts import CLEAN, Probe, kind_or_clean
from steadyface.evaluation.match import MatchEvaluator
from steadyface.evaluation.match_figures import MatchEvaluation
from steadyface.evaluation.robustness.cells import (
    Cell,
    Figure,
    Worst,
    ones_and_zeros,
    share_by_person,
)
from steadyface.evaluation.robustness.facts import DISTORTED, dataset_facts, left_out
from steadyface.evaluation.shown import as_under
from steadyface.matching.calibration import DecisionRule
from steadyface.metrics import ranks
from steadyface.metrics.thresholds import accepted, smallest_threshold
from steadyface.pipeline import Analyzer
from steadyface.types import Match, RGBImage

FPIR = 1e-2
MEASURES = (
    "label and identity",
    "rank-1",
    "FNIR at FPIR 1e-2",
    "FPIR of decisions",
    "FNIR of decisions",
)
_EDGES = np.linspace(-0.4, 1, 29)
_WORST = 6


@dataclass(frozen=True, slots=True)
class People:
    """A folder of people, split into those enrolled, their probes, and strangers.

    Attributes:
        references: enrolled images by identity.
        probes: the other images of the enrolled, and all of strangers (identity None).
        strangers: names of those who have too few images to be enrolled.
        left_out: what is neither, see `facts.left_out`.
    """

    references: Mapping[str, tuple[Path, ...]]
    probes: tuple[Probe, ...]
    strangers: tuple[str, ...] = ()
    left_out: tuple[Mapping[str, Any], ...] = ()


def split_people(folder: Path, images: Mapping[str, Sequence[Path]], references: int) -> People:
    """Enrol the first images of everyone who has more; the others are strangers.

    Args:
        folder: for messages.
        images: by identity, in order; those that file names call distorted are left out.
        references: images to enrol of each.

    Raises:
        DatasetLayoutError: nobody has more images than are enrolled.
    """
    clean = {
        name: tuple(path for path in paths if kind_or_clean(path) == CLEAN)
        for name, paths in images.items()
    }
    enrolled = {name: paths for name, paths in clean.items() if len(paths) > references}
    if not enrolled:
        raise DatasetLayoutError(
            f"{folder}: nobody has more than {references} clean image"
            f"{'' if references == 1 else 's'}, of which {references} would be enrolled and the "
            "others be probes; give a folder for each person with more, or fewer --references"
        )
    probes = [
        Probe(path, name if name in enrolled else None, CLEAN)
        for name, paths in clean.items()
        for path in paths[references if name in enrolled else 0 :]
    ]
    return People(
        {name: paths[:references] for name, paths in enrolled.items()},
        tuple(probes),
        tuple(name for name, paths in clean.items() if paths and name not in enrolled),
        tuple(_left_out(folder, images, clean)),
    )


def _left_out(
    folder: Path, images: Mapping[str, Sequence[Path]], clean: Mapping[str, Sequence[Path]]
) -> list[dict[str, Any]]:
    distorted = [p for name, paths in images.items() for p in paths if p not in clean[name]]
    return left_out(
        {
            DISTORTED: [path.relative_to(folder).as_posix() for path in distorted],
            "people without any other image": [n for n, p in images.items() if p and not clean[n]],
            "folders without an image": [name for name, paths in images.items() if not paths],
        }
    )


class PeopleSubject:
    """Measures open-set identification under any condition; references are embedded once.

    Args:
        analyzer: the pipeline.
        folder: the data, for names.
        people: who is enrolled, and the probes.
        rule: how decisions are made.
        seed: of the distortions.
    """

    task = "match"
    measures = MEASURES
    sorts = ("mated", "non-mated")
    axis = "similarity"

    def __init__(
        self, analyzer: Analyzer, folder: Path, people: People, rule: DecisionRule, *, seed: int = 0
    ) -> None:
        self._analyzer, self._folder, self._seed = analyzer, folder, seed
        self._people, self.rule = people, rule
        self._evaluator: MatchEvaluator | None = None

    @property
    def files(self) -> list[Path]:
        """Every image."""
        references = [path for paths in self._people.references.values() for path in paths]
        return [*references, *(probe.path for probe in self._people.probes)]

    @property
    def persons(self) -> list[str]:
        """The folder of each probe."""
        return [probe.path.parent.name for probe in self._people.probes]

    @property
    def labels(self) -> list[list[str | None]]:
        """Every image's name, whom it shows of those enrolled, and what it serves as."""
        rows: list[list[str | None]] = [
            [self._name(path), name, "reference"]
            for name, paths in self._people.references.items()
            for path in paths
        ]
        probes = self._people.probes
        return rows + [[self._name(probe.path), probe.identity, "probe"] for probe in probes]

    @property
    def dataset(self) -> dict[str, Any]:
        """Who is enrolled, who is a stranger, and what is left out."""
        people = self._people
        known = sum(probe.identity is not None for probe in people.probes)
        return dataset_facts(
            {"probes of people enrolled": known, "of strangers": len(people.probes) - known},
            people.left_out,
            enrolled=len(people.references),
            references=sum(map(len, people.references.values())),
            strangers=people.strangers,
        )

    def decode(self, name: str) -> RGBImage:
        """The image that a cell's name stands for."""
        return self._analyzer.decode(self._folder / name)

    def measure(self, condition: Condition | None) -> Cell:
        """One condition."""
        if self._evaluator is None:
            # Not before it is needed: where every cell is kept already, nothing is embedded.
            self._evaluator = MatchEvaluator(self._analyzer, self._people.references, self.rule)
        evaluation = self._evaluator.evaluate(
            self._people.probes,
            load=lambda p: as_under(
                condition, self._analyzer.decode(p.path), self._name(p.path), self._seed
            ),
            label=CLEAN if condition is None else str(condition),
        )
        decisions = evaluation.decisions()
        known, right = evaluation.truth >= 0, evaluation.right(decisions)
        matched = np.array([d is not None and d.label == 1 for d in decisions], dtype=np.bool_)
        lost = ~_located(evaluation)
        persons = np.array([probe.path.parent.name for probe in evaluation.probes])
        mated, non_mated = evaluation.comparisons()
        return Cell(
            kind=CLEAN if condition is None else condition.kind,
            severity=0.0 if condition is None else condition.severity,
            count=len(right),
            figures={
                "label and identity": share_by_person(right, persons),
                "rank-1": self._rank_1(evaluation, persons[known]),
                "FNIR at FPIR 1e-2": fnir(evaluation, persons),
                "FPIR of decisions": share_by_person(matched[~known], persons[~known]),
                "FNIR of decisions": share_by_person(~right[known], persons[known]),
            },
            wrong={
                "detection": int((~right & lost).sum()),
                "recognition": int((~right & ~lost).sum()),
            },
            detection=detection_counts(evaluation.outcomes),
            histograms={
                "mated": np.histogram(mated, _EDGES)[0].tolist(),
                "non-mated": np.histogram(non_mated, _EDGES)[0].tolist(),
            },
            edges=_EDGES.tolist(),
            worst=self._worst(evaluation, decisions, right),
            # References are the same under every condition: theirs are told with the first.
            failures=failures_of(
                [
                    *evaluation.outcomes,
                    *(evaluation.reference_outcomes if condition is None else ()),
                ]
            ),
            right=ones_and_zeros(right),
        )

    def _rank_1(self, evaluation: MatchEvaluation, persons: NDArray[Any]) -> Figure:
        known = evaluation.truth >= 0
        found = ranks(evaluation.decision_scores[known], evaluation.truth[known])
        return share_by_person(found == 1, persons)

    def _worst(
        self,
        evaluation: MatchEvaluation,
        decisions: Sequence[Match | None],
        right: NDArray[np.bool_],
    ) -> tuple[Worst, ...]:
        found = []
        for probe, decision, fine in zip(evaluation.probes, decisions, right, strict=True):
            if fine or decision is None:
                continue
            best = decision.candidates[0]
            reference = self._people.references[best.identity][0]
            what = f"matched {best.identity}" if decision.label else f"closest {best.identity}"
            found.append(
                Worst(
                    (self._name(reference), self._name(probe.path)),
                    "not enrolled" if probe.identity is None else probe.identity,
                    f"{what}, similarity {best.similarity:.2f}",
                    round(abs(best.similarity - best.threshold), 6),
                )
            )
        return tuple(sorted(found, key=lambda worst: -worst.certainty)[:_WORST])

    def _name(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()


def fnir(evaluation: MatchEvaluation, persons: NDArray[Any]) -> Figure:
    """FNIR at an FPIR of 1e-2, enrolled people resampled at the threshold of all strangers."""
    scores, truth = evaluation.decision_scores, evaluation.truth
    strangers = truth < 0
    if int(strangers.sum()) * FPIR < 1:
        return Figure(None)
    threshold = smallest_threshold(scores[strangers].max(axis=1), FPIR)
    known = np.flatnonzero(~strangers)
    own = scores[known, truth[known]]
    missed = ~(accepted(own, threshold) & (ranks(scores[known], truth[known]) == 1))
    return share_by_person(missed, persons[known])


def _located(evaluation: MatchEvaluation) -> NDArray[np.bool_]:
    """P bools: a face was found in the probe and, of a person enrolled, in some reference."""
    found = np.array([outcome.located for outcome in evaluation.outcomes], dtype=np.bool_)
    truth = evaluation.truth
    return found & ((truth < 0) | (evaluation.references[truth] > 0))
