from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from steadyface.errors import ResultError
from steadyface.evaluation.robustness.cells import Cell, Figure, ones_and_zeros
from steadyface.evaluation.robustness.compare import MCNEMAR, SIGN_FLIPS, compare
from steadyface.evaluation.robustness.run import Robustness
from steadyface.metrics import mcnemar


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
    assert (clean.test, clean.people) == (MCNEMAR, 10)
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


PEOPLE = tuple(number // 20 for number in range(1000))


def of_people(seed: int) -> tuple[Robustness, Robustness]:
    """Fifty people with twenty probes, each of whom leans to one of two equally good models."""
    rng = np.random.default_rng(seed)
    lean = np.repeat(rng.normal(0, 0.12, 50), 20)
    several = []
    for sign in (1, -1):
        right = ones_and_zeros(rng.random(1000) < 0.7 + sign * lean)
        cells = (cell("clean", 0.0, right),)
        several.append(
            Robustness("match", ("accuracy",), ("a", "b"), "s", cells, {}, "data", people=PEOPLE)
        )
    return several[0], several[1]


def test_a_lean_of_people_is_called_a_difference_as_seldom_as_the_level_says() -> None:
    by_people = by_row = held = 0
    for seed in range(200):
        first, second = of_people(seed)
        (row,) = compare(first, second)
        assert (row.test, row.people) == (SIGN_FLIPS, 50)
        by_people += row.p < 0.05
        low, high = row.interval or (1, 0)
        held += low <= 0 <= high
        by_row += mcnemar(row.only_first, row.only_second) < 0.05
    assert 0.015 <= by_people / 200 <= 0.09
    assert held / 200 >= 0.9
    assert by_row / 200 > 0.15  # as if rows were people of their own


def test_a_difference_of_people_is_found() -> None:
    first, _ = of_people(0)
    wrong = np.array([one == "1" for one in first.cells[0].right])
    wrong[np.random.default_rng(0).random(1000) < 0.15] = False
    worse = replace(first, cells=(cell("clean", 0.0, ones_and_zeros(wrong)),))
    assert compare(first, worse)[0].verdict == "worse"


def test_results_before_people_were_kept_go_by_the_others() -> None:
    first, second = of_people(0)
    assert compare(first, replace(second, people=())) == compare(first, second)
    odd = tuple(number // 10 for number in range(1000))
    with pytest.raises(ResultError, match="different things of whom"):
        compare(first, replace(second, people=odd))
    with pytest.raises(ResultError, match="1000 decisions and tells the people of 999"):
        compare(*(replace(result, people=PEOPLE[1:]) for result in (first, second)))


def test_results_of_other_seeds_or_references_are_refused() -> None:
    one = result("11", "10")

    def asked(**options: object) -> Robustness:
        return replace(one, made_by={"options": {"detection": "auto", **options}})

    compare(asked(seed=1), asked(seed=1, detector="another", face="largest"))
    with pytest.raises(ResultError, match=r"different questions \(seed 1 and 2\)"):
        compare(asked(seed=1, references=1), asked(seed=2, references=1))
    with pytest.raises(ResultError, match=r"\(seed 1 and 2, references 1 and 3\)"):
        compare(asked(seed=1, references=1), asked(seed=2, references=3))


def test_results_without_their_decisions_or_of_other_questions() -> None:
    one = result("11", "10")
    with pytest.raises(ResultError, match="clean: the result lacks its decisions"):
        compare(replace(one, cells=(replace(one.cells[0], right=""), one.cells[1])), one)
    with pytest.raises(ResultError, match="of different images"):
        compare(one, replace(one, data="other"))
    with pytest.raises(ResultError, match=r"different conditions \(noisy:3\)"):
        compare(one, replace(one, cells=one.cells[:1]))
