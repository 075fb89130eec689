"""Every public metric has an independent check; a metric added without one fails here."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from steadyface import metrics

#: Metric -> (file, test) that checks it against another library or a case worked by hand.
CHECKS = {
    "binary_report": ("test_classification.py", "test_binary_report_is_sklearns"),
    "bootstrap": (
        "test_intervals.py",
        "test_bootstrap_of_single_rows_is_scipys_percentile_interval",
    ),
    "brier": ("test_calibration.py", "test_it_is_what_scikit_learn_says"),
    "classification_report": ("test_classification.py", "test_report_is_sklearns"),
    "cmc": ("test_identification.py", "test_rank_k_and_cmc_by_hand"),
    "comparison_interval": (
        "test_two_sided.py",
        "test_the_interval_is_that_of_resamples_made_the_long_way",
    ),
    "confusion_matrix": (
        "test_classification.py",
        "test_confusion_matrix_is_sklearns_with_no_answer_last",
    ),
    "det": ("test_verification.py", "test_det_is_sklearns"),
    "differential_errors": ("test_differential.py", "test_rates_by_group_are_fairlearns"),
    "dir_at": ("test_identification.py", "test_fnir_by_hand_and_dir_is_the_rest"),
    "eer": ("test_verification.py", "test_eer_is_where_sklearns_roc_crosses_the_diagonal"),
    "error_versus_discard": ("test_discard.py", "test_a_case_worked_by_hand"),
    "fmr_at": (
        "test_verification.py",
        "test_fmr_and_fnmr_count_the_threshold_itself_as_a_match",
    ),
    "fnir_at": ("test_identification.py", "test_fnir_by_hand_and_dir_is_the_rest"),
    "fnir_at_fpir": ("test_identification.py", "test_fnir_at_fpir_by_hand"),
    "fnmr_at": (
        "test_verification.py",
        "test_fmr_and_fnmr_count_the_threshold_itself_as_a_match",
    ),
    "fold_accuracy": ("test_folds.py", "test_fold_accuracy_is_that_of_brute_force"),
    "fpir_at": ("test_identification.py", "test_fpir_is_sklearns_false_positive_rate"),
    "group_figures": ("test_groups.py", "test_group_figures_are_fairlearns"),
    "holm": ("test_paired.py", "test_holm_by_hand"),
    "mcnemar": ("test_paired.py", "test_mcnemar_is_scipys_binomial_test"),
    "prior_weights": (
        "test_calibration.py",
        "test_a_prior_weighs_both_answers_to_their_shares",
    ),
    "rank_k": ("test_identification.py", "test_rank_k_is_sklearns_top_k_accuracy"),
    "ranks": (
        "test_identification.py",
        "test_ranks_are_scipys_of_falling_scores_ties_last",
    ),
    "reliability": ("test_calibration.py", "test_it_is_what_scikit_learn_says"),
    "roc": ("test_verification.py", "test_roc_is_sklearns"),
    "roc_auc": ("test_verification.py", "test_roc_auc_is_sklearns"),
    "share_interval": (
        "test_intervals.py",
        "test_the_interval_of_a_share_is_the_bootstraps_or_wilsons_of_the_people",
    ),
    "sign_flips": ("test_paired.py", "test_sign_flips_are_scipys_permutation_test"),
    "tar_at_fmr": ("test_verification.py", "test_tar_at_fmr_is_sklearns"),
    "threshold_at_fmr": (
        "test_verification.py",
        "test_threshold_at_fmr_lies_just_above_a_group_of_ties",
    ),
    "wilson": ("test_intervals.py", "test_wilson_is_scipys"),
}


def public_functions() -> list[str]:
    return [name for name in metrics.__all__ if inspect.isfunction(getattr(metrics, name))]


def test_every_metric_is_in_the_table_and_nothing_else() -> None:
    assert sorted(public_functions()) == sorted(CHECKS)


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_the_named_check_exists_and_calls_the_metric(name: str) -> None:
    file, test = CHECKS[name]
    tree = ast.parse((Path(__file__).parent / file).read_text(encoding="utf-8"))
    bodies = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert test in bodies, f"{file} has no {test}"
    calls = {
        node.func.id
        for node in ast.walk(bodies[test])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert name in calls


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_every_metric_cites_its_source(name: str) -> None:
    documentation = inspect.getdoc(getattr(metrics, name))
    assert documentation is not None
    if name != "confusion_matrix":  # counting needs no source
        assert "Source:" in documentation
