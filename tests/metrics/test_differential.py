from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, false_negative_rate, false_positive_rate

from steadyface.errors import MetricError
from steadyface.metrics import comparison_interval, differential_errors, wilson

RNG = np.random.default_rng(0)
N = 3000
SAME = RNG.random(N) < 0.5
NAMES = np.array(["old", "young", "between"])
FIRST = NAMES[RNG.integers(0, 3, N)]
SECOND = np.where(SAME, FIRST, NAMES[RNG.integers(0, 3, N)])
MATCHED = np.where(RNG.random(N) < np.where(FIRST == "old", 0.75, 0.9), SAME, ~SAME)


def test_rates_by_group_are_fairlearns() -> None:
    misses, false = differential_errors(MATCHED, SAME, (FIRST.tolist(), SECOND.tolist()))
    frame = MetricFrame(
        metrics=false_negative_rate,
        y_true=SAME[SAME],
        y_pred=MATCHED[SAME],
        sensitive_features=FIRST[SAME],
    )
    assert {r.groups[0]: r.rate for r in misses.rates} == pytest.approx(frame.by_group.to_dict())
    assert misses.difference == pytest.approx(frame.difference())
    assert misses.ratio == pytest.approx(1 / frame.ratio())
    assert misses.worst == frame.by_group.idxmax() == "old"
    both = np.array(["|".join(sorted(p)) for p in zip(FIRST, SECOND, strict=True)])
    frame = MetricFrame(
        metrics=false_positive_rate,
        y_true=SAME[~SAME],
        y_pred=MATCHED[~SAME],
        sensitive_features=both[~SAME],
    )
    found = {"|".join(r.groups): r.rate for r in false.rates}
    assert found == pytest.approx(frame.by_group.to_dict())
    assert len(found) == 6
    assert false.worst == "old"
    one = false.rates[0]
    assert one.interval == wilson(one.errors, one.count)
    assert not one.small


def test_groups_of_few_are_named_and_decide_nothing() -> None:
    same = np.array([True] * 50 + [False] * 200)
    matched = same.copy()
    matched[:3] = False  # misses of the small group
    matched[60:62] = True  # two false matches among the many
    groups = ["few"] * 10 + ["many"] * 40 + ["many"] * 190 + ["few"] * 10
    misses, false = differential_errors(matched, same, (groups, groups))
    few = next(r for r in misses.rates if r.groups[0] == "few")
    assert (few.count, few.errors, few.small) == (10, 3, True)
    # One large group is not compared with itself.
    assert (misses.worst, misses.best, misses.difference, misses.ratio) == (None,) * 4
    assert (false.worst, false.best, false.difference, false.ratio) == (None,) * 4
    assert [r.small for r in false.rates] == [True, False]  # 10 comparisons at 1 % say nothing
    nobody, _ = differential_errors(matched[:10], same[:10], (groups[:10], groups[:10]))
    assert (nobody.worst, nobody.best, nobody.difference) == (None, None, None)


def test_people_are_resampled_as_wholes() -> None:
    same = np.ones(400, dtype=bool)
    matched = np.arange(400) < 200  # whole people are missed
    groups, who = ["all"] * 400, [str(n // 20) for n in range(400)]
    alone = differential_errors(matched, same, (groups, groups))[0].rates[0]
    whole = differential_errors(matched, same, (groups, groups), people=(who, who))[0].rates[0]
    assert alone.interval is not None and whole.interval is not None
    low, high = whole.interval
    assert high - low > 2 * (alone.interval.high - alone.interval.low)
    assert (alone.people, whole.people) == (None, 20)


def test_people_of_both_sides_of_a_false_match_are_resampled() -> None:
    who = np.repeat(np.arange(40), 2)
    one, other = np.triu_indices(80, 1)
    apart = who[one] != who[other]
    first, second = who[one][apart].astype(str), who[other][apart].astype(str)
    matched = (first == "3") | (second == "3")  # one person is like everybody
    groups = ["all"] * len(first)
    _, false = differential_errors(
        matched,
        np.zeros(len(first), dtype=bool),
        (groups, groups),
        people=(first.tolist(), second.tolist()),
        seed=4,
    )
    (rate,) = false.rates
    assert rate.interval == comparison_interval(matched, first, second, np.random.default_rng(4))
    by_pair = wilson(rate.errors, rate.count)
    assert rate.interval is not None
    assert rate.interval.high - rate.interval.low > 3 * (by_pair.high - by_pair.low)
    assert (rate.people, rate.small) == (40, False)


def test_comparisons_of_few_people_are_few_on_either_side() -> None:
    rng = np.random.default_rng(0)
    first = rng.integers(0, 30, 300).astype(str).tolist()
    second = [f"x{n}" for n in rng.integers(0, 9, 300)]
    same, matched = np.zeros(300, dtype=bool), rng.random(300) < 0.2
    across = ["a"] * 300, ["b"] * 300
    ((rate,), _) = (found.rates for found in differential_errors(matched, same, across)[::-1])
    assert not rate.small
    of_people = differential_errors(matched, same, across, people=(first, second))[1].rates[0]
    assert (of_people.people, of_people.small) == (39, True)
    mated = ~same
    misses, _ = differential_errors(~matched, mated, across, people=(second, second))
    assert (misses.rates[0].people, misses.rates[0].small) == (9, True)


def test_unranked_groups_are_neither_worst_nor_best() -> None:
    groups = FIRST.tolist(), SECOND.tolist()
    misses, false = differential_errors(MATCHED, SAME, groups, unranked=["old"])
    assert {misses.worst, misses.best} == {false.worst, false.best} == {"young", "between"}
    misses, _ = differential_errors(MATCHED, SAME, groups, unranked=["old", "young"])
    assert (misses.worst, misses.difference) == (None, None)


def test_unfit_arrays_are_named() -> None:
    yes = np.array([True, False])
    with pytest.raises(MetricError, match=r"groups\[1\] has 1 entries and matched has 2"):
        differential_errors(yes, yes, (["a", "b"], ["a"]))
    with pytest.raises(MetricError, match=r"people\[0\] has 1 entries"):
        differential_errors(yes, yes, (["a", "b"], ["a", "b"]), people=(["x"], ["x", "y"]))
    with pytest.raises(MetricError, match="same is empty"):
        differential_errors(np.zeros(0, bool), np.zeros(0, bool), ([], []))
