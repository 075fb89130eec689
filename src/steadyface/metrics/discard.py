"""Whether a quality measure knows which comparisons will fail: error versus discard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import MetricError
from steadyface.metrics.checks import Scores, check_threshold, score_array
from steadyface.metrics.thresholds import accepted


def error_versus_discard(
    mated: Scores, quality: Scores, threshold: float, shares: Scores
) -> NDArray[np.float64]:
    """FNMR of the comparisons that are left when those of lowest quality are discarded.

    Of N comparisons floor(share * N) are discarded; among equal qualities the first come first. A
    measure that knows nothing gives a level line. Source: Grother and Tabassi, 'Performance of
    biometric quality measures', IEEE TPAMI 29(4), 2007; ISO/IEC 29794-1.

    Args:
        mated: N floats, mated comparison scores; one >= threshold is a match.
        quality: N floats, the lower quality of the two images; higher is better.
        threshold: where decisions are made; the same for every share.
        shares: S floats 0 <= share < 1, the shares to discard.

    Returns:
        S float64, 0..1.

    Raises:
        MetricError: arrays empty, of differing lengths or not finite, a NaN threshold, or a share
            out of range.
    """
    check_threshold(threshold)
    scores = score_array(mated, "mated")
    qualities, parts = score_array(quality, "quality"), score_array(shares, "shares")
    if len(qualities) != len(scores):
        raise MetricError(f"quality has {len(qualities)} values and mated {len(scores)}")
    if parts.min() < 0 or parts.max() >= 1:
        raise MetricError("shares: give fractions from 0 to below 1")
    missed = ~accepted(scores, threshold)[np.argsort(qualities, kind="stable")]
    # Rounding must not keep one more than the share of a whole number of comparisons says.
    discarded = np.floor(parts.astype(np.float64) * len(scores) + 1e-9).astype(np.int64)
    left = np.concatenate((np.cumsum(missed[::-1])[::-1], [0]))
    rates: NDArray[np.float64] = left[discarded] / (len(scores) - discarded)
    return rates
