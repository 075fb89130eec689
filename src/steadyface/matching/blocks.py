"""Blocks of identities, laid out for one fast matrix product each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from steadyface.matching.scores import ReadyTemplates
from steadyface.types import FloatArray

#: Names may stem from file names that are no Unicode, which Python holds as lone surrogates.
_CODEC = ("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """Some identities on their way into a block or out of it.

    Attributes:
        ids: N int64, rising.
        vectors: N x D float32, unit vectors; zeros without a reference.
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
        vectors: D x B float32, C-contiguous: one identity a column.
        ids: B int64.
        references: B int64.
        unreliable: B float64.
        starts: B + 1 int64, where each name starts in `names`.
        names: UTF-8, one after another; a str an identity would take five times as much.
    """

    used: int
    vectors: FloatArray
    ids: NDArray[np.int64]
    references: NDArray[np.int64]
    unreliable: NDArray[np.float64]
    starts: NDArray[np.int64]
    names: bytes

    @classmethod
    def empty(cls, dimension: int, size: int) -> Block:
        """A block of nobody yet."""
        return cls(
            0,
            np.zeros((dimension, size), dtype=np.float32),
            np.zeros(size, dtype=np.int64),
            np.zeros(size, dtype=np.int64),
            np.zeros(size, dtype=np.float64),
            np.zeros(size + 1, dtype=np.int64),
            b"",
        )

    @property
    def room(self) -> int:
        """How many more identities fit."""
        return len(self.ids) - self.used

    def of_dimension(self, dimension: int) -> Block:
        """The same identities, none of which has a reference yet, with vectors of D zeros."""
        return replace(self, vectors=np.zeros((dimension, len(self.ids)), dtype=np.float32))

    def name(self, slot: int) -> str:
        """The name of one identity."""
        return self._encoded(slot).decode(*_CODEC)

    def _encoded(self, slot: int) -> bytes:
        return self.names[self.starts[slot] : self.starts[slot + 1]]

    def taken(self, slots: NDArray[np.int64]) -> Entries:
        """Some of its identities."""
        return Entries(
            self.ids[slots],
            self.vectors[:, slots].T,
            self.references[slots],
            self.unreliable[slots],
            tuple(self.name(slot) for slot in slots),
        )

    def appended(self, entries: Entries) -> Block:
        """With more identities, of higher ids, which have to fit."""
        new = slice(self.used, self.used + len(entries.ids))
        self._put(new, entries)
        encoded = [name.encode(*_CODEC) for name in entries.names]
        ends = self.starts[self.used] + np.cumsum([len(name) for name in encoded], dtype=np.int64)
        self.starts[new.start + 1 : new.stop + 1] = ends
        return replace(self, used=new.stop, names=b"".join([self.names, *encoded]))

    def replaced(self, slots: NDArray[np.int64], entries: Entries) -> Block:
        """With other values for some of its identities."""
        copy = self.without(np.zeros(0, dtype=np.int64))
        copy._put(slots, entries)
        encoded = [name.encode(*_CODEC) for name in entries.names]
        if all(self._encoded(slot) == name for slot, name in zip(slots, encoded, strict=True)):
            return copy
        every = [self._encoded(slot) for slot in range(self.used)]
        for slot, name in zip(slots, encoded, strict=True):
            every[slot] = name
        copy.starts[1 : self.used + 1] = np.cumsum([len(name) for name in every])
        return replace(copy, names=b"".join(every))

    def without(self, slots: NDArray[np.int64]) -> Block:
        """A copy without some of its identities."""
        keep = np.ones(self.used, dtype=np.bool_)
        keep[slots] = False
        count = int(keep.sum())
        new = Block.empty(len(self.vectors), len(self.ids))
        # By rows: a copy of the whole between the two would take as much again.
        for row, old in zip(new.vectors, self.vectors, strict=True):
            row[:count] = old[: self.used][keep]
        new.ids[:count] = self.ids[: self.used][keep]
        new.references[:count] = self.references[: self.used][keep]
        new.unreliable[:count] = self.unreliable[: self.used][keep]
        lengths = np.diff(self.starts[: self.used + 1])
        new.starts[1 : count + 1] = np.cumsum(lengths[keep])
        letters = np.frombuffer(self.names, dtype=np.uint8)[np.repeat(keep, lengths)]
        return replace(new, used=count, names=letters.tobytes())

    def _put(self, where: slice | NDArray[np.int64], entries: Entries) -> None:
        self.vectors[:, where] = entries.vectors.T
        self.ids[where] = entries.ids
        self.references[where] = entries.references
        self.unreliable[where] = entries.unreliable


def dimension_of(blocks: Sequence[Block]) -> int:
    """Of the vectors; 0 while nobody has a reference."""
    return len(blocks[0].vectors) if blocks else 0


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
            every = np.arange(block.used)
            # A copy, for searches may hold the first at its present length.
            copy = result[-1].without(np.zeros(0, dtype=np.int64))
            result[-1] = copy.appended(block.taken(every))
        else:
            result.append(block)
    return result
