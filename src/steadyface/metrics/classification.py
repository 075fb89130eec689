"""Classification metrics in which 'no answer' is an error and an undefined ratio is None.

A predicted class of -1 means that the classifier gave no answer (the image could not be decoded,
no face was found). Such a row stays in every denominator: it is an error in accuracy and a miss of
its class in recall, and it has a column of its own in the confusion matrix. It is no prediction of
any class, so precision does not see it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import MetricError
from steadyface.metrics.checks import Labels, Measured, check_count, label_array


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """The figures of one class; None where a ratio has no denominator.

    Attributes:
        precision: correct share of the rows predicted as this class; None if none was.
        recall: correct share of the rows of this class; None if there is none.
        f1: 2 TP / (2 TP + FP + FN); None if the class is neither true nor predicted anywhere.
        support: rows of this class.
    """

    precision: Measured
    recall: Measured
    f1: Measured
    support: int


@dataclass(frozen=True, slots=True, eq=False)
class ClassificationReport:
    """The figures of a classifier; None where one is not measurable.

    Attributes:
        accuracy: correct share of all rows, 0..1.
        balanced_accuracy: mean recall of the classes; equal to `macro_recall`.
        per_class: each class's figures, in the order of the classes.
        macro_precision: mean over the classes; None if any class has none, since leaving that
            class out would raise the mean.
        macro_recall: likewise.
        macro_f1: likewise.
        confusion: C x (C + 1) int64, see `confusion_matrix`.
    """

    accuracy: float
    balanced_accuracy: Measured
    per_class: Mapping[str, ClassFigures]
    macro_precision: Measured
    macro_recall: Measured
    macro_f1: Measured
    confusion: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BinaryReport:
    """The figures of a two-class decision, of the positive class 1; None where not measurable.

    Attributes:
        accuracy: correct share of all rows, 0..1.
        precision: TP / (TP + FP).
        recall: TP / (TP + FN).
        f1: 2 TP / (2 TP + FP + FN).
        true_positives: positives predicted 1.
        false_positives: negatives predicted 1.
        false_negatives: positives predicted 0 or without an answer.
        true_negatives: negatives predicted 0.
        no_answers: rows of either class without an answer.
    """

    accuracy: float
    precision: Measured
    recall: Measured
    f1: Measured
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    no_answers: int


def confusion_matrix(truth: Labels, predicted: Labels, n_classes: int) -> NDArray[np.int64]:
    """Count rows by true and predicted class.

    Args:
        truth: N integers, 0 to C - 1.
        predicted: N integers, 0 to C - 1, or -1 for no answer.
        n_classes: C, 1 or more.

    Returns:
        C x (C + 1) int64: a row a true class, a column a predicted class, last column no answer.

    Raises:
        MetricError: arrays empty, of differing lengths or out of range.
    """
    check_count(n_classes, "n_classes", low=1)
    true = label_array(truth, "truth", low=0, high=n_classes - 1)
    like = ("truth", len(true))
    answers = label_array(predicted, "predicted", low=-1, high=n_classes - 1, like=like)
    columns = np.where(answers < 0, n_classes, answers)
    width = n_classes + 1
    counts = np.bincount(true * width + columns, minlength=n_classes * width)
    return counts.reshape(n_classes, width).astype(np.int64, copy=False)


def classification_report(
    truth: Labels, predicted: Labels, classes: Sequence[str]
) -> ClassificationReport:
    """Accuracy, precision, recall and F1 by class and macro, and the confusion matrix.

    Source: Sokolova and Lapalme, 'A systematic analysis of performance measures for classification
    tasks', 2009; Brodersen et al., 'The balanced accuracy and its posterior distribution', 2010.

    Args:
        truth: N integers, indices into `classes`.
        predicted: N integers, indices into `classes`, or -1 for no answer.
        classes: C names, none twice.

    Raises:
        MetricError: arrays empty, of differing lengths or out of range; no class, or one twice.
    """
    names = tuple(classes)
    if not names or len(set(names)) != len(names):
        raise MetricError(f"classes is {names!r}: give one or more names, none twice")
    confusion = confusion_matrix(truth, predicted, len(names))
    figures = [_figures(confusion, index) for index in range(len(names))]
    recall = _mean([f.recall for f in figures])
    return ClassificationReport(
        accuracy=int(np.trace(confusion)) / int(confusion.sum()),
        balanced_accuracy=recall,
        per_class=dict(zip(names, figures, strict=True)),
        macro_precision=_mean([f.precision for f in figures]),
        macro_recall=recall,
        macro_f1=_mean([f.f1 for f in figures]),
        confusion=confusion,
    )


def binary_report(truth: Labels, predicted: Labels) -> BinaryReport:
    """Precision, recall and F1 of the positive class 1, accuracy, and the counts behind them.

    Source: van Rijsbergen, 'Information retrieval', 2nd ed., 1979.

    Args:
        truth: N integers, 0 or 1.
        predicted: N integers, 0 or 1, or -1 for no answer.

    Raises:
        MetricError: arrays empty, of differing lengths or out of range.
    """
    confusion = confusion_matrix(truth, predicted, 2)
    positive = _figures(confusion, 1)
    (true_negatives, false_positives, lost), (missed, true_positives, unanswered) = (
        confusion.tolist()
    )
    return BinaryReport(
        accuracy=(true_positives + true_negatives) / int(confusion.sum()),
        precision=positive.precision,
        recall=positive.recall,
        f1=positive.f1,
        true_positives=true_positives,
        false_positives=false_positives,
        false_negatives=missed + unanswered,
        true_negatives=true_negatives,
        no_answers=lost + unanswered,
    )


def _figures(confusion: NDArray[np.int64], index: int) -> ClassFigures:
    correct = int(confusion[index, index])
    predicted, support = int(confusion[:, index].sum()), int(confusion[index].sum())
    return ClassFigures(
        precision=_ratio(correct, predicted),
        recall=_ratio(correct, support),
        f1=_ratio(2 * correct, predicted + support),
        support=support,
    )


def _ratio(part: int, whole: int) -> Measured:
    return part / whole if whole else None


def _mean(values: Sequence[Measured]) -> Measured:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None
