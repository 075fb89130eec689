from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, permutation_test

from steadyface.errors import MetricError
from steadyface.metrics import holm, mcnemar, sign_flips


@pytest.mark.parametrize(
    ("first", "second"), [(0, 0), (1, 0), (0, 5), (3, 9), (40, 61), (7, 7), (900, 1011)]
)
def test_mcnemar_is_scipys_binomial_test(first: int, second: int) -> None:
    expected = 1.0 if first + second == 0 else binomtest(first, first + second).pvalue
    assert mcnemar(first, second) == pytest.approx(expected)
    assert mcnemar(second, first) == mcnemar(first, second)


def test_holm_by_hand() -> None:
    # 0.01 x 4; 0.02 x 3 = 0.06; 0.03 x 2 = 0.06; 0.5 x 1.
    assert holm([0.5, 0.01, 0.03, 0.02]) == pytest.approx([0.5, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize("seed", range(5))
def test_sign_flips_are_scipys_permutation_test(seed: int) -> None:
    rng = np.random.default_rng(seed)
    people = rng.integers(0, 12, 80)
    gains = rng.choice([-1, 0, 1], 80, p=[0.15, 0.5, 0.35])
    sums = np.bincount(people, weights=gains)
    expected = permutation_test(
        (sums,), np.sum, permutation_type="samples", n_resamples=np.inf, axis=0
    )
    assert sign_flips(gains, people) == pytest.approx(expected.pvalue)
    assert sign_flips(-gains, people) == sign_flips(gains, people)


def test_with_one_answer_a_person_sign_flips_are_mcnemars_test() -> None:
    gains = np.array([1] * 9 + [-1] * 3 + [0] * 30)
    assert sign_flips(gains, np.arange(42)) == pytest.approx(mcnemar(3, 9))
    assert sign_flips(np.array([1, -1]), np.array(["a", "a"])) == 1


def test_signs_of_many_people_are_drawn() -> None:
    rng = np.random.default_rng(0)
    gains = rng.choice([-1, 1], 8000, p=[0.49, 0.51])
    only = int((gains < 0).sum()), int((gains > 0).sum())
    drawn = sign_flips(gains, np.arange(8000), seed=1)
    assert drawn == pytest.approx(mcnemar(*only), abs=0.01)
    assert drawn == sign_flips(gains, np.arange(8000), seed=1)
    assert sign_flips(np.ones(8000, dtype=np.int64), np.arange(8000), flips=99) == 1 / 100


def test_unfit_values_are_named() -> None:
    with pytest.raises(MetricError, match="only_second is -1"):
        mcnemar(1, -1)
    with pytest.raises(MetricError, match="100001 answers differ"):
        mcnemar(100_000, 1)
    with pytest.raises(MetricError, match=r"gains\[0\] is 2"):
        sign_flips(np.array([2]), np.array([0]))
    with pytest.raises(MetricError, match="people has 1 entries and gains has 2"):
        sign_flips(np.array([1, 0]), np.array([0]))
    with pytest.raises(MetricError, match=r"p_values\[1\] is 1.5"):
        holm([0.1, 1.5])
