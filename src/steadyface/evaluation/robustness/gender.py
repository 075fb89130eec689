"""Task A under distortion: a folder with female/ and male/, every clean image distorted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from steadyface.distortions.suites import Condition
from steadyface.errors import DatasetLayoutError
from steadyface.evaluation.embedding import detection_counts, failures_of, run_all
from steadyface.evaluation.gender import GenderEvaluation
from steadyface.evaluation.layouts import CLEAN, GENDERS, GenderImage
from steadyface.evaluation.persons import person_labelled
from steadyface.evaluation.robustness.cells import Cell, Worst, ones_and_zeros, share
from steadyface.evaluation.robustness.facts import DISTORTED, dataset_facts, left_out
from steadyface.evaluation.shown import as_under
from steadyface.evaluation.summaries import NO_ANSWER
from steadyface.pipeline import Analyzer
from steadyface.types import RGBImage

MEASURES = ("accuracy", "recall of women", "recall of men")
_EDGES = np.linspace(0, 1, 21)
_WORST = 6


class GenderSubject:
    """Measures gender classification under any condition.

    Args:
        analyzer: the pipeline.
        folder: the data, for names.
        images: labelled images; those that file names call distorted are left out.
        seed: of the distortions.

    Raises:
        DatasetLayoutError: a class has no image but such.
    """

    task = "gender"
    measures = MEASURES
    sorts = GENDERS
    axis = "P(female)"
    rule = None

    def __init__(
        self, analyzer: Analyzer, folder: Path, images: Sequence[GenderImage], *, seed: int = 0
    ) -> None:
        self._analyzer, self._folder, self._seed = analyzer, folder, seed
        self._images = tuple(image for image in images if image.kind == CLEAN)
        self._distorted = [self._name(image.path) for image in images if image.kind != CLEAN]
        for gender in GENDERS:
            if not any(image.gender == gender for image in self._images):
                raise DatasetLayoutError(
                    f"{folder / gender}: no image but such whose names say that they are "
                    "distorted; give clean ones"
                )

    @property
    def files(self) -> list[Path]:
        """Every image."""
        return [image.path for image in self._images]

    @property
    def persons(self) -> list[str]:
        """Whom each image shows, as far as folders tell."""
        return [person_labelled(image, self._folder) for image in self._images]

    @property
    def labels(self) -> list[list[str]]:
        """Name and gender of every image."""
        return [[self._name(image.path), image.gender] for image in self._images]

    @property
    def dataset(self) -> dict[str, Any]:
        """How many of each class, and what is left out."""
        counts = {g: sum(image.gender == g for image in self._images) for g in GENDERS}
        return dataset_facts(counts, left_out({DISTORTED: self._distorted}))

    def decode(self, name: str) -> RGBImage:
        """The image that a cell's name stands for."""
        return self._analyzer.decode(self._folder / name)

    def measure(self, condition: Condition | None) -> Cell:
        """One condition."""
        outcomes = run_all(
            self._analyzer,
            self._images,
            load=lambda i: as_under(
                condition, self._analyzer.decode(i.path), self._name(i.path), self._seed
            ),
            name=lambda i: str(i.path),
            label=CLEAN if condition is None else str(condition),
        )
        evaluation = GenderEvaluation(self._images, tuple(outcomes))
        truth, right = evaluation.truth, evaluation.truth == evaluation.predicted
        lost = np.array([not outcome.located for outcome in outcomes])
        p_female = evaluation.p_female
        return Cell(
            kind=CLEAN if condition is None else condition.kind,
            severity=0.0 if condition is None else condition.severity,
            count=len(truth),
            figures={
                "accuracy": share(right),
                "recall of women": share(right[truth == 0]),
                "recall of men": share(right[truth == 1]),
            },
            wrong={
                "detection": int((~right & lost).sum()),
                "recognition": int((~right & ~lost).sum()),
            },
            detection=detection_counts(outcomes),
            histograms={
                name: np.histogram(p_female[(truth == number) & ~np.isnan(p_female)], _EDGES)[
                    0
                ].tolist()
                for number, name in enumerate(GENDERS)
            },
            edges=_EDGES.tolist(),
            worst=self._worst(evaluation),
            failures=failures_of(outcomes),
            right=ones_and_zeros(right),
        )

    def _worst(self, evaluation: GenderEvaluation) -> tuple[Worst, ...]:
        predicted, p_female = evaluation.predicted, evaluation.p_female
        wrong = (predicted != evaluation.truth) & (predicted != NO_ANSWER)
        order = sorted(np.flatnonzero(wrong), key=lambda i: -abs(p_female[i] - 0.5))[:_WORST]
        return tuple(
            Worst(
                (self._name(self._images[i].path),),
                self._images[i].gender,
                f"P(female) {p_female[i]:.2f}",
                round(float(abs(p_female[i] - 0.5)), 6),
            )
            for i in order
        )

    def _name(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()
