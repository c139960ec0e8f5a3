"""Known answers: Student's interval by hand and by simulation."""

import math

import numpy as np
import pytest

from src.statistics.estimate import estimate


def test_interval_is_students_by_hand() -> None:
    found = estimate([1.0, 2.0, 3.0, 4.0, 5.0])
    half = 2.776445 * math.sqrt(2.5) / math.sqrt(5)  # 97.5% quantile of t with 4 degrees of freedom
    assert found.mean == 3
    assert found.sd == pytest.approx(math.sqrt(2.5))
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half), abs=1e-5)
    assert (found.n, found.smallest, found.largest) == (5, 1, 5)


@pytest.mark.parametrize("n", [3, 5, 10])
def test_95_percent_of_intervals_hold_the_mean(n: int) -> None:
    generator = np.random.default_rng(n)
    runs = generator.normal(0.993, 0.0006, (2000, n))
    found = [estimate([*row]) for row in runs]
    held = sum(each.low <= 0.993 <= each.high for each in found) / len(found)
    assert 0.93 <= held <= 0.97


def test_two_values_have_a_wide_interval() -> None:
    found = estimate([1.0, 3.0])
    half = 12.706205  # 97.5% quantile of t with 1 degree of freedom; the standard error is 1
    assert found.sd == pytest.approx(math.sqrt(2))
    assert (found.low, found.high) == pytest.approx((2 - half, 2 + half))


def test_one_value_has_no_interval() -> None:
    found = estimate([0.5])
    assert found.mean == 0.5
    assert all(map(math.isnan, (found.low, found.high, found.sd)))


def test_equal_values_have_no_interval() -> None:
    found = estimate([2.0, 2.0])
    assert all(map(math.isnan, (found.low, found.high)))
    assert found[:3] + found[5:] == (2, 2.0, 0.0, 2.0, 2.0)


def test_confidence_is_chosen() -> None:
    found = estimate([1.0, 3.0], confidence=0.5)
    assert (found.low, found.high) == pytest.approx((1.0, 3.0))  # the quartile of t(1) is 1


def test_mean_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        estimate([])
