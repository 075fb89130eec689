"""The search itself: everybody's margins by small products, the decision among the leaders."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import UsageError
from steadyface.matching.blocks import Block, dimension_of
from steadyface.matching.calibration import DecisionRule
from steadyface.matching.decide import check_search, leaders, margin_slack, match_among
from steadyface.matching.quality import unreliability
from steadyface.matching.scores import ReadyTemplates
from steadyface.types import Embedding, FloatArray, Match


class Search:
    """One search of the blocks as they were at its start.

    Attributes:
        identities: how many are searched.

    Args:
        blocks: those of the index.
        model_id: the model of their vectors.
        rule: the thresholds and what they stand for.
        top: how many candidates to return.
    """

    def __init__(
        self, blocks: tuple[Block, ...], model_id: str, rule: DecisionRule, top: int
    ) -> None:
        self._blocks = blocks
        self._model_id = model_id
        self._rule = rule
        self._top = top
        self._ends = np.cumsum([0, *(block.used for block in blocks)])
        self._slack = margin_slack(rule, dimension_of(blocks))
        self.identities = int(self._ends[-1])

    def check(self, probe: Embedding) -> None:
        """Raise what `TemplateIndex.match` states."""
        check_search(probe, self._model_id, self._top)
        dimension = dimension_of(self._blocks)
        if dimension and probe.vector.shape != (dimension,):
            raise UsageError(
                f"the probe's vector is of shape {probe.vector.shape}, those of the index of "
                f"{(dimension,)}; use one model for both"
            )

    def scores(self, probes: Sequence[Embedding]) -> FloatArray:
        """P x N float32; 0 for an identity without references."""
        scores = np.empty((len(probes), self.identities), dtype=np.float32)
        vectors = np.stack([probe.vector for probe in probes])
        for block, (start, end) in zip(self._blocks, pairwise(self._ends), strict=True):
            scores[:, start:end] = block.scores(vectors)
        return scores

    def decided(
        self, probe: Embedding, scores: FloatArray, located: bool, quality: float | None
    ) -> Match:
        """The decision on one probe; its N scores are changed."""
        unreliable = unreliability(quality)
        self._to_margins(scores, located, float(self._rule.pull * unreliable))
        return match_among(
            probe,
            self._taken(leaders(scores, self._top, self._slack)),
            self._rule,
            identities=self.identities,
            top=self._top,
            located=located,
            unreliable=unreliable,
        )

    def _to_margins(self, scores: FloatArray, located: bool, pull: float) -> None:
        """Take from each score the threshold against its template."""
        counts = np.arange(1, 1 + max(1, len(self._rule.by_references), len(self._rule.assumed)))
        known = self._rule.thresholds(counts, located=located)
        # Without references the score is -1, not the 0 of a product with zeros.
        table = np.array([known[0] + 1, *known], dtype=np.float32)
        for block, (start, end) in zip(self._blocks, pairwise(self._ends), strict=True):
            margins = scores[start:end]
            margins -= table.take(block.references[: block.used], mode="clip")
            if pull:
                margins -= block.unreliable[: block.used] * pull

    def _taken(self, chosen: NDArray[np.int64]) -> ReadyTemplates:
        """Some identities, by their place among all."""
        places = np.split(chosen, np.searchsorted(chosen, self._ends[1:-1]))
        parts = [
            block.taken(some - start)
            for block, some, start in zip(self._blocks, places, self._ends[:-1], strict=True)
            if len(some)
        ]
        references = np.concatenate([part.references for part in parts])
        owners = np.flatnonzero(references)
        return ReadyTemplates(
            tuple(name for part in parts for name in part.names),
            references,
            self._model_id,
            "mean",
            np.concatenate([part.vectors for part in parts])[owners],
            owners,
            np.concatenate([part.unreliable for part in parts]),
        )
