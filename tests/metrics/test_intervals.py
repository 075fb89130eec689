"""Intervals against SciPy, and the unit of resampling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from steadyface.errors import MetricError
from steadyface.metrics import bootstrap, share_interval, wilson


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize(
    ("successes", "n"), [(0, 1), (1, 1), (0, 30), (30, 30), (7, 30), (990, 1000), (1, 10**6)]
)
def test_wilson_is_scipys(successes: int, n: int, confidence: float) -> None:
    expected = stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")
    found = wilson(successes, n, confidence)
    assert found.low == pytest.approx(expected.low, rel=1e-9, abs=1e-15)
    assert found.high == pytest.approx(expected.high, rel=1e-9, abs=1e-15)


def test_wilson_is_at_95_percent_unless_told() -> None:
    low, high = wilson(np.int64(8), 10)  # type: ignore[arg-type]
    assert (low, high) == wilson(8, 10, 0.95)
    assert (low, high) == pytest.approx((0.4901625, 0.9433178), abs=1e-7)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_stays_in_range(case: tuple[int, int]) -> None:
    successes, n = case
    low, high = wilson(successes, n)
    assert 0.0 <= low <= successes / n <= high <= 1.0


def test_bootstrap_of_single_rows_is_scipys_percentile_interval() -> None:
    data = np.random.default_rng(0).exponential(size=200)
    found = bootstrap(
        lambda rows: float(data[rows].mean()),
        np.arange(200),
        np.random.default_rng(1),
        resamples=4000,
        confidence=0.9,
    )
    expected = stats.bootstrap(
        (data,),
        np.mean,
        method="percentile",
        n_resamples=4000,
        confidence_level=0.9,
        rng=np.random.default_rng(2),
    ).confidence_interval
    assert found is not None
    width = expected.high - expected.low
    assert found.low == pytest.approx(expected.low, abs=0.06 * width)
    assert found.high == pytest.approx(expected.high, abs=0.06 * width)


def test_bootstrap_by_unit_is_scipys_over_the_units_themselves() -> None:
    # Rows of a unit are copies, so the mean over rows is the mean over units.
    units = np.random.default_rng(3).normal(size=40)
    data, groups = np.repeat(units, 25), np.repeat(np.arange(40), 25)
    found = bootstrap(
        lambda rows: float(data[rows].mean()), groups, np.random.default_rng(4), resamples=4000
    )
    expected = stats.bootstrap(
        (units,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(5)
    ).confidence_interval
    by_row = bootstrap(
        lambda rows: float(data[rows].mean()), np.arange(1000), np.random.default_rng(4)
    )
    assert found is not None
    assert by_row is not None
    width = expected.high - expected.low
    assert found == pytest.approx((expected.low, expected.high), abs=0.06 * width)
    assert by_row.high - by_row.low < 0.3 * width


def test_bootstrap_takes_all_rows_of_each_drawn_unit() -> None:
    groups = np.array(["b", "a", "b", "c", "a", "b"])
    members = {"a": [1, 4], "b": [0, 2, 5], "c": [3]}
    seen: list[NDArray[np.int64]] = []

    def statistic(rows: NDArray[np.int64]) -> float:
        seen.append(rows)
        return float(len(rows))

    bootstrap(statistic, groups, np.random.default_rng(0), resamples=50)
    assert len(seen) == 50
    for rows in seen:
        drawn = 0
        for positions in members.values():
            times = {int(np.count_nonzero(rows == position)) for position in positions}
            assert len(times) == 1  # every row of a unit as often as the unit
            drawn += times.pop()
        assert drawn == 3  # as many units as there are
    assert len({tuple(rows.tolist()) for rows in seen}) > 10


def test_bootstrap_repeats_with_the_same_generator_seed() -> None:
    data = np.random.default_rng(0).normal(size=30)

    def run(seed: int) -> Any:
        return bootstrap(
            lambda rows: float(np.median(data[rows])),
            np.arange(30) // 3,
            np.random.default_rng(seed),
            resamples=100,
        )

    assert run(7) == run(7)
    assert run(7) != run(8)


def test_bootstrap_is_not_measurable_with_one_unit_or_an_unmeasurable_resample() -> None:
    rng = np.random.default_rng(0)
    assert bootstrap(lambda rows: 1.0, np.zeros(9, dtype=int), rng) is None
    # Some resample of two units lacks the first.
    assert bootstrap(lambda rows: 1.0 if 0 in rows else None, np.array([0, 1]), rng) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wilson(3, 0), r"^n is 0: give a whole number, 1 or more$"),
        (lambda: wilson(4, 3), r"^successes is 4: give a whole number, 0 to 3$"),
        (lambda: wilson(-1, 3), r"^successes is -1"),
        (lambda: wilson(0.5, 3), r"^successes is 0.5"),  # type: ignore[arg-type]
        (lambda: wilson(True, 3), r"^successes is True"),
        (lambda: wilson(1, 3, 95), r"^confidence is 95: give a fraction between 0 and 1$"),
        (
            lambda: bootstrap(lambda _: float("nan"), np.arange(3), np.random.default_rng(0)),
            r"^statistic gave nan on a resample: return None",
        ),
        (
            lambda: bootstrap(lambda _: 1.0, np.arange(3) / 2, np.random.default_rng(0)),
            r"^groups has type float64",
        ),
        (
            lambda: bootstrap(lambda _: 1.0, np.array([]), np.random.default_rng(0)),
            r"^groups is empty",
        ),
        (
            lambda: bootstrap(lambda _: 1.0, np.arange(3), np.random.default_rng(0), resamples=0),
            r"^resamples is 0",
        ),
        (
            lambda: bootstrap(
                lambda _: 1.0, np.arange(3), np.random.default_rng(0), confidence=1.0
            ),
            r"^confidence is 1:",
        ),
    ],
)
def test_malformed_input_is_named(call: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        call()


def test_the_interval_of_a_share_is_the_bootstraps_or_wilsons_of_the_people() -> None:
    hits, people = np.arange(60) % 3 > 0, np.repeat(np.arange(20), 3)
    found = share_interval(hits, people, np.random.default_rng(0))
    again = bootstrap(lambda rows: float(hits[rows].mean()), people, np.random.default_rng(0))
    assert found == again
    every = np.ones(60, dtype=bool)
    assert share_interval(every, people, np.random.default_rng(0)) == wilson(20, 20)
    assert share_interval(~every, people, np.random.default_rng(0)) == wilson(0, 20)
    assert share_interval(every, np.zeros(60, dtype=int), np.random.default_rng(0)) is None
    with pytest.raises(MetricError, match="groups has 2 entries and hits has 60"):
        share_interval(every, np.arange(2), np.random.default_rng(0))
