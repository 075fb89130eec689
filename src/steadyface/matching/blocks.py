"""Blocks of identities: coded vectors, and what else a decision needs of an identity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadyface.matching.codes import Codes
from steadyface.matching.scores import ReadyTemplates
from steadyface.types import FloatArray

#: Names may stem from file names that are no Unicode, which Python holds as lone surrogates.
_CODEC = ("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """Some identities on their way into a block or out of it.

    Attributes:
        ids: N int64, rising.
        vectors: N x D float32, unit vectors on the grid; zeros without a reference.
        references: N int64.
        unreliable: N float64.
        names: N.
    """

    ids: NDArray[np.int64]
    vectors: FloatArray
    references: NDArray[np.int64]
    unreliable: NDArray[np.float64]
    names: tuple[str, ...]

    @classmethod
    def of(cls, ids: NDArray[np.int64], templates: ReadyTemplates, dimension: int) -> Entries:
        """Take identities from templates that `ready` made by their means."""
        vectors = np.zeros((len(ids), dimension), dtype=np.float32)
        if len(templates.owners):
            vectors[templates.owners] = templates.vectors
        return cls(ids, vectors, templates.references, templates.unreliable, templates.names)

    def only(self, chosen: NDArray[np.int64]) -> Entries:
        """Some of them, by position."""
        return Entries(
            self.ids[chosen],
            self.vectors[chosen],
            self.references[chosen],
            self.unreliable[chosen],
            tuple(self.names[i] for i in chosen),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Up to B identities in the order of their ids.

    What a block holds never changes, so that a search may go on in it while others follow:
    `appended` writes to the arrays behind what this one uses and hands out a longer one over the
    same arrays; it may be called once on a block. Everything else copies.

    Attributes:
        used: how many identities it holds.
        codes: the vectors.
        ids: B int64.
        references: B int64.
        unreliable: B float64.
        doubts: B float32, the same, for margins.
        starts: B + 1 int64, where each name starts in `names`.
        names: UTF-8, one after another; a str an identity would take five times as much.
        fewest: how many references everyone has, or fewer.
        most: how many references everyone has, or more.
    """

    used: int
    codes: Codes
    ids: NDArray[np.int64]
    references: NDArray[np.int64]
    unreliable: NDArray[np.float64]
    doubts: FloatArray
    starts: NDArray[np.int64]
    names: bytes
    fewest: int
    most: int

    @classmethod
    def empty(cls, dimension: int, size: int) -> Block:
        """A block of nobody yet."""
        return cls(
            0,
            Codes.empty(dimension, size),
            np.zeros(size, dtype=np.int64),
            np.zeros(size, dtype=np.int64),
            np.zeros(size, dtype=np.float64),
            np.zeros(size, dtype=np.float32),
            np.zeros(size + 1, dtype=np.int64),
            b"",
            np.iinfo(np.int64).max,
            0,
        )

    @property
    def room(self) -> int:
        """How many more identities fit."""
        return len(self.ids) - self.used

    def of_dimension(self, dimension: int) -> Block:
        """The same identities, none of which has a reference yet, with vectors of D zeros."""
        codes = Codes.empty(dimension, len(self.ids))
        zeros = np.zeros((self.used, dimension), dtype=np.float32)
        return replace(self, codes=codes.put(np.arange(self.used), zeros, 0))

    def name(self, slot: int) -> str:
        """The name of one identity."""
        return self._encoded(slot).decode(*_CODEC)

    def _encoded(self, slot: int) -> bytes:
        return self.names[self.starts.item(slot) : self.starts.item(slot + 1)]

    def taken(self, slots: NDArray[np.int64]) -> Entries:
        """Some of its identities."""
        return Entries(
            self.ids[slots],
            self.codes.taken(slots),
            self.references[slots],
            self.unreliable[slots],
            tuple(self.name(slot) for slot in slots),
        )

    def appended(self, entries: Entries) -> Block:
        """With more identities, of higher ids, which have to fit."""
        used = self.used + len(entries.ids)
        changed = self._with(np.arange(self.used, used), entries)
        encoded = [name.encode(*_CODEC) for name in entries.names]
        ends = self.starts[self.used] + np.cumsum([len(name) for name in encoded], dtype=np.int64)
        self.starts[self.used + 1 : used + 1] = ends
        return replace(changed, used=used, names=b"".join([self.names, *encoded]))

    def replaced(self, slots: NDArray[np.int64], entries: Entries) -> Block:
        """With other values for some of its identities."""
        copy = self.copy()._with(slots, entries)
        encoded = [name.encode(*_CODEC) for name in entries.names]
        if all(self._encoded(slot) == name for slot, name in zip(slots, encoded, strict=True)):
            return copy
        every = [self._encoded(slot) for slot in range(self.used)]
        for slot, name in zip(slots, encoded, strict=True):
            every[slot] = name
        copy.starts[1 : self.used + 1] = np.cumsum([len(name) for name in every])
        return replace(copy, names=b"".join(every))

    def without(self, slots: NDArray[np.int64]) -> Block:
        """Without some of its identities."""
        keep = np.ones(self.used, dtype=np.bool_)
        keep[slots] = False
        kept = np.flatnonzero(keep)
        new = self._over(self.codes.only(kept), kept)
        lengths = np.diff(self.starts[: self.used + 1])
        new.starts[1 : len(kept) + 1] = np.cumsum(lengths[kept])
        letters = np.frombuffer(self.names, dtype=np.uint8)[np.repeat(keep, lengths)]
        return replace(new, used=len(kept), names=letters.tobytes())

    def copy(self) -> Block:
        """The same on arrays of its own."""
        new = self._over(self.codes.copy(self.used), slice(self.used))
        new.starts[: self.used + 1] = self.starts[: self.used + 1]
        return new

    def _over(self, codes: Codes, kept: NDArray[np.int64] | slice) -> Block:
        """With these vectors and what belongs to them in arrays of its own, the names aside."""
        new = Block.empty(codes.dimension, len(self.ids))
        for array, old in zip(new._columns(), self._columns(), strict=True):
            some = old[kept]
            array[: len(some)] = some
        return replace(
            new,
            used=self.used,
            codes=codes,
            names=self.names,
            fewest=self.fewest,
            most=self.most,
        )

    def _columns(self) -> tuple[NDArray[Any], ...]:
        return self.ids, self.references, self.unreliable, self.doubts

    def _with(self, slots: NDArray[np.int64], entries: Entries) -> Block:
        """Write to these arrays, the names aside."""
        self.ids[slots] = entries.ids
        self.references[slots] = entries.references
        self.unreliable[slots] = entries.unreliable
        self.doubts[slots] = entries.unreliable
        return replace(
            self,
            codes=self.codes.put(slots, entries.vectors, self.used),
            fewest=min(self.fewest, int(entries.references.min())),
            most=max(self.most, int(entries.references.max())),
        )


def dimension_of(blocks: Sequence[Block]) -> int:
    """Of the vectors; 0 while nobody has a reference."""
    return blocks[0].codes.dimension if blocks else 0


def places_of(
    blocks: Sequence[Block], ids: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The block of each id, -1 where it is in none, and its place there; blocks rise by ids."""
    where = np.searchsorted([block.ids[0] for block in blocks], ids, side="right") - 1
    slots = np.zeros(len(ids), dtype=np.int64)
    for number in np.unique(where[where >= 0]):
        here = np.flatnonzero(where == number)
        known = blocks[number].ids[: blocks[number].used]
        found = np.minimum(np.searchsorted(known, ids[here]), len(known) - 1)
        slots[here] = found
        where[here[known[found] != ids[here]]] = -1
    return where, slots


def joined(blocks: list[Block]) -> list[Block]:
    """Neighbours that together fill no more than half a block become one.

    Only half: a full one would soon be followed by another, and they be joined again.
    """
    result: list[Block] = []
    for block in blocks:
        if result and result[-1].used + block.used <= len(block.ids) // 2:
            result[-1] = result[-1].appended(block.taken(np.arange(block.used)))
        else:
            result.append(block)
    return result
