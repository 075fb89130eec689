"""Metrics as plain JSON values; None stands for 'not measurable'."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadyface.metrics import (
    classification_report,
    eer,
    roc_auc,
    tar_at_fmr,
    wilson,
)
from steadyface.types import FloatArray

#: What stands for a class where there is no answer.
NO_ANSWER = -1
#: False match rates at which the true accept rate is reported.
REPORTED_FMRS = (1e-2, 1e-3)


def classification_summary(
    truth: NDArray[np.int64], predicted: NDArray[np.int64], classes: Sequence[str]
) -> dict[str, Any]:
    """Accuracy, precision, recall and F1 by class and macro, and the confusion matrix.

    The confusion matrix has a row a true class and a column a predicted class; the last column
    counts the images without an answer, whose prediction is `NO_ANSWER`.
    """
    report = classification_report(truth, predicted, classes)
    return {
        "accuracy": report.accuracy,
        "balanced_accuracy": report.balanced_accuracy,
        "macro": {
            "precision": report.macro_precision,
            "recall": report.macro_recall,
            "f1": report.macro_f1,
        },
        "classes": {
            name: {
                "precision": figures.precision,
                "recall": figures.recall,
                "f1": figures.f1,
                "support": figures.support,
            }
            for name, figures in report.per_class.items()
        },
        "confusion": {
            "rows": list(classes),
            "columns": [*classes, "no answer"],
            "counts": report.confusion.tolist(),
        },
    }


def verification_summary(mated: FloatArray, non_mated: FloatArray) -> dict[str, Any]:
    """ROC AUC, EER and TAR at the reported FMRs of two sets of comparison scores."""
    summary: dict[str, Any] = {"mated": len(mated), "non_mated": len(non_mated)}
    if len(mated) == 0 or len(non_mated) == 0:
        return (
            summary
            | {"roc_auc": None, "eer": None}
            | {tar_name(rate): None for rate in REPORTED_FMRS}
        )
    return (
        summary
        | {"roc_auc": roc_auc(mated, non_mated), "eer": eer(mated, non_mated).rate}
        | {tar_name(rate): tar_at_fmr(mated, non_mated, rate) for rate in REPORTED_FMRS}
    )


def tar_name(fmr: float) -> str:
    """The key under which the true accept rate at an FMR stands: `tar_at_fmr_1e-03`."""
    return f"tar_at_fmr_{fmr:.0e}"


def wilson_summary(right: NDArray[np.bool_]) -> list[float] | None:
    """The 95 % Wilson interval of a share; None for no observation."""
    if len(right) == 0:
        return None
    low, high = wilson(int(right.sum()), len(right))
    return [low, high]
