"""The comparisons that thresholds and probabilities are fitted on: those of the product."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadyface.types import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """N embedded faces.

    Attributes:
        vectors: N x D float32 unit vectors.
        unreliable: N float32, see `matching.quality.unreliability`.
    """

    vectors: FloatArray
    unreliable: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """N comparisons of a reference, or a template, with a probe.

    Attributes:
        scores: N float32 cosines.
        references: N float32, unreliability of the reference; of a template the mean.
        probes: N float32, unreliability of the probe.
        people: 2 x N int16, numbers of the person of the reference and of the probe; None where
            they are not known.
    """

    scores: FloatArray
    references: FloatArray
    probes: FloatArray
    people: NDArray[np.int16] | None = None

    def __len__(self) -> int:
        return len(self.scores)

    def only(self, chosen: NDArray[Any]) -> Comparisons:
        """Some of them, by mask or index."""
        people = None if self.people is None else self.people[:, chosen]
        return Comparisons(
            self.scores[chosen], self.references[chosen], self.probes[chosen], people
        )


def joined(several: Iterable[Comparisons]) -> Comparisons:
    """One after the other."""
    nothing = np.zeros(0, dtype=np.float32)
    parts = [*several, Comparisons(nothing, nothing, nothing, np.zeros((2, 0), dtype=np.int16))]
    people = [p.people for p in parts if p.people is not None]
    return Comparisons(
        np.concatenate([p.scores for p in parts]),
        np.concatenate([p.references for p in parts]),
        np.concatenate([p.probes for p in parts]),
        np.concatenate(people, axis=1) if len(people) == len(parts) else None,
    )


def pairs(
    references: Faces, probes: Faces, identities: NDArray[Any], probe_images: NDArray[np.int64]
) -> tuple[Comparisons, Comparisons]:
    """All comparisons of single references with probes of other images, each pair of images once.

    Args:
        references: N faces.
        probes: P faces, perhaps distorted.
        identities: N labels.
        probe_images: P int64, rising: the image 0..N-1 that each probe shows.

    Returns:
        Mated and non-mated comparisons of reference i and the probes of images j > i.
    """
    numbers = _numbers(identities)
    of_probe = numbers[probe_images]
    mated, non_mated = [], []
    for i, reference in enumerate(references.vectors):
        first = int(np.searchsorted(probe_images, i, side="right"))
        some = _against(
            reference, references.unreliable[i], numbers[i], probes, of_probe, slice(first, None)
        )
        same = of_probe[first:] == numbers[i]
        mated.append(some.only(same))
        non_mated.append(some.only(~same))
    return joined(mated), joined(non_mated)


def templates(
    references: Faces,
    probes: Faces,
    identities: NDArray[Any],
    probe_images: NDArray[np.int64],
    size: int,
) -> tuple[Comparisons, Comparisons]:
    """Comparisons of probes with templates of so many references.

    Everyone with that many images gives one template, the normalised mean of images drawn by a
    generator that the size seeds. A template is never compared with an image that it is made of.

    Args:
        references: N faces.
        probes: P faces.
        identities: N labels.
        probe_images: P int64, the image 0..N-1 that each probe shows.
        size: references a template.

    Returns:
        Mated and non-mated comparisons; both may be empty.
    """
    rng = np.random.default_rng(size)
    numbers = _numbers(identities)
    of_probe = numbers[probe_images]
    mated, non_mated = [], []
    for person in np.unique(numbers):
        images = np.flatnonzero(numbers == person)
        if len(images) < size:
            continue
        chosen = rng.permutation(images)[:size]
        mean = references.vectors[chosen].sum(axis=0)
        some = _against(
            mean / np.linalg.norm(mean),
            references.unreliable[chosen].mean(),
            person,
            probes,
            of_probe,
            slice(None),
        )
        same = of_probe == person
        mated.append(some.only(same & ~np.isin(probe_images, chosen)))
        non_mated.append(some.only(~same))
    return joined(mated), joined(non_mated)


def _numbers(identities: NDArray[Any]) -> NDArray[np.int16]:
    """Labels as numbers from 0; int16, for there are a hundred million comparisons."""
    _, numbers = np.unique(identities, return_inverse=True)
    if len(numbers) and numbers.max() > np.iinfo(np.int16).max:
        raise ValueError(f"{numbers.max() + 1} people are more than are numbered here")
    return numbers.astype(np.int16)


def _against(
    reference: FloatArray,
    unreliable: np.floating[Any],
    person: np.int16,
    probes: Faces,
    of_probe: NDArray[np.int16],
    which: slice,
) -> Comparisons:
    scores = probes.vectors[which] @ reference
    shown = of_probe[which]
    return Comparisons(
        scores,
        np.full(len(scores), unreliable, dtype=np.float32),
        probes.unreliable[which],
        np.stack([np.full_like(shown, person), shown]),
    )
