"""Identification metrics of ISO/IEC 19795-1: ranks and CMC (closed set), FPIR and FNIR (open set).

Scores are P x G: a row a probe (a search), a column an enrolled identity; higher means more alike.
`truth` holds the column of each probe's identity, -1 for a person who is not enrolled.

-inf marks a failure: a row of -inf is a probe that failed to acquire, a single -inf a reference
that could not be compared. Failures stay in the denominator and never match: an enrolled person's
failed probe is a miss at every rank and threshold (FNIR counts transactions, failures to acquire
included), a stranger's failed probe is no false positive.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import MetricError
from steadyface.metrics.checks import (
    Labels,
    Measured,
    Scores,
    check_count,
    check_rate,
    check_threshold,
    label_array,
    score_array,
)
from steadyface.metrics.thresholds import (
    accepted,
    accepted_share,
    allowed_count,
    smallest_threshold,
)

#: The rank of an identity that a failed search never returns: beyond every rank that counts.
NO_RANK: Final[int] = int(np.iinfo(np.int64).max)


def ranks(scores: Scores, truth: Labels) -> NDArray[np.int64]:
    """The rank of the true identity among all, from 1, ties counted against it.

    Source: ISO/IEC 19795-1 (identification rank).

    Args:
        scores: P x G floats, -inf for failures.
        truth: P integers, -1 to G - 1.

    Returns:
        One rank for each enrolled probe (`truth` >= 0), in order; others have none. 1 + the number
        of other identities that score as high or higher; `NO_RANK` for a failure.

    Raises:
        MetricError: shapes differ, a score is NaN or +inf, or no probe is enrolled.
    """
    scores, truth = _searches(scores, truth)
    rows, true_scores = _enrolled(scores, truth)
    return _ranks(rows, true_scores)


def rank_k(ranks: Labels, k: int) -> float:
    """Rank-k identification rate: the share of enrolled probes with rank k or better.

    Source: ISO/IEC 19795-1 (true-positive identification rate of a closed set).

    Args:
        ranks: M integers from 1, as `ranks` gives them.
        k: 1 or more.

    Raises:
        MetricError: no rank, a rank below 1, or k below 1.
    """
    check_count(k, "k", low=1, high=NO_RANK - 1)
    found = label_array(ranks, "ranks", low=1)
    return int(np.count_nonzero(found <= k)) / len(found)


def cmc(ranks: Labels, max_rank: int) -> NDArray[np.float64]:
    """Cumulative match characteristic: the rank-k identification rates for k = 1 to `max_rank`.

    Source: ISO/IEC 19795-1.

    Args:
        ranks: M integers from 1, as `ranks` gives them.
        max_rank: 1 or more; the gallery's size gives the whole curve.

    Returns:
        `max_rank` float64, entry k - 1 for rank k, never falling; failures keep it below 1.

    Raises:
        MetricError: no rank, a rank below 1, or `max_rank` below 1.
    """
    check_count(max_rank, "max_rank", low=1, high=NO_RANK - 1)
    found = label_array(ranks, "ranks", low=1)
    hits = np.bincount(found[found <= max_rank], minlength=max_rank + 1)[1:]
    rates: NDArray[np.float64] = np.cumsum(hits) / len(found)
    return rates


def fpir_at(scores_unknown_best: Scores, threshold: float) -> float:
    """False-positive identification rate: the share of strangers' searches that return anyone.

    Source: ISO/IEC 19795-1.

    Args:
        scores_unknown_best: U floats, the highest score of each search of a person who is not
            enrolled; -inf for a failure, which returns nobody.
        threshold: an identity is returned when its score >= threshold.

    Raises:
        MetricError: empty, NaN or +inf scores, or a NaN threshold.
    """
    check_threshold(threshold)
    best = score_array(scores_unknown_best, "scores_unknown_best", failures=True)
    return accepted_share(best, threshold)


def fnir_at(scores: Scores, truth: Labels, threshold: float, rank_limit: int | None = 1) -> float:
    """False-negative identification rate FNIR(N, R, T) over the enrolled probes.

    The share of searches in which the true identity is not among the first R or scores below T.
    Source: ISO/IEC 19795-1; Grother, Ngan and Hanaoka, NIST IR 8271.

    Args:
        scores: P x G floats, -inf for failures, which are misses.
        truth: P integers, -1 to G - 1; strangers (-1) do not enter.
        threshold: T; infinities return all or none.
        rank_limit: R, ties counted against the true identity; None sets no limit.

    Raises:
        MetricError: shapes differ, a score is NaN or +inf, no probe is enrolled, a NaN threshold,
            or a rank limit below 1.
    """
    _check_limits(threshold, rank_limit)
    scores, truth = _searches(scores, truth)
    return float(np.mean(~_hits(scores, truth, threshold, rank_limit)))


def dir_at(scores: Scores, truth: Labels, threshold: float, rank_limit: int | None = 1) -> float:
    """Detection and identification rate: 1 - FNIR.

    Source: Grother, Micheals and Phillips, 'Face recognition vendor test 2002 performance metrics',
    2003; Li and Jain (eds.), 'Handbook of face recognition', 2nd ed., 2011, chapter 21.

    Args:
        scores: P x G floats, -inf for failures, which are misses.
        truth: P integers, -1 to G - 1; strangers (-1) do not enter.
        threshold: an identity is returned when its score >= threshold.
        rank_limit: the true identity must have this rank or better; None sets no limit.

    Raises:
        MetricError: as `fnir_at`.
    """
    _check_limits(threshold, rank_limit)
    scores, truth = _searches(scores, truth)
    return float(np.mean(_hits(scores, truth, threshold, rank_limit)))


def fnir_at_fpir(
    scores: Scores, truth: Labels, fpir: float, rank_limit: int | None = 1
) -> Measured:
    """FNIR at the smallest threshold whose measured FPIR is at most `fpir`.

    Source: ISO/IEC 19795-1.

    Args:
        scores: P x G floats, -inf for failures.
        truth: P integers, -1 to G - 1; FPIR is measured on the strangers (-1), FNIR on the others.
        fpir: the target, a fraction 0..1.
        rank_limit: as in `fnir_at`.

    Returns:
        The rate, 0..1; None, not measurable, where U strangers are too few: U * fpir < 1.

    Raises:
        MetricError: shapes differ, a score is NaN or +inf, no probe is enrolled or none is a
            stranger, the rate is no fraction, or the rank limit is below 1.
    """
    check_rate(fpir, "fpir")
    _check_limits(0.0, rank_limit)
    scores, truth = _searches(scores, truth)
    strangers = truth < 0
    if not strangers.any():
        raise MetricError("truth has no -1: FPIR needs probes of people who are not enrolled")
    _enrolled(scores, truth)
    if allowed_count(int(strangers.sum()), fpir) < 1:
        return None
    threshold = smallest_threshold(scores[strangers].max(axis=1), fpir)
    return float(np.mean(~_hits(scores, truth, threshold, rank_limit)))


def _check_limits(threshold: float, rank_limit: int | None) -> None:
    check_threshold(threshold)
    if rank_limit is not None:
        check_count(rank_limit, "rank_limit", low=1, high=NO_RANK - 1)


def _searches(scores: Scores, truth: Labels) -> tuple[Scores, NDArray[np.int64]]:
    checked = score_array(scores, "scores", ndim=2, failures=True)
    probes, identities = checked.shape
    like = ("scores (rows)", probes)
    return checked, label_array(truth, "truth", low=-1, high=identities - 1, like=like)


def _enrolled(scores: Scores, truth: NDArray[np.int64]) -> tuple[Scores, Scores]:
    """The enrolled probes' rows, and in each the score of the true identity."""
    rows = np.flatnonzero(truth >= 0)
    if len(rows) == 0:
        raise MetricError("truth is -1 throughout: give at least one probe of an enrolled person")
    # Most calls come with enrolled probes only; their matrix need not be copied.
    kept = scores if len(rows) == len(scores) else scores[rows]
    return kept, kept[np.arange(len(rows)), truth[rows]]


def _ranks(rows: Scores, true_scores: Scores) -> NDArray[np.int64]:
    as_high = np.count_nonzero(rows >= true_scores[:, None], axis=1)
    return np.where(np.isneginf(true_scores), NO_RANK, as_high).astype(np.int64)


def _hits(
    scores: Scores, truth: NDArray[np.int64], threshold: float, rank_limit: int | None
) -> NDArray[np.bool_]:
    """Whether each enrolled probe's search returns its identity."""
    rows, true_scores = _enrolled(scores, truth)
    hits = accepted(true_scores, threshold)
    if rank_limit is not None:
        hits &= _ranks(rows, true_scores) <= rank_limit
    return hits
