"""Unit vectors in 32 bits a number: 8 that a search multiplies, 24 that only exact scores need.

`ready` puts every component on a grid of 2^-30, so that it is a whole number of 31 bits. Of that
number the top bits are an int8 code, of all vectors of a block at the same place, and what the code
leaves over is kept beside it in three bytes: the float32 comes back bit for bit. A code stands for
the middle of the numbers that share it; how far the vectors are from their codes is kept as the
largest length of a difference, from which follows how wrong a product of codes can be.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from mmap import mmap
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steadyface.matching.scores import GRID
from steadyface.types import FloatArray

if sys.platform != "win32":
    from mmap import MAP_ANONYMOUS, MAP_PRIVATE

#: What stands for 0 in a probe's codes, see `scan`.
ZERO = 64
#: A panel of 128 dimensions half fills a core's first cache; narrower and wider ones are slower.
_WIDEST_PANEL = 128
_CACHE_LINE = 64
_LARGE = 2**20
_AT_ONCE = 2048
#: Bits below a code: three bytes hold up to 24, where 2^30 is code 64; fewer than 8 gain nothing.
_LEAST_SHIFT, _LARGEST_SHIFT = 8, 24


class Parts(NamedTuple):
    """N vectors as they are kept.

    Attributes:
        codes: N x D int8.
        rest: N x 3 D uint8.
        shift: see `Codes`.
    """

    codes: NDArray[np.int8]
    rest: NDArray[np.uint8]
    shift: int


@dataclass(frozen=True, slots=True, eq=False)
class Codes:
    """Room for B vectors of D dimensions; only `put` changes what the arrays hold.

    Attributes:
        panels: G x D x W int8, C-contiguous: slot s is column s % W of panel s // W.
        rest: B x 3 D uint8, of each number what its code leaves over, see `_three_bytes`.
        zeros: G W int32, what each vector's codes make of a probe of zeros, which is coded as ZERO.
        shift: how many bits a code leaves over.
        residue: length of the largest difference of a vector and its codes, or more.
        length: of the longest vector, or more.
    """

    panels: NDArray[np.int8]
    rest: NDArray[np.uint8]
    zeros: NDArray[np.int32]
    shift: int
    residue: float
    length: float

    @classmethod
    def empty(cls, dimension: int, size: int, shift: int = _LEAST_SHIFT) -> Codes:
        """Zeros; what is never written takes no memory."""
        width = min(_WIDEST_PANEL, size)
        panels = -(-size // width)
        return cls(
            _aligned((panels, dimension, width)),
            _untouched((size, 3 * dimension)),
            np.zeros(panels * width, dtype=np.int32),
            shift,
            0.0,
            0.0,
        )

    @property
    def dimension(self) -> int:
        """D."""
        return int(self.panels.shape[1])

    @property
    def step(self) -> float:
        """What a code of 1 stands for."""
        return float(2.0**self.shift / GRID)

    def used(self, count: int) -> NDArray[np.int8]:
        """The panels of the first vectors, without copying."""
        return self.panels[: -(-count // self.panels.shape[2])]

    def put(self, slots: NDArray[np.int64], vectors: FloatArray, used: int) -> Codes:
        """Write vectors into these arrays, or into copies where their numbers are too large.

        Args:
            slots: N, where.
            vectors: N x D float32, multiples of 1 / GRID between -1 and 1.
            used: how many slots from the first hold something that a copy has to keep.

        Returns:
            the codes that hold all.
        """
        if not vectors.size:
            return self
        numbers = np.rint(vectors * np.float32(GRID)).astype(np.int32)
        shift = _shift_for(max(int(numbers.max()), -int(numbers.min())))
        if shift > self.shift:
            return self._wider(shift, used).put(slots, vectors, used)
        numbers += _half(self.shift)
        codes = (numbers >> self.shift).astype(np.int8)
        self._place(slots, codes, _three_bytes(numbers - (codes.astype(np.int32) << self.shift)))
        self.zeros[slots] = ZERO * codes.sum(axis=1, dtype=np.int32)
        residues = vectors - np.multiply(codes, self.step, dtype=np.float64)  # exact
        return replace(
            self,
            residue=max(self.residue, _longest(residues)),
            length=max(self.length, _longest(vectors.astype(np.float64))),
        )

    def _wider(self, shift: int, used: int) -> Codes:
        """The same with codes that leave over more bits, made a few at a time to save room."""
        new = Codes.empty(self.dimension, len(self.rest), shift)
        for start in range(0, used, _AT_ONCE):
            some = np.arange(start, min(start + _AT_ONCE, used))
            new = new.put(some, self.taken(some), 0)
        return new

    def taken(self, slots: NDArray[np.int64]) -> FloatArray:
        """N x D float32, the vectors that were put there, bit for bit."""
        return together([self.parts(slots)])

    def parts(self, slots: NDArray[np.int64]) -> Parts:
        """Some of the vectors as they are kept, from any of which `together` makes vectors."""
        panels, columns = np.divmod(slots, self.panels.shape[2])
        return Parts(self.panels[panels, :, columns], self.rest.take(slots, axis=0), self.shift)

    def only(self, slots: NDArray[np.int64]) -> Codes:
        """Some of the vectors in arrays of their own, of the same size, from the first slot on."""
        new = Codes.empty(self.dimension, len(self.rest), self.shift)
        parts = self.parts(slots)
        new._place(np.arange(len(slots)), parts.codes, parts.rest)
        new.zeros[: len(slots)] = self.zeros[slots]
        return replace(new, residue=self.residue, length=self.length)

    def copy(self, used: int) -> Codes:
        """The same in arrays of their own, of which the unused part takes no memory yet."""
        new = Codes.empty(self.dimension, len(self.rest), self.shift)
        new.panels[: len(self.used(used))] = self.used(used)
        new.rest[:used] = self.rest[:used]
        new.zeros[:used] = self.zeros[:used]
        return replace(new, residue=self.residue, length=self.length)

    def _place(
        self, slots: NDArray[np.int64], codes: NDArray[np.int8], rest: NDArray[np.uint8]
    ) -> None:
        width = self.panels.shape[2]
        self.panels[slots // width, :, slots % width] = codes
        self.rest[slots] = rest


def together(parts: Sequence[Parts]) -> FloatArray:
    """N x D float32, the vectors of all parts, one after another."""
    codes = np.concatenate([part.codes for part in parts])
    rest = np.concatenate([part.rest for part in parts])
    shifts = np.repeat([part.shift for part in parts], [len(part.codes) for part in parts])[:, None]
    numbers = codes.astype(np.int32)
    numbers <<= shifts.astype(np.int32)
    dimension = codes.shape[1]
    numbers += rest[:, :dimension].astype(np.int32) << 16
    numbers += np.ascontiguousarray(rest[:, dimension:]).view("<u2")
    numbers -= _half(shifts)
    vectors: FloatArray = numbers.astype(np.float32)
    vectors *= np.float32(1 / GRID)
    return vectors


def _aligned(shape: tuple[int, int, int]) -> NDArray[np.int8]:
    """Zeros from the start of a cache line on: a tenth faster to read with the widest registers."""
    size = int(np.prod(shape))
    room = np.zeros(size + _CACHE_LINE, dtype=np.int8)
    first = -room.ctypes.data % _CACHE_LINE
    return room[first : first + size].reshape(shape)


def _untouched(shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Zeros that take no memory before they are written.

    Those of NumPy do where the allocator hands out again what was freed, for it has to be cleared:
    20 MB behind the last of 1,000,000 identities of 128 dimensions.
    """
    size = shape[0] * shape[1]
    if size < _LARGE or sys.platform == "win32":
        return np.zeros(shape, dtype=np.uint8)
    pages = mmap(-1, size, flags=MAP_PRIVATE | MAP_ANONYMOUS)
    return np.frombuffer(pages, dtype=np.uint8).reshape(shape)


def _half(shift: NDArray[np.int32] | int) -> NDArray[np.int32]:
    # So that a code stands for the middle of its numbers, and the rest is not negative.
    return np.left_shift(1, np.subtract(shift, 1), dtype=np.int32)


def _shift_for(largest: int) -> int:
    """The bits to leave over, so that numbers up to this one have codes up to 127."""
    shift = _LEAST_SHIFT
    while shift < _LARGEST_SHIFT and (largest + (1 << (shift - 1))) >> shift > 127:
        shift += 1
    return shift


def _three_bytes(numbers: NDArray[np.int32]) -> NDArray[np.uint8]:
    """N x 3 D of N x D numbers below 2^24: the highest byte of each, then the low two of each."""
    low = (numbers & 0xFFFF).astype("<u2").view(np.uint8)
    return np.concatenate([(numbers >> 16).astype(np.uint8), low], axis=1)


def _longest(rows: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.einsum("nd,nd->n", rows, rows).max()))
