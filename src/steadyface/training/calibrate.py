"""Fits thresholds at target false match rates on people set aside for it (CelebA identities).

The comparisons are those of the product: a clean reference against a probe that may be distorted,
and, as every other comparison, against a clean one.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadyface.metrics import fnmr_at, tar_at_fmr, threshold_at_fmr
from steadyface.types import FloatArray

#: Five rates a decade from 1e-1 to 1e-5.
RATES = tuple(float(f"{10 ** (-step / 5):.3g}") for step in range(5, 26))
_MILLIONTH = Decimal("0.000001")


def score_pairs(
    references: FloatArray, probes: FloatArray, identities: NDArray[Any]
) -> tuple[FloatArray, FloatArray]:
    """All comparisons of different images.

    Args:
        references: N x D float32 unit vectors, clean.
        probes: N x D float32 unit vectors of the same N images, perhaps distorted.
        identities: N labels.

    Returns:
        Mated and non-mated scores, float32, of the pairs i < j.
    """
    mated: list[FloatArray] = []
    non_mated: list[FloatArray] = []
    for i in range(len(references) - 1):
        scores = probes[i + 1 :] @ references[i]
        same = identities[i + 1 :] == identities[i]
        mated.append(scores[same])
        non_mated.append(scores[~same])
    return np.concatenate(mated), np.concatenate(non_mated)


def fit_thresholds(
    mated: FloatArray, non_mated: FloatArray, rates: tuple[float, ...] = RATES
) -> list[dict[str, float]]:
    """The threshold and the true accept rate at each target FMR, rates falling.

    Thresholds are rounded up to six decimals, so that rounding accepts no score more; rates that
    too few scores support are left out.
    """
    points = []
    for rate in rates:
        if tar_at_fmr(mated, non_mated, rate) is None:
            break
        exact = Decimal(threshold_at_fmr(non_mated, rate))
        threshold = float(exact.quantize(_MILLIONTH, rounding=ROUND_CEILING))
        tar = 1.0 - fnmr_at(mated, threshold)
        points.append({"fmr": rate, "threshold": threshold, "tar": round(tar, 5)})
    return points
