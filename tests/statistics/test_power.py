"""Runs that a claim needs, against a table and against simulation."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestIndPower, TTestPower

from src.statistics.power import seeds_needed, seeds_range


@pytest.mark.parametrize(
    ("difference", "sd", "expected"),
    [(0.10, 0.066, 8), (0.05, 0.066, 29), (0.05, 0.050, 17), (0.03, 0.066, 77), (0.02, 0.040, 64)],
)
def test_seeds_are_those_of_the_table(difference: float, sd: float, expected: int) -> None:
    assert seeds_needed(difference, sd) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("paired", [False, True])
def test_so_many_seeds_find_the_difference_in_four_of_five_experiments(paired: bool) -> None:
    n = seeds_needed(0.05, 0.06, paired)
    generator = np.random.default_rng(0)
    first = np.zeros((4000, n)) if paired else generator.normal(0, 0.06, (4000, n))
    second = generator.normal(0.05, 0.06, (4000, n))
    test = stats.ttest_rel if paired else stats.ttest_ind
    found = (test(second, first, axis=1).pvalue < 0.05).mean()
    assert 0.78 <= found <= 0.86


@pytest.mark.parametrize("error", [0.05, 0.01])
@pytest.mark.parametrize("paired", [False, True])
def test_power_is_that_of_statsmodels(paired: bool, error: float) -> None:
    test = TTestPower() if paired else TTestIndPower()
    for effect in np.geomspace(0.1, 3, 12):
        n = seeds_needed(effect / 2, 0.5, paired, error)
        assert test.power(effect, n, error) >= 0.8
        assert n == 2 or test.power(effect, n - 1, error) < 0.8


def test_extremes_have_an_answer() -> None:
    assert seeds_needed(0.05, 0) is None  # no measure of chance
    assert seeds_needed(10, 0.001) == 2
    assert all(2 <= seeds_needed(effect, 1, paired=True) <= 4 for effect in (4, 5, 7, 9, 11, 40))
    assert seeds_needed(0.05, math.nan) is None
    assert seeds_needed(1e-9, 1) is None
    assert seeds_needed(0.05, -1) is None
    many = 2 * ((stats.norm.isf(0.025) + stats.norm.isf(0.2)) / 0.002) ** 2
    assert seeds_needed(0.002, 1) == pytest.approx(many, rel=1e-5)
    assert seeds_needed(0.0012, 1) is None  # above ten million
    assert 300_000 < seeds_needed(0.005, 1) < 2_000_000


def test_range_of_seeds_holds_the_true_number_in_19_of_20_plans() -> None:
    true = seeds_needed(0.05, 0.052)
    sds = np.random.default_rng(0).normal(0, 0.052, (300, 3)).std(axis=1, ddof=1)
    found = [seeds_range(0.05, sd, 2) for sd in sds]
    held = [low <= true <= (math.inf if high is None else high) for low, high in found]
    assert true == 18
    assert 0.92 <= np.mean(held) <= 0.98


def test_range_of_seeds_is_that_of_the_sd_by_chi_squared() -> None:
    low, high = (0.05 * math.sqrt(9 / stats.chi2.ppf(q, 9)) for q in (0.975, 0.025))
    expected = seeds_needed(0.05, low, True, 0.01), seeds_needed(0.05, high, True, 0.01)
    assert seeds_range(0.05, 0.05, 9, True, 0.01) == expected
