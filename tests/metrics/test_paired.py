from __future__ import annotations

import pytest
from scipy.stats import binomtest

from steadyface.errors import MetricError
from steadyface.metrics import holm, mcnemar


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


def test_unfit_values_are_named() -> None:
    with pytest.raises(MetricError, match="only_second is -1"):
        mcnemar(1, -1)
    with pytest.raises(MetricError, match="100001 answers differ"):
        mcnemar(100_000, 1)
    with pytest.raises(MetricError, match=r"p_values\[1\] is 1.5"):
        holm([0.1, 1.5])
