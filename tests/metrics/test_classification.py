"""Classification metrics against scikit-learn, and 'no answer' by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from steadyface.errors import MetricError
from steadyface.metrics import binary_report, classification_report, confusion_matrix

CLASSES = ("a", "b", "c")


def random_answers(seed: int, lowest: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(3, size=300)
    return truth, np.where(rng.random(300) < 0.6, truth, rng.integers(lowest, 3, size=300))


@pytest.mark.parametrize("lowest", [0, -1], ids=["all answered", "some unanswered"])
def test_report_is_sklearns(lowest: int) -> None:
    truth, predicted = random_answers(lowest + 5, lowest)
    report = classification_report(truth, predicted, CLASSES)
    # scikit-learn takes -1 for one more class; asked for the three, it leaves that one out.
    by_class = np.array(sk.precision_recall_fscore_support(truth, predicted, labels=[0, 1, 2])).T
    figures = [(f.precision, f.recall, f.f1, f.support) for f in report.per_class.values()]
    np.testing.assert_allclose(np.array(figures, dtype=float), by_class)
    macro = sk.precision_recall_fscore_support(truth, predicted, labels=[0, 1, 2], average="macro")[
        :3
    ]
    assert (report.macro_precision, report.macro_recall, report.macro_f1) == pytest.approx(macro)
    assert tuple(report.per_class) == CLASSES
    assert report.accuracy == pytest.approx(sk.accuracy_score(truth, predicted))


def test_balanced_accuracy_is_sklearns() -> None:
    truth, predicted = random_answers(9, 0)
    report = classification_report(truth, predicted, CLASSES)
    expected = sk.balanced_accuracy_score(truth, predicted)
    assert report.balanced_accuracy == pytest.approx(expected)
    assert report.balanced_accuracy == report.macro_recall


@pytest.mark.parametrize("lowest", [0, -1], ids=["all answered", "some unanswered"])
def test_confusion_matrix_is_sklearns_with_no_answer_last(lowest: int) -> None:
    truth, predicted = random_answers(lowest + 20, lowest)
    expected = sk.confusion_matrix(
        truth, np.where(predicted < 0, 3, predicted), labels=[0, 1, 2, 3]
    )
    counts = confusion_matrix(truth, predicted, 3)
    np.testing.assert_array_equal(counts, expected[:3])
    assert counts.dtype == np.int64
    assert (counts[:, 3].sum() > 0) == (lowest == -1)


def test_no_answer_is_an_error_of_its_class_and_a_prediction_of_none() -> None:
    report = classification_report(
        np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 1, -1, 1, -1]), ("female", "male")
    )
    assert report.confusion.tolist() == [[2, 1, 1], [0, 1, 1]]
    assert report.accuracy == 3 / 6
    female, male = report.per_class["female"], report.per_class["male"]
    assert (female.precision, female.recall, female.f1, female.support) == (1.0, 0.5, 4 / 6, 4)
    assert (male.precision, male.recall, male.f1, male.support) == (0.5, 0.5, 0.5, 2)
    assert report.balanced_accuracy == 0.5
    assert report.macro_precision == 0.75


def test_a_ratio_without_denominator_is_none_and_so_is_its_mean() -> None:
    report = classification_report(np.array([0, 0, 1]), np.array([0, 2, 0]), ("a", "b", "c", "d"))
    a, b, c, d = report.per_class.values()
    assert (a.precision, a.recall, a.f1) == (0.5, 0.5, 0.5)
    assert (b.precision, b.recall, b.f1) == (None, 0.0, 0.0)  # never predicted
    assert (c.precision, c.recall, c.f1) == (0.0, None, 0.0)  # never true
    assert (d.precision, d.recall, d.f1, d.support) == (None, None, None, 0)
    assert report.macro_precision is None
    assert report.macro_recall is None
    assert report.macro_f1 is None
    assert report.balanced_accuracy is None
    assert report.accuracy == 1 / 3


def test_nothing_answered_is_accuracy_zero() -> None:
    report = classification_report(np.array([0, 1]), np.array([-1, -1]), ("a", "b"))
    assert (report.accuracy, report.macro_recall, report.macro_precision) == (0.0, 0.0, None)
    assert report.macro_f1 == 0.0


def test_binary_report_is_sklearns() -> None:
    rng = np.random.default_rng(2)
    truth, predicted = rng.integers(2, size=200), rng.integers(2, size=200)
    report = binary_report(truth, predicted)
    expected = sk.precision_recall_fscore_support(truth, predicted, average="binary")[:3]
    assert (report.precision, report.recall, report.f1) == pytest.approx(expected)
    assert report.accuracy == pytest.approx(sk.accuracy_score(truth, predicted))
    tn, fp, fn, tp = sk.confusion_matrix(truth, predicted).ravel().tolist()
    assert (report.true_negatives, report.false_positives) == (tn, fp)
    assert (report.false_negatives, report.true_positives, report.no_answers) == (fn, tp, 0)


def test_binary_report_counts_no_answer_by_hand() -> None:
    report = binary_report(np.array([1, 1, 1, 1, 0, 0, 0]), np.array([1, 1, 0, -1, 1, 0, -1]))
    assert (report.true_positives, report.false_positives) == (2, 1)
    assert (report.false_negatives, report.true_negatives, report.no_answers) == (2, 1, 2)
    assert (report.precision, report.recall, report.f1) == (2 / 3, 0.5, 4 / 7)
    assert report.accuracy == 3 / 7


def test_binary_report_without_positives_is_not_measurable() -> None:
    report = binary_report(np.array([0, 0]), np.array([0, -1]))
    assert (report.precision, report.recall, report.f1) == (None, None, None)
    assert report.accuracy == 0.5


answers = st.lists(st.tuples(st.integers(0, 2), st.integers(-1, 2)), min_size=1, max_size=30)


@given(answers)
def test_confusion_holds_every_row_once(rows: list[tuple[int, int]]) -> None:
    truth, predicted = np.array(rows).T
    counts = confusion_matrix(truth, predicted, 3)
    for (true, column), count in np.ndenumerate(counts):
        assert count == rows.count((true, column if column < 3 else -1))


def test_narrow_integer_types_do_not_overflow() -> None:
    truth = np.full(1000, 100, dtype=np.uint8)
    counts = confusion_matrix(truth, truth.astype(np.int8), 101)
    assert counts[100, 100] == 1000
    assert counts.sum() == 1000


ZEROS = np.array([0, 0])


@pytest.mark.parametrize(
    ("truth", "predicted", "classes", "message"),
    [
        (ZEROS, ZEROS[:1], CLASSES, r"^predicted has 1 entries and truth has 2"),
        (ZEROS[:0], ZEROS[:0], CLASSES, r"^truth is empty"),
        (ZEROS - 1, ZEROS, CLASSES, r"^truth\[0\] is -1: give 0 to 2$"),
        (ZEROS, ZEROS + 3, CLASSES, r"^predicted\[0\] is 3: give -1 to 2$"),
        (ZEROS, ZEROS - 2, CLASSES, r"^predicted\[0\] is -2"),
        (ZEROS * 1.0, ZEROS, CLASSES, r"^truth has type float64: give an array of integers$"),
        (ZEROS == 0, ZEROS, CLASSES, r"^truth has type bool"),
        (ZEROS, ZEROS, ("a", "a"), r"^classes is \('a', 'a'\): .* none twice$"),
        (ZEROS, ZEROS, (), r"^classes is \(\)"),
    ],
)
def test_malformed_input_is_named(truth: Any, predicted: Any, classes: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        classification_report(truth, predicted, classes)


def test_binary_report_takes_no_third_class() -> None:
    with pytest.raises(MetricError, match=r"^truth\[1\] is 2: give 0 to 1$"):
        binary_report(np.array([0, 2]), np.array([0, 1]))
