from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from steadyface.errors import ResultError
from steadyface.evaluation.robustness.cells import Cell, Figure, ones_and_zeros
from steadyface.evaluation.robustness.compare import compare
from steadyface.evaluation.robustness.run import Robustness


def cell(kind: str, severity: float, right: str) -> Cell:
    return Cell(kind, severity, len(right), {"accuracy": Figure(None)}, {}, {}, right=right)


def result(clean: str, noisy: str) -> Robustness:
    cells = (cell("clean", 0.0, clean), cell("noisy", 3.0, noisy))
    return Robustness("gender", ("accuracy",), ("female", "male"), "P", cells, {}, "data")


def test_rows_by_hand() -> None:
    first = result("1111100000", "1" * 40)
    second = result("1111011100", "0" * 20 + "1" * 20)
    clean, noisy = compare(first, second)
    assert (clean.condition, clean.count, clean.first, clean.second) == ("clean", 10, 0.5, 0.7)
    assert (clean.only_first, clean.only_second) == (1, 3)
    assert clean.difference == pytest.approx(0.2)
    assert clean.p == pytest.approx(binomtest(1, 4).pvalue)
    assert clean.p_together == clean.p  # the larger of two p-values is multiplied by one
    assert clean.verdict == "no difference shown"
    assert noisy.p_together == pytest.approx(2 * binomtest(0, 20).pvalue)
    assert (noisy.verdict, noisy.as_json()["verdict"]) == ("worse", "worse")
    (_, back) = compare(second, first)
    assert back.difference == pytest.approx(0.5)
    assert back.verdict == "better"
    low, high = noisy.interval or (0, 0)
    assert low < -0.5 < high < -0.3


def test_noise_is_called_a_difference_as_seldom_as_the_level_says() -> None:
    rng = np.random.default_rng(0)
    called = 0
    for _ in range(300):
        a, b = (
            result(*(ones_and_zeros(rng.random(100) < 0.7) for _ in range(2))) for _ in range(2)
        )
        called += any(row.verdict != "no difference shown" for row in compare(a, b))
    assert called <= 300 * 0.05


def test_results_without_their_decisions_or_of_other_questions() -> None:
    one = result("11", "10")
    with pytest.raises(ResultError, match="clean: the result lacks its decisions"):
        compare(replace(one, cells=(replace(one.cells[0], right=""), one.cells[1])), one)
    with pytest.raises(ResultError, match="of different images"):
        compare(one, replace(one, data="other"))
    with pytest.raises(ResultError, match=r"different conditions \(noisy:3\)"):
        compare(one, replace(one, cells=one.cells[:1]))
