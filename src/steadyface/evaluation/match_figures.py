"""The figures of Task B: every probe scored against every identity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadyface.evaluation.embedding import (
    Outcome,
    detection_counts,
    failures_of,
    qualities_of,
)
from steadyface.evaluation.layouts import Probe
from steadyface.evaluation.persons import person_below
from steadyface.evaluation.summaries import (
    NO_ANSWER,
    classification_summary,
    verification_summary,
)
from steadyface.matching.calibration import DecisionRule, expected_fpir
from steadyface.matching.decide import decide
from steadyface.matching.quality import unreliability
from steadyface.metrics import fnir_at_fpir, rank_k, ranks, share_interval
from steadyface.types import FloatArray, Match

SCHEMA = "steadyface/evaluate-match/1"
LABELS = ("0", "1")
_FPIR = 1e-2
_RESAMPLES = 300
#: Decision score of a comparison that could not be made: never a match.
_LOWEST = -1.0


@dataclass(frozen=True, slots=True, eq=False)
class MatchEvaluation:
    """Every probe scored against every identity; the figures follow from them.

    Attributes:
        names: the N identities.
        probes: P probes.
        outcomes: what the pipeline made of each probe.
        scores: P x N float32 cosines; rows of -inf for probes without a face, columns of -inf for
            identities without a usable reference.
        references: N counts of usable references.
        unreliable: N float64, of the templates, see `matching.quality.unreliability`.
        rule: the decision rule.
        reference_outcomes: what the pipeline made of each reference.
        strangers: folder of the probes of people who are not enrolled, in which a folder is a
            person; None takes each of their images for one.
    """

    names: tuple[str, ...]
    probes: tuple[Probe, ...]
    outcomes: tuple[Outcome, ...]
    scores: FloatArray
    references: NDArray[np.int64]
    unreliable: NDArray[np.float64]
    rule: DecisionRule
    reference_outcomes: tuple[Outcome, ...]
    strangers: Path | None = None

    @property
    def truth(self) -> NDArray[np.int64]:
        """P ints: column of the true identity, -1 for a person not enrolled."""
        column = {name: index for index, name in enumerate(self.names)}
        columns = [-1 if p.identity is None else column[p.identity] for p in self.probes]
        return np.array(columns, dtype=np.int64)

    @property
    def acquired(self) -> NDArray[np.bool_]:
        """P bools: the probe gave a face."""
        return np.array([outcome.face is not None for outcome in self.outcomes], dtype=np.bool_)

    @property
    def decision_scores(self) -> FloatArray:
        """P x N float32: what decisions rank by, on the scale of one located comparison.

        Templates of more references have higher thresholds, and so have probes whose face was not
        found and poor probes of poor templates; a score is moved by as much as its threshold is
        above `rule.threshold`, so that the one threshold serves them all. Where the threshold was
        set by hand nothing is moved.
        """
        located = [o.face is None or o.face.located for o in self.outcomes]
        poor = self._poor[:, None]
        both = {
            found: self.rule.thresholds(
                self.references, located=found, unreliable=(poor, self.unreliable)
            )
            for found in (True, False)
        }
        thresholds = np.where(np.array(located)[:, None], both[True], both[False])
        moved = self.scores - thresholds + self.rule.threshold
        return np.asarray(moved, dtype=np.float32)

    @property
    def _persons(self) -> NDArray[np.str_]:
        """P names, the unit that resamples draw."""
        return np.array([self._person(probe) for probe in self.probes])

    def _person(self, probe: Probe) -> str:
        if probe.identity is not None:
            return f"={probe.identity}"
        if self.strangers is None or self.strangers not in probe.path.parents:
            return str(probe.path)
        return person_below(probe.path, self.strangers)

    @property
    def _poor(self) -> NDArray[np.float64]:
        """P float64, the probes' unreliability."""
        return unreliability(qualities_of(self.outcomes))

    def decisions(self) -> list[Match | None]:
        """The decision on each probe; None for a probe without a face."""
        enrolled = np.flatnonzero(np.isfinite(self.scores).any(axis=0))
        names = tuple(self.names[column] for column in enrolled)
        return [
            None
            if outcome.face is None
            else decide(
                row[enrolled],
                names,
                self.references[enrolled],
                self.rule,
                located=outcome.face.located,
                unreliable=(poor, self.unreliable[enrolled]),
            )
            for row, outcome, poor in zip(self.scores, self.outcomes, self._poor, strict=True)
        ]

    def right(self, decisions: Sequence[Match | None]) -> NDArray[np.bool_]:
        """P bools: label and, for a known person, identity are right; no answer never is."""
        told = zip(decisions, self.truth, strict=True)
        return np.array([_is_right(d, t, self.names) for d, t in told], dtype=np.bool_)

    def summary(self) -> dict[str, Any]:
        """All figures: overall, by kind, and the failures."""
        decisions = self.decisions()
        kinds = sorted({probe.kind for probe in self.probes})
        return {
            "schema": SCHEMA,
            "identities": len(self.names),
            "references": len(self.reference_outcomes),
            "rule": {
                "threshold": self.rule.threshold,
                "fmr": self.rule.fmr,
                "interval": None if self.rule.interval is None else list(self.rule.interval),
                "calibration": self.rule.calibration,
                "expected_fpir": None
                if self.rule.fmr is None
                else expected_fpir(self.rule.fmr, len(self.names)),
            },
            "overall": self._figures(np.ones(len(self.probes), dtype=np.bool_), decisions),
            "by_kind": {
                kind: self._figures(np.array([p.kind == kind for p in self.probes]), decisions)
                for kind in kinds
            },
            "failures": failures_of(self.outcomes),
            "reference_failures": failures_of(self.reference_outcomes),
        }

    def comparisons(self, chosen: NDArray[np.bool_] | None = None) -> tuple[FloatArray, FloatArray]:
        """Mated and non-mated decision scores of all probe-template comparisons.

        A comparison that could not be made, for probe or template gave no face, counts with the
        lowest score: it never matches.
        """
        use = np.ones(len(self.probes), dtype=np.bool_) if chosen is None else chosen
        scores, truth = self.decision_scores[use], self.truth[use]
        scores = np.maximum(scores, np.float32(_LOWEST))
        is_mated = truth[:, None] == np.arange(len(self.names))[None, :]
        return scores[is_mated], scores[~is_mated]

    def rows(self) -> list[dict[str, Any]]:
        """One row a probe, for CSV."""
        found = self._ranks()
        return [
            _row(probe, outcome, decision, rank)
            for probe, outcome, decision, rank in zip(
                self.probes, self.outcomes, self.decisions(), found, strict=True
            )
        ]

    def _ranks(self) -> list[int | None]:
        """Rank of the true identity, from 1; None for strangers."""
        known = self.truth >= 0
        scores = self.decision_scores[known]
        values = iter(ranks(scores, self.truth[known])) if known.any() else iter(())
        return [int(next(values)) if is_known else None for is_known in known]

    def _figures(
        self, chosen: NDArray[np.bool_], decisions: Sequence[Match | None]
    ) -> dict[str, Any]:
        truth, scores = self.truth[chosen], self.decision_scores[chosen]
        kept = [d for d, use in zip(decisions, chosen, strict=True) if use]
        known = truth >= 0
        labels = known.astype(np.int64)
        predicted = np.array([NO_ANSWER if d is None else d.label for d in kept], dtype=np.int64)
        right, persons = self.right(decisions)[chosen], self._persons[chosen]
        of_right = _share(right, persons)
        found = ranks(scores[known], truth[known]) if known.any() else None
        strangers = bool((~known).any())
        return {
            "probes": int(chosen.sum()),
            "known": int(known.sum()),
            "unknown": int((~known).sum()),
            "label": classification_summary(labels, predicted, LABELS),
            "label_and_identity_accuracy": of_right["value"],
            "label_and_identity_interval": of_right["interval"],
            "decisions": {
                "fpir": _share(predicted[~known] == 1, persons[~known]),
                "fnir": _share(~right[known], persons[known]),
            },
            "rank_1": None if found is None else rank_k(found, 1),
            "rank_5": None if found is None else rank_k(found, 5),
            "fnir_at_fpir_1e-02": fnir_at_fpir(scores, truth, _FPIR)
            if strangers and found is not None
            else None,
            "comparisons": verification_summary(*self.comparisons(chosen)),
            "detection": detection_counts(
                [o for o, use in zip(self.outcomes, chosen, strict=True) if use]
            ),
        }


