"""How good the exported classifier is, through the very pipeline that users run it in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from steadyface.distortions import KINDS, apply, rng_for
from steadyface.evaluation.embedding import Outcome, run_all
from steadyface.evaluation.gender import GenderEvaluation
from steadyface.evaluation.layouts import CLEAN, GENDERS, GenderImage, kind_or_clean
from steadyface.evaluation.table import UNKNOWN_GROUP
from steadyface.metrics import GroupReport, group_figures
from steadyface.pipeline import Analyzer
from steadyface.training.gender.folders import Example, people_of
from steadyface.types import RGBImage

#: Severity at which the images are distorted for the report.
SEVERITY = 3.0
#: Groups of images of which the table says nothing: never worst or best.
_UNKNOWN = (UNKNOWN_GROUP, *(f"{UNKNOWN_GROUP}, {gender}" for gender in GENDERS))


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Images that were measured under one condition.

    Attributes:
        examples: the images.
        evaluation: what the pipeline said.
        condition: `as given`, or the kind of distortion that was added.
    """

    examples: tuple[Example, ...]
    evaluation: GenderEvaluation
    condition: str

    def groups(self, columns: Sequence[str]) -> dict[str, GroupReport]:
        """Figures by group for every column, and by its combination with gender."""
        truth, predicted = self.evaluation.truth, self.evaluation.predicted
        people = people_of(self.examples)
        reports = {}
        for place, column in enumerate(columns):
            names = [example.groups[place] for example in self.examples]
            both = [f"{name}, {GENDERS[label]}" for name, label in zip(names, truth, strict=True)]
            for title, groups in ((column, names), (f"{column} and gender", both)):
                reports[title] = group_figures(
                    truth, predicted, groups, units=people, unranked=_UNKNOWN
                )
        return reports

    def mistakes(self, count: int) -> list[tuple[Path, str, float]]:
        """The images that are wrong with the greatest certainty: path, label, P(female)."""
        truth, p_female = self.evaluation.truth, self.evaluation.p_female
        wrong = np.where(truth == 0, 1 - p_female, p_female)
        wrong = np.where(np.isnan(wrong), -1, wrong)
        order = [i for i in np.argsort(-wrong, kind="stable") if wrong[i] > 0.5][:count]
        return [(self.examples[i].path, GENDERS[truth[i]], float(p_female[i])) for i in order]


AS_GIVEN = "as given"


def measure(analyzer: Analyzer, examples: Sequence[Example], condition: str, seed: int) -> Measured:
    """Classify images, as they are or distorted.

    Args:
        analyzer: with the classifier.
        examples: the images.
        condition: `AS_GIVEN` or a kind of distortion, which is added at `SEVERITY`.
        seed: of the distortions.
    """
    images = tuple(
        GenderImage(e.path, GENDERS[0] if e.female else GENDERS[1], kind_or_clean(e.path))
        for e in examples
    )

    def load(image: GenderImage) -> RGBImage:
        pixels = analyzer.decode(image.path)
        if condition == AS_GIVEN:
            return pixels
        rng = rng_for(seed, "measure", condition, image.path.name)
        return apply(pixels, condition, SEVERITY, rng)

    outcomes: list[Outcome] = run_all(
        analyzer, images, load=load, name=lambda i: str(i.path), label=condition
    )
    return Measured(tuple(examples), GenderEvaluation(images, tuple(outcomes)), condition)


def measure_all(analyzer: Analyzer, examples: Sequence[Example], seed: int) -> list[Measured]:
    """The images as given, and those of them that are clean distorted in every kind."""
    clean = [example for example in examples if kind_or_clean(example.path) == CLEAN]
    first = measure(analyzer, examples, AS_GIVEN, seed)
    return [first, *(measure(analyzer, clean, kind, seed) for kind in KINDS if clean)]


def groups_as_json(report: GroupReport) -> dict[str, Any]:
    """Plain values."""
    return {
        "groups": {
            g.name: {
                "images": g.count,
                "people": g.people,
                "accuracy": g.accuracy,
                "accuracy_interval": None if g.interval is None else list(g.interval),
                "error_rate": dict(zip(GENDERS, g.error_rates, strict=True)),
                "small": g.small,
            }
            for g in report.groups
        },
        "worst": report.worst,
        "best": report.best,
        "gap": report.gap,
    }
