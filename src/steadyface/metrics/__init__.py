"""Metrics: arrays in, numbers out; no knowledge of images, models or files.

Every function validates its arrays and raises `MetricError` naming the argument that is wrong.
A figure that the data cannot support is None, 'not measurable', never 0 or NaN (see `Measured`).
Each function's docstring names its source; the tests check each against an independent
implementation or a case worked by hand.
"""

from steadyface.metrics.calibration import Reliability, brier, prior_weights, reliability
from steadyface.metrics.checks import Measured
from steadyface.metrics.classification import (
    BinaryReport,
    ClassFigures,
    ClassificationReport,
    binary_report,
    classification_report,
    confusion_matrix,
)
from steadyface.metrics.differential import Differential, GroupRate, differential_errors
from steadyface.metrics.discard import error_versus_discard
from steadyface.metrics.folds import FoldAccuracy, fold_accuracy
from steadyface.metrics.groups import GroupFigures, GroupReport, group_figures
from steadyface.metrics.identification import (
    NO_RANK,
    cmc,
    dir_at,
    fnir_at,
    fnir_at_fpir,
    fpir_at,
    rank_k,
    ranks,
)
from steadyface.metrics.intervals import Interval, bootstrap, share_interval, wilson
from steadyface.metrics.paired import holm, mcnemar, sign_flips
from steadyface.metrics.two_sided import comparison_interval
from steadyface.metrics.verification import (
    Det,
    Eer,
    Roc,
    det,
    eer,
    fmr_at,
    fnmr_at,
    roc,
    roc_auc,
    tar_at_fmr,
    threshold_at_fmr,
)

__all__ = [
    "NO_RANK",
    "BinaryReport",
    "ClassFigures",
    "ClassificationReport",
    "Det",
    "Differential",
    "Eer",
    "FoldAccuracy",
    "GroupFigures",
    "GroupRate",
    "GroupReport",
    "Interval",
    "Measured",
    "Reliability",
    "Roc",
    "binary_report",
    "bootstrap",
    "brier",
    "classification_report",
    "cmc",
    "comparison_interval",
    "confusion_matrix",
    "det",
    "differential_errors",
    "dir_at",
    "eer",
    "error_versus_discard",
    "fmr_at",
    "fnir_at",
    "fnir_at_fpir",
    "fnmr_at",
    "fold_accuracy",
    "fpir_at",
    "group_figures",
    "holm",
    "mcnemar",
    "prior_weights",
    "rank_k",
    "ranks",
    "reliability",
    "roc",
    "roc_auc",
    "share_interval",
    "sign_flips",
    "tar_at_fmr",
    "threshold_at_fmr",
    "wilson",
]