def _share(hits: NDArray[np.bool_], persons: NDArray[np.str_]) -> dict[str, Any]:
    """A share, and its 95 % interval with people resampled as wholes; None where there is none."""
    if not len(hits):
        return {"value": None, "interval": None}
    interval = share_interval(hits, persons, np.random.default_rng(0), resamples=_RESAMPLES)
    return {
        "value": float(hits.mean()),
        "interval": None if interval is None else list(interval),
    }


def _is_right(decision: Match | None, truth: int, names: tuple[str, ...]) -> bool:
    """Label and, for a known person, identity are right; no answer never is."""
    if decision is None:
        return False
    if truth < 0:
        return decision.label == 0
    return decision.identity == names[truth]


def _row(
    probe: Probe, outcome: Outcome, decision: Match | None, rank: int | None
) -> dict[str, Any]:
    best = decision.candidates[0] if decision is not None else None
    return {
        "probe": str(probe.path),
        "kind": probe.kind,
        "label": 0 if probe.identity is None else 1,
        "identity": probe.identity or "",
        "predicted_label": "" if decision is None else decision.label,
        "predicted_identity": "" if decision is None else decision.identity or "",
        "best_candidate": "" if best is None else best.identity,
        "similarity": "" if best is None else round(best.similarity, 6),
        "threshold": "" if decision is None else round(decision.threshold, 6),
        "probability": ""
        if decision is None or decision.probability is None
        else round(decision.probability, 6),
        "rank_of_identity": "" if rank is None else rank,
        "detection": outcome.detection,
        "error": "" if outcome.error is None else str(outcome.error),
    }
