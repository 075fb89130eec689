from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame
from sklearn.metrics import accuracy_score, recall_score

from steadyface.errors import MetricError
from steadyface.metrics import bootstrap, group_figures

RNG = np.random.default_rng(0)
TRUTH = RNG.integers(0, 2, 400)
PREDICTED = np.where(RNG.random(400) < 0.8, TRUTH, 1 - TRUTH)
GROUPS = [["old", "young", "between"][i] for i in RNG.integers(0, 3, 400)]


def test_group_figures_are_fairlearns() -> None:
    report = group_figures(TRUTH, PREDICTED, GROUPS)
    frame = MetricFrame(
        metrics={
            "accuracy": accuracy_score,
            "first": lambda t, p: recall_score(t, p, pos_label=0),
            "second": lambda t, p: recall_score(t, p, pos_label=1),
        },
        y_true=TRUTH,
        y_pred=PREDICTED,
        sensitive_features=GROUPS,
    )
    assert [group.name for group in report.groups] == sorted(frame.by_group.index)
    for group in report.groups:
        row = frame.by_group.loc[group.name]
        assert group.accuracy == pytest.approx(row["accuracy"])
        assert group.error_rates == pytest.approx((1 - row["first"], 1 - row["second"]))
        assert group.count == GROUPS.count(group.name)
    assert report.gap == pytest.approx(frame.difference()["accuracy"])
    assert report.worst == frame.by_group["accuracy"].idxmin()
    assert report.best == frame.by_group["accuracy"].idxmax()


def test_intervals_resample_units_as_wholes() -> None:
    groups, people = ["all"] * 400, [str(i // 20) for i in range(400)]
    right = (TRUTH == PREDICTED).astype(float)
    wide = right.copy()
    wide[:200], wide[200:] = 1, 0  # whole people are right or wrong
    predicted = np.where(wide == 1, TRUTH, 1 - TRUTH)
    alone = group_figures(TRUTH, predicted, groups).groups[0].interval
    together = group_figures(TRUTH, predicted, groups, units=people).groups[0].interval
    assert alone is not None
    assert together is not None
    assert together.high - together.low > 2 * (alone.high - alone.low)
    expected = bootstrap(
        lambda rows: float(wide[rows].mean()), np.array(people), np.random.default_rng(0)
    )
    assert together == pytest.approx(expected)


def test_small_groups_are_told_and_left_out_of_worst_and_gap() -> None:
    truth, groups = np.zeros(65, dtype=np.int64), ["a"] * 30 + ["b"] * 30 + ["few"] * 5
    predicted = truth.copy()
    predicted[:3] = 1
    predicted[60:] = 1
    report = group_figures(truth, predicted, groups)
    assert [(g.name, g.small) for g in report.groups] == [("a", False), ("b", False), ("few", True)]
    assert (report.worst, report.best) == ("a", "b")
    assert report.gap == pytest.approx(0.1)
    assert report.groups[2].error_rates == (1.0, None)
    for part in (slice(60, 65), slice(30, 65)):  # none that is large, and one
        alone = group_figures(truth[part], predicted[part], groups[part])
        assert (alone.worst, alone.best, alone.gap) == (None, None, None)


def test_many_images_of_few_people_are_a_small_group() -> None:
    truth, groups = np.zeros(120, dtype=np.int64), ["a"] * 40 + ["b"] * 40 + ["few"] * 40
    people = [f"p{n}" for n in range(80)] + [f"q{n % 9}" for n in range(40)]
    predicted = truth.copy()
    predicted[:3] = 1
    predicted[80:] = 1
    report = group_figures(truth, predicted, groups, units=people)
    told = [(g.name, g.people, g.small) for g in report.groups]
    assert told == [("a", 40, False), ("b", 40, False), ("few", 9, True)]
    assert (report.worst, report.best) == ("a", "b")
    people[-1] = "q10"  # a tenth
    assert group_figures(truth, predicted, groups, units=people).worst == "few"
    assert group_figures(truth, predicted, groups).groups[2].people is None


def test_unranked_groups_are_neither_worst_nor_best() -> None:
    truth, groups = np.zeros(120, dtype=np.int64), ["a"] * 40 + ["b"] * 40 + ["unknown"] * 40
    predicted = truth.copy()
    predicted[:3] = 1
    predicted[80:] = 1
    assert group_figures(truth, predicted, groups).worst == "unknown"
    report = group_figures(truth, predicted, groups, unranked=["unknown"])
    assert (report.worst, report.best) == ("a", "b")
    assert [g.small for g in report.groups] == [False] * 3
    assert group_figures(truth, predicted, groups, unranked=["unknown", "b"]).worst is None


def test_no_answer_is_an_error_and_one_person_has_no_interval() -> None:
    report = group_figures(np.array([0, 1]), np.array([-1, 1]), ["a", "a"], units=["p", "p"])
    assert report.groups[0].accuracy == 0.5
    assert report.groups[0].error_rates == (1.0, 0.0)
    assert report.groups[0].interval is None


@pytest.mark.parametrize(
    ("truth", "groups", "units", "message"),
    [
        ([], [], None, "0 labels, 0 answers and 0 groups: give one of each a sample, and a sample"),
        ([0, 1], ["a"], None, "2 labels, 2 answers and 1 groups"),
        ([0, 1], ["a", "b"], ["p"], "1 units for 2 samples: give one each"),
    ],
)
def test_lengths_have_to_fit(
    truth: list[int], groups: list[str], units: list[str] | None, message: str
) -> None:
    labels = np.array(truth, dtype=np.int64)
    with pytest.raises(MetricError, match=message):
        group_figures(labels, labels, groups, units=units)
