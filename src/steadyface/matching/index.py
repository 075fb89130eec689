"""An exact search in memory, kept up to date identity by identity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import GalleryModelError, UsageError
from steadyface.matching.blocks import Block, Entries, dimension_of, joined, places_of
from steadyface.matching.calibration import DecisionRule
from steadyface.matching.decide import match_with_nobody
from steadyface.matching.scan import Scanner
from steadyface.matching.scores import ready
from steadyface.matching.search import Search
from steadyface.types import Embedding, Match, Templates

#: Replacing one identity copies its block, of 128 dimensions in 6 ms; each costs a search 15 us.
BLOCK = 65_536
#: How many scores a search of many probes holds at once: 64 MB.
_SCORES_AT_ONCE = 2**24
#: More gain little.
_PROBES_AT_ONCE = 32
#: How many identities are made ready at once.
_READY_AT_ONCE = 2048


class TemplateIndex:
    """Answers as `decide.match` does on `ready` templates of the same gallery, only faster.

    A product of 8-bit codes finds everybody whose margin (score less threshold) may be among the
    best, for how far such a product can be off is known, see `scan.CodedProbes.error`; the decision
    is then made among those few by the same functions, from exact scores of the vectors as they
    were given, so that every field is the same. Ties go to the lower id.

    Any number of threads may search, also while one changes the index: a search keeps to the
    identities it found at its start, for replacing and removing copy the blocks they touch and
    appending writes only behind what a search reads. Changes take a lock and follow one another.

    Args:
        model_id: the model of all embeddings.
        block: how many identities a block holds; growth never copies a block.

    Raises:
        UsageError: `block` is below 1.
    """

    def __init__(self, model_id: str, *, block: int = BLOCK) -> None:
        if block < 1:
            raise UsageError(f"block is {block}: give 1 or more")
        self.model_id = model_id
        self._size = block
        self._blocks: tuple[Block, ...] = ()
        self._lock = Lock()
        self._scanner = Scanner()

    def __len__(self) -> int:
        """How many identities there are, those without references included."""
        return sum(block.used for block in self._blocks)

    @property
    def dimension(self) -> int:
        """Of the vectors; 0 while nobody has had a reference."""
        return dimension_of(self._blocks)

    # --- changes ------------------------------------------------------------------------------

    def update(self, ids: Sequence[int] | NDArray[np.int64], templates: Templates) -> None:
        """Put identities in, or new values in the place of those with the same id; all or none.

        Args:
            ids: N different ids, in any order: `ids[i]` is that of `templates.names[i]`. One that
                is new has to be higher than all that are there.
            templates: all references of these identities; an identity without references counts,
                but never matches.

        Raises:
            GalleryModelError: the templates come from another model.
            UsageError: ids and names do not pair, an id comes twice or is new and too low, or a
                vector has another dimension than those that are there, or is not finite.
        """
        if templates.model_id != self.model_id:
            raise GalleryModelError(
                f"the templates were embedded by {templates.model_id!r} and the index holds those "
                f"of {self.model_id!r}; use one model for both"
            )
        numbers = _checked_ids(ids)
        if len(numbers) != len(templates.names):
            raise UsageError(f"{len(numbers)} ids do not pair with {len(templates.names)} names")
        if not np.isfinite(templates.vectors).all():
            raise UsageError("the vectors hold values that are not finite")
        with self._lock:
            blocks = list(self._blocks)
            self._check_new(blocks, numbers)
            dimension = dimension_of(blocks)
            if len(templates.owners):
                dimension = templates.vectors.shape[1]
                blocks = [_fitting(block, dimension) for block in blocks]
            for part, some in _parts(numbers, templates):
                entries = Entries.of(part, ready(some, "mean"), dimension)
                self._put(blocks, entries)
            self._blocks = tuple(blocks)

    def remove(self, ids: Sequence[int] | NDArray[np.int64]) -> None:
        """Take identities out; ids that are not there are passed over.

        Raises:
            UsageError: an id comes twice.
        """
        numbers = _checked_ids(ids)
        with self._lock:
            blocks = list(self._blocks)
            where, slots = places_of(blocks, numbers)
            for number in np.unique(where[where >= 0]):
                blocks[number] = blocks[number].without(slots[where == number])
            self._blocks = tuple(joined([block for block in blocks if block.used]))

    def clear(self) -> None:
        """Take everybody out."""
        with self._lock:
            self._blocks = ()

    @staticmethod
    def _check_new(blocks: list[Block], ids: NDArray[np.int64]) -> None:
        new = ids[places_of(blocks, ids)[0] < 0]
        if blocks and len(new) and new.min() < (highest := blocks[-1].ids[blocks[-1].used - 1]):
            raise UsageError(
                f"id {new.min()} is new and has to be higher than {highest}, which is there"
            )

    def _put(self, blocks: list[Block], entries: Entries) -> None:
        """Change a list of blocks so that it holds these identities, of rising ids."""
        where, slots = places_of(blocks, entries.ids)
        for number in np.unique(where[where >= 0]):
            here = np.flatnonzero(where == number)
            blocks[number] = blocks[number].replaced(slots[here], entries.only(here))
        new = np.flatnonzero(where < 0)
        while len(new):
            if not blocks or not blocks[-1].room:
                blocks.append(Block.empty(entries.vectors.shape[1], self._size))
            some, new = np.split(new, [blocks[-1].room])
            blocks[-1] = blocks[-1].appended(entries.only(some))

    # --- searches -----------------------------------------------------------------------------

    def match(
        self,
        probe: Embedding,
        rule: DecisionRule,
        *,
        top: int = 5,
        located: bool = True,
        quality: float | None = None,
    ) -> Match:
        """Decide which known identity a probe is, or none.

        Args:
            probe: the probe's embedding.
            rule: the thresholds and what they stand for.
            top: how many candidates to return.
            located: False where the probe's crop was assumed, not found.
            quality: of the probe, 0..1; None where it is not known.

        Raises:
            GalleryModelError: probe and index come from different models.
            UsageError: `top` is below 1, or the probe's vector has another dimension.
        """
        return self.match_many([probe], rule, top=top, located=[located], qualities=[quality])[0]

    def match_many(
        self,
        probes: Sequence[Embedding],
        rule: DecisionRule,
        *,
        top: int = 5,
        located: Sequence[bool] | None = None,
        qualities: Sequence[float | None] | None = None,
    ) -> list[Match]:
        """Match P probes by shared products; as `match` does one, all against the same identities.

        Args:
            probes: their embeddings.
            rule: the thresholds and what they stand for.
            top: how many candidates to return for each.
            located: P, see `match`; None where all were found.
            qualities: P, see `match`; None where none is known.

        Raises:
            GalleryModelError, UsageError: as `match` does, or there are not P of each.
        """
        faces = [True] * len(probes) if located is None else located
        known = [None] * len(probes) if qualities is None else qualities
        if not len(probes) == len(faces) == len(known):
            raise UsageError(
                f"{len(probes)} probes, {len(faces)} located and {len(known)} qualities: give as "
                "many of each"
            )
        search = Search(self._blocks, self._scanner, self.model_id, rule, top)
        for probe in probes:
            search.check(probe)
        if not search.identities:
            return [match_with_nobody(rule, located=face) for face in faces]
        step = min(_PROBES_AT_ONCE, max(1, _SCORES_AT_ONCE // search.identities))
        answers: list[Match] = []
        for start in range(0, len(probes), step):
            some = slice(start, start + step)
            answers += search.decisions(probes[some], faces[some], known[some])
        return answers


def _fitting(block: Block, dimension: int) -> Block:
    known = block.codes.dimension
    if known and known != dimension:
        raise UsageError(f"the vectors have {dimension} dimensions, those of the index {known}")
    return block if known else block.of_dimension(dimension)


def _checked_ids(ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    numbers = np.asarray(ids, dtype=np.int64)
    rising = np.sort(numbers)
    twice = rising[1:][rising[1:] == rising[:-1]]
    if len(twice):
        raise UsageError(f"id {twice[0]} comes twice: give an identity once")
    return numbers


def _parts(
    ids: NDArray[np.int64], templates: Templates
) -> Iterator[tuple[NDArray[np.int64], Templates]]:
    """The identities by rising id, so many at a time, that making them ready takes little room."""
    size, order = _READY_AT_ONCE, np.argsort(ids)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    owners = place[templates.owners]
    rows = np.argsort(owners, kind="stable")
    firsts = np.searchsorted(owners[rows], np.arange(0, len(ids) + size, size))
    for start, (first, last) in zip(range(0, len(ids), size), pairwise(firsts), strict=True):
        some, here = order[start : start + size], rows[first:last]
        qualities = None if templates.qualities is None else templates.qualities[here]
        yield (
            ids[some],
            Templates(
                tuple(templates.names[i] for i in some),
                templates.vectors[here],
                owners[here] - start,
                templates.model_id,
                qualities,
            ),
        )
