from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import NDArray

from steadyface.errors import MetricError
from steadyface.metrics import comparison_interval, wilson


def everyone(
    count: int, images: int, rate: float, spread: float, seed: int
) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
    """Hits of everyone with everyone else; how likely one is comes from who the two are."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(count), images)
    one, other = np.triu_indices(len(who), 1)
    apart = who[one] != who[other]
    first, second = who[one][apart], who[other][apart]
    lean = np.exp(rng.normal(0, spread, count))
    return rng.random(len(first)) < rate * lean[first] * lean[second], first, second


def test_the_interval_is_that_of_resamples_made_the_long_way() -> None:
    hits, first, second = everyone(30, 2, 0.05, 0.5, 0)
    found = comparison_interval(hits, first, second, np.random.default_rng(1), resamples=3000)
    rng, rates = np.random.default_rng(2), []
    for _ in range(3000):
        times = np.bincount(rng.integers(30, size=30), minlength=30)
        rates.append(np.repeat(hits, times[first] * times[second]).mean())
    assert found == pytest.approx(np.quantile(rates, [0.025, 0.975]), rel=0.06)


def test_it_holds_the_rate_of_other_people_about_as_often_as_it_says() -> None:
    truth = 0.02 * np.exp(0.5**2)
    held = by_pair = 0
    for seed in range(100):
        hits, first, second = everyone(60, 2, 0.02, 0.5, seed)
        rng = np.random.default_rng(seed)
        low, high = comparison_interval(hits, first, second, rng, resamples=200) or (1, 0)
        held += low <= truth <= high
        low, high = wilson(int(hits.sum()), len(hits))
        by_pair += low <= truth <= high
    assert held >= 87
    assert by_pair <= 75


def test_without_a_hit_it_is_wilsons_of_the_pairs_of_people() -> None:
    first, second = np.array(["a", "b", "a", "c"]), np.array(["b", "a", "c", "b"])
    rng = np.random.default_rng(0)
    none = np.zeros(4, dtype=bool)
    assert comparison_interval(none, first, second, rng) == wilson(0, 3)
    assert comparison_interval(~none, first, second, rng) == wilson(3, 3)
    some = np.array([True, False])  # half of all resamples draw one of the two people alone
    assert comparison_interval(some, first[:2], second[:2], rng) is None


def test_hundreds_of_thousands_of_comparisons_take_seconds() -> None:
    hits, first, second = everyone(700, 2, 1e-3, 0.3, 0)
    assert len(hits) > 800_000
    start = time.process_time()
    assert comparison_interval(hits, first, second, np.random.default_rng(0)) is not None
    assert time.process_time() - start < 8


def test_unfit_arrays_are_named() -> None:
    yes, rng = np.array([True]), np.random.default_rng(0)
    with pytest.raises(MetricError, match="second has 2 entries and hits has 1"):
        comparison_interval(yes, np.array([1]), np.array([1, 2]), rng)
    with pytest.raises(MetricError, match="names of different types"):
        comparison_interval(yes, np.array([1]), np.array(["1"]), rng)
