"""The search itself: everybody's margins by products of codes, the decision among the leaders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import UsageError
from steadyface.matching.blocks import Block, dimension_of
from steadyface.matching.calibration import DecisionRule
from steadyface.matching.codes import together
from steadyface.matching.decide import check_search, decide, leaders, margin_slack
from steadyface.matching.quality import unreliability
from steadyface.matching.scan import CodedProbes, Scanner
from steadyface.matching.scores import exact_products
from steadyface.types import Embedding, FloatArray, Match

#: So many leaders are decided among at once; more, of a gallery of many alike, are thinned before.
_FEW = 4096
#: Coding hardly lengthens a unit vector; to clip the scores of one does no harm.
_LONG = 1.1


class Search:
    """One search of the blocks as they were at its start.

    Attributes:
        identities: how many are searched.

    Args:
        blocks: those of the index.
        scanner: multiplies.
        model_id: the model of their vectors.
        rule: the thresholds and what they stand for.
        top: how many candidates to return.
    """

    def __init__(
        self,
        blocks: tuple[Block, ...],
        scanner: Scanner,
        model_id: str,
        rule: DecisionRule,
        top: int,
    ) -> None:
        self._blocks = blocks
        self._scanner = scanner
        self._model_id = model_id
        self._rule = rule
        self._top = top
        self._dimension = dimension_of(blocks)
        self._slack = margin_slack(rule, self._dimension)
        ends = [0]
        for block in blocks:
            ends.append(ends[-1] + block.used)
        self._ends = ends
        self._step = max((block.codes.step for block in blocks), default=1.0)
        self.identities = ends[-1]

    def check(self, probe: Embedding) -> None:
        """Raise what `TemplateIndex.match` states."""
        check_search(probe, self._model_id, self._top)
        if self._dimension and probe.vector.shape != (self._dimension,):
            raise UsageError(
                f"the probe's vector is of shape {probe.vector.shape}, those of the index of "
                f"{(self._dimension,)}; use one model for both"
            )

    def decisions(
        self,
        probes: Sequence[Embedding],
        located: Sequence[bool],
        qualities: Sequence[float | None],
    ) -> list[Match]:
        """The decisions on P probes, whose products are made together."""
        coded = CodedProbes.of(np.array([probe.vector for probe in probes]))
        units = (coded.steps * self._step).tolist()
        slacks = (self._slack + 2 * coded.error([block.codes for block in self._blocks])).tolist()
        asked = [
            _Asked(probe.vector, bool(longer), face, float(unreliability(quality)))
            for probe, longer, face, quality in zip(
                probes, coded.lengths > _LONG, located, qualities, strict=True
            )
        ]
        margins = np.empty((len(probes), self.identities), dtype=np.float32)
        for block, (start, end) in zip(self._blocks, pairwise(self._ends), strict=True):
            margins[:, start:end] = self._scanner.products(coded, block.codes, block.used)
            for each, row, unit in zip(asked, margins, units, strict=True):
                self._to_margins(row[start:end], block, each, unit)
        return [
            self._decided(each, leaders(row, self._top, slack / unit))
            for each, row, slack, unit in zip(asked, margins, slacks, units, strict=True)
        ]

    def _to_margins(self, scores: FloatArray, block: Block, asked: _Asked, unit: float) -> None:
        """Make of a block's products margins in multiples of the unit, all off by the same."""
        if block.codes.step != self._step:
            scores *= np.float32(block.codes.step / self._step)  # exact, a power of 2
        if asked.long:
            scores.clip(np.float32(-1 / unit), np.float32(1 / unit), out=scores)
        if block.fewest != block.most:
            table = (self._lifts(asked.located) / unit).astype(np.float32)
            scores -= table.take(block.references[: block.used], mode="clip")
        elif block.most != 1:
            lifts = self._lifts(asked.located)
            scores -= np.float32(lifts[min(block.most, len(lifts) - 1)] / unit)
        if pull := self._rule.pull * asked.unreliable:
            scores -= block.doubts[: block.used] * np.float32(pull / unit)

    def _lifts(self, located: bool) -> NDArray[np.float64]:
        """How much higher the thresholds against 0, 1, ... references are than against 1."""
        counts = np.arange(1, 1 + max(1, len(self._rule.by_references), len(self._rule.assumed)))
        known = self._rule.thresholds(counts, located=located)
        # Without references the score is -1, not the 0 of a product with zeros.
        return np.array([1, *(known - known[0])])

    def _decided(self, asked: _Asked, chosen: NDArray[np.int64]) -> Match:
        """The decision among everybody who may be among the best, from exact scores."""
        few = self._taken(self._thinned(asked, chosen))
        return decide(
            few.scores(asked.vector),
            few,
            few.references,
            self._rule,
            top=self._top,
            located=asked.located,
            unreliable=(asked.unreliable, few.unreliable),
            identities=self.identities,
        )

    def _thinned(self, asked: _Asked, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """The best of very many, by exact scores of so many at a time that room is small."""
        if len(chosen) <= _FEW:
            return chosen
        margins = np.empty(len(chosen))
        for start in range(0, len(chosen), _FEW):
            few = self._taken(chosen[start : start + _FEW])
            margins[start : start + _FEW] = few.scores(asked.vector) - self._rule.thresholds(
                few.references, located=asked.located, unreliable=(asked.unreliable, few.unreliable)
            )
        order = np.argsort(-margins, kind="stable")
        return np.sort(chosen[order[: self._top]])

    def _taken(self, chosen: NDArray[np.int64]) -> _Few:
        """Some identities, by their place among all, rising."""
        cuts = np.searchsorted(chosen, self._ends)
        found = [
            (block, chosen[first:last] - start)
            for block, start, first, last in zip(
                self._blocks, self._ends[:-1], cuts[:-1], cuts[1:], strict=True
            )
            if first < last
        ]
        return _Few(
            found,
            together([block.codes.parts(some) for block, some in found]),
            np.concatenate([block.references[some] for block, some in found]),
            np.concatenate([block.unreliable[some] for block, some in found]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """A probe.

    Attributes:
        vector: D float32.
        long: whether it is longer than 1, so that its scores have to be clipped.
        located: whether its face was found.
        unreliable: see `matching.quality.unreliability`.
    """

    vector: FloatArray
    long: bool
    located: bool
    unreliable: float


@dataclass(frozen=True, slots=True, eq=False)
class _Few:
    """Some identities, whose names are read only where they are asked for.

    Attributes:
        places: blocks and some slots of each.
        vectors: N x D float32.
        references: N int64.
        unreliable: N float64.
    """

    places: Sequence[tuple[Block, NDArray[np.int64]]]
    vectors: FloatArray
    references: NDArray[np.int64]
    unreliable: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.references)

    def __getitem__(self, position: int, /) -> str:
        for block, slots in self.places:
            if position < len(slots):
                return block.name(int(slots[position]))
            position -= len(slots)
        raise IndexError(position)

    def scores(self, probe: FloatArray) -> FloatArray:
        """As `ReadyTemplates.exact_score`."""
        if not self.vectors.shape[1]:  # Nobody has references yet.
            return np.full(len(self), -1, dtype=np.float32)
        scores = exact_products(self.vectors, probe).clip(-1, 1)
        scores[self.references == 0] = -1
        return scores
