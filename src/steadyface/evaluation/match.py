"""Task B on a folder of identities: is a distorted probe a known identity, which, or none?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from steadyface.errors import DatasetLayoutError
from steadyface.evaluation.embedding import Outcome, embeddings_of, qualities_of, run_all
from steadyface.evaluation.layouts import MatchDataset, Probe
from steadyface.evaluation.match_figures import MatchEvaluation
from steadyface.matching.calibration import DecisionRule
from steadyface.matching.scores import ready
from steadyface.pipeline import Analyzer, no_face
from steadyface.types import RGBImage, Templates


class MatchEvaluator:
    """Enrols every identity's references once, and scores probes against all of them.

    As in `Recognizer.enroll`, a reference in which no face was found is not enrolled. Probes that
    cannot be decoded, or hold no face where one is required, count as errors, and so does every
    probe of an identity of which no reference can be used.

    Args:
        analyzer: the pipeline under test.
        references: images by identity.
        rule: how decisions are made.

    Raises:
        DatasetLayoutError: no reference at all can be used.
    """

    def __init__(
        self, analyzer: Analyzer, references: Mapping[str, Sequence[Path]], rule: DecisionRule
    ) -> None:
        self._analyzer, self._rule = analyzer, rule
        owners = [(name, path) for name, paths in references.items() for path in paths]
        offered = run_all(
            analyzer,
            owners,
            load=lambda o: analyzer.decode(o[1]),
            name=lambda o: str(o[1]),
            label="references",
        )
        self._enrolled = tuple(_enrollable(outcome) for outcome in offered)
        templates = _templates(owners, self._enrolled, analyzer.model_id)
        self._missing = np.setdiff1d(np.arange(len(templates.names)), templates.owners)
        self._size = templates.vectors.shape[1]
        self._templates = ready(templates)

    def evaluate(
        self,
        probes: Sequence[Probe],
        *,
        load: Callable[[Probe], RGBImage] | None = None,
        label: str = "probes",
        strangers: Path | None = None,
    ) -> MatchEvaluation:
        """Score probes.

        Args:
            probes: whom they show, and where they are.
            load: makes the image of a probe; None decodes its file.
            label: of the progress bar.
            strangers: see `MatchEvaluation`.
        """
        outcomes = run_all(
            self._analyzer,
            probes,
            load=load or (lambda p: self._analyzer.decode(p.path)),
            name=lambda p: str(p.path),
            label=label,
        )
        scores = self._templates.score(np.nan_to_num(embeddings_of(outcomes, self._size)))
        lost = np.array([outcome.face is None for outcome in outcomes], dtype=np.bool_)
        scores[lost] = -np.inf
        scores[:, self._missing] = -np.inf
        return MatchEvaluation(
            self._templates.names,
            tuple(probes),
            tuple(outcomes),
            scores,
            self._templates.references,
            self._templates.unreliable,
            self._rule,
            self._enrolled,
            strangers,
        )


def evaluate_match(
    analyzer: Analyzer, dataset: MatchDataset, rule: DecisionRule, *, unknown: Path | None = None
) -> MatchEvaluation:
    """Enrol a dataset's references and score its probes; see `MatchEvaluator`.

    Args:
        analyzer: the pipeline under test.
        dataset: references and probes.
        rule: how decisions are made.
        unknown: the folder of its strangers, in which a folder is a person.
    """
    evaluator = MatchEvaluator(analyzer, dataset.references, rule)
    return evaluator.evaluate(dataset.probes, strangers=unknown)


def _enrollable(outcome: Outcome) -> Outcome:
    """The outcome of a reference, a failure where its crop was only assumed to show a face."""
    if outcome.face is None or outcome.face.located:
        return outcome
    return Outcome(outcome.source, None, no_face(outcome.source))


def _templates(
    owners: Sequence[tuple[str, Path]], enrolled: Sequence[Outcome], model_id: str
) -> Templates:
    names = tuple(dict.fromkeys(name for name, _ in owners))
    vectors = embeddings_of(enrolled)
    usable = ~np.isnan(vectors[:, 0])
    if not usable.any():
        raise DatasetLayoutError(
            f"{owners[0][1].parent.parent}: none of the {len(owners)} reference images can be used "
            f"({enrolled[0].error}); give clear ones"
        )
    columns = np.array([names.index(name) for name, _ in owners], dtype=np.int64)
    return Templates(
        names, vectors[usable], columns[usable], model_id, qualities_of(enrolled)[usable]
    )
