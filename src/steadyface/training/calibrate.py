"""Fits thresholds at target false match rates on people set aside for it (CelebA identities).

The comparisons are those of the product: templates of clean references against probes that may be
distorted, and, as every other comparison, against clean ones; once with the faces of the probes
located, once with their crops assumed, as where no face is found.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadyface.metrics.thresholds import accepted_share, allowed_count
from steadyface.types import FloatArray

#: Five rates a decade from 1e-1 to 1e-5.
RATES = tuple(float(f"{10 ** (-step / 5):.3g}") for step in range(5, 26))
_MILLIONTH = Decimal("0.000001")


def score_pairs(
    references: FloatArray,
    probes: FloatArray,
    identities: NDArray[Any],
    probe_images: NDArray[np.int64],
) -> tuple[FloatArray, FloatArray]:
    """All comparisons of single references with probes of other images, each pair of images once.

    Args:
        references: N x D float32 unit vectors, clean.
        probes: P x D float32 unit vectors, perhaps distorted.
        identities: N labels.
        probe_images: P int64, rising: the image 0..N-1 that each probe shows.

    Returns:
        Mated and non-mated scores, float32, of reference i and the probes of images j > i.
    """
    of_probe = identities[probe_images]
    mated: list[FloatArray] = [np.zeros(0, dtype=np.float32)]
    non_mated: list[FloatArray] = [np.zeros(0, dtype=np.float32)]
    for i in range(len(references)):
        first = int(np.searchsorted(probe_images, i, side="right"))
        scores = probes[first:] @ references[i]
        same = of_probe[first:] == identities[i]
        mated.append(scores[same])
        non_mated.append(scores[~same])
    return np.concatenate(mated), np.concatenate(non_mated)


def template_pairs(
    references: FloatArray,
    probes: FloatArray,
    identities: NDArray[Any],
    probe_images: NDArray[np.int64],
    size: int,
) -> tuple[FloatArray, FloatArray]:
    """Comparisons of probes with templates of so many references.

    Everyone with that many images gives one template, the normalised mean of images drawn by a
    generator that the size seeds. A template is never compared with an image that it is made of.

    Args:
        references: N x D float32 unit vectors, clean.
        probes: P x D float32 unit vectors.
        identities: N labels.
        probe_images: P int64, the image 0..N-1 that each probe shows.
        size: references a template.

    Returns:
        Mated and non-mated scores, float32; both may be empty.
    """
    rng = np.random.default_rng(size)
    of_probe = identities[probe_images]
    mated: list[FloatArray] = [np.zeros(0, dtype=np.float32)]
    non_mated: list[FloatArray] = [np.zeros(0, dtype=np.float32)]
    for person in np.unique(identities):
        images = np.flatnonzero(identities == person)
        if len(images) < size:
            continue
        chosen = rng.permutation(images)[:size]
        mean = references[chosen].sum(axis=0)
        scores = probes @ (mean / np.linalg.norm(mean))
        same = of_probe == person
        mated.append(scores[same & ~np.isin(probe_images, chosen)])
        non_mated.append(scores[~same])
    return np.concatenate(mated), np.concatenate(non_mated)


def fit_thresholds(
    mated: FloatArray, non_mated: FloatArray, rates: tuple[float, ...] = RATES
) -> list[dict[str, float]]:
    """The threshold and the true accept rate at each target FMR, rates falling and below 1.

    Thresholds are rounded up to six decimals, so that rounding accepts no score more; rates that
    too few scores support are left out.
    """
    count = len(non_mated)
    most = allowed_count(count, rates[0])
    # The highest scores alone decide, and there are tens of millions.
    cut = max(0, count - most - 1)
    highest = np.sort(np.partition(non_mated, cut)[cut:])[::-1]
    points = []
    for rate in rates:
        allowed = allowed_count(count, rate)
        if allowed < 1:
            break
        above = np.nextafter(highest[allowed], np.float32(np.inf))
        threshold = float(Decimal(float(above)).quantize(_MILLIONTH, rounding=ROUND_CEILING))
        tar = accepted_share(mated, threshold)
        points.append({"fmr": rate, "threshold": threshold, "tar": round(tar, 5)})
    return points
