from __future__ import annotations

import numpy as np
import pytest

from steadyface.training.calibrate import fit_thresholds
from steadyface.training.comparisons import Comparisons, Faces, pairs
from steadyface.training.resampling import Resampled
from steadyface.types import FloatArray


def strangers(
    count: int, images: int, shared: float, seed: int
) -> tuple[FloatArray, np.ndarray[tuple[int, ...], np.dtype[np.int16]]]:
    """Scores of everyone with everyone else; a part of a score comes from who the two are."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(count), images)
    first, second = np.triu_indices(len(who), 1)
    apart = who[first] != who[second]
    people = np.stack([who[first], who[second]])[:, apart].astype(np.int16)
    like = rng.normal(0, shared, count)
    scores = rng.normal(0, 0.1, people.shape[1]) + like[people[0]] + like[people[1]]
    return scores.astype(np.float32), people


@pytest.mark.parametrize("rate", [0.1, 0.01])
def test_standard_error_is_that_of_resamples_made_the_long_way(rate: float) -> None:
    scores, people = strangers(40, 3, 0.05, 0)
    found = Resampled(people, resamples=300).standard_error(
        scores, people, rate, int(rate * len(scores))
    )
    rng, thresholds = np.random.default_rng(5), []
    for _ in range(300):
        drawn = np.bincount(rng.integers(40, size=40), minlength=40)
        times = drawn[people[0]] * drawn[people[1]]
        thresholds.append(float(np.quantile(np.repeat(scores, times), 1 - rate)))
    assert found == pytest.approx(np.std(thresholds), rel=0.15)


def test_standard_error_foretells_how_thresholds_of_other_people_differ() -> None:
    thresholds = [np.quantile(strangers(40, 3, 0.05, seed)[0], 0.99) for seed in range(200)]
    scores, people = strangers(40, 3, 0.05, 1000)
    found = Resampled(people).standard_error(scores, people, 0.01, int(0.01 * len(scores)))
    assert found == pytest.approx(np.std(thresholds), rel=0.35)
    # Rows taken for independent would say that it hardly moves.
    wrong = np.sqrt(0.01 * 0.99 / len(scores)) / (
        ((scores > thresholds[0]) & (scores < thresholds[0] + 0.01)).mean() / 0.01
    )
    assert found > 2 * wrong


def test_fitted_points_have_the_interval_where_people_are_known() -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((200, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    faces = Faces(rows, np.zeros(200, dtype=np.float32))
    mated, non_mated = pairs(faces, faces, np.repeat(np.arange(50), 4), np.arange(200))
    assert non_mated.people is not None and non_mated.people.shape == (2, len(non_mated))
    assert (non_mated.people[0] != non_mated.people[1]).all()
    for point in fit_thresholds(mated, non_mated, [], (0.1, 0.01), intervals=True):
        assert point["low"] < point["threshold"] < point["high"]
        assert point["threshold"] - point["low"] == pytest.approx(
            point["high"] - point["threshold"], abs=2e-6
        )
    assert "low" not in fit_thresholds(mated, non_mated, [], (0.1,))[0]
    unknown = Comparisons(non_mated.scores, non_mated.references, non_mated.probes)
    assert "low" not in fit_thresholds(mated, unknown, [], (0.1,), intervals=True)[0]
