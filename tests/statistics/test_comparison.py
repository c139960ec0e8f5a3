"""Configurations compared: against scipy, and by simulated experiments."""

import gc
import math

import numpy as np
import pytest
from scipy import stats

from src.statistics.comparison import Sample, compare


def sample(name: str, values, first_seed: int = 1, correct=None) -> Sample:
    return Sample(name, dict(enumerate(map(float, values), first_seed)), correct or {})


A, B = [0.990, 0.991, 0.9895, 0.9905, 0.9902], [0.992, 0.9915, 0.9917, 0.9921, 0.9909]


def test_shared_seeds_are_compared_in_pairs_as_scipy_does() -> None:
    (found,) = compare([sample("a", A), sample("b", B)], 0.0005)
    test = stats.ttest_rel(B, A)
    assert found.paired
    assert found.n == (5,)
    assert found.p == found.p_holm == pytest.approx(test.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(test.confidence_interval()))
    differences = np.subtract(B, A)
    assert found.effect == pytest.approx(differences.mean() / differences.std(ddof=1))


def test_other_seeds_are_compared_by_welch_as_scipy_does() -> None:
    (found,) = compare([sample("a", A), sample("b", B[:3], first_seed=9)], 0.0005)
    test = stats.ttest_ind(B[:3], A, equal_var=False)
    assert not found.paired
    assert found.n == (5, 3)
    assert found.p == pytest.approx(test.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(test.confidence_interval()))


@pytest.mark.parametrize("shift", [0, 100])
def test_intervals_hold_the_difference_in_95_percent(shift: int) -> None:
    generator = np.random.default_rng(3)
    held = wrong = 0
    for _ in range(2000):
        a, b = generator.normal(0.99, 0.0006, 5), generator.normal(0.99, 0.0006, 5)
        (found,) = compare([sample("a", a), sample("b", b, 1 + shift)], 0.0005)
        held += found.low <= 0 <= found.high
        wrong += found.distinguishable
    assert 0.93 <= held / 2000 <= 0.97
    assert wrong == 2000 - held


def test_p_is_corrected_by_holm() -> None:
    generator = np.random.default_rng(5)
    samples = [sample(str(k), generator.normal(k / 2, 1, 6), 1 + 10 * k) for k in range(4)]
    found = compare(samples, 0.1)
    expected, largest = {}, 0.0
    for rank, each in enumerate(sorted(found, key=lambda each: each.p)):
        largest = max(largest, min(1, (3 - rank) * each.p))
        expected[each.second] = largest
    assert {each.second: each.p_holm for each in found} == pytest.approx(expected)


def test_several_comparisons_rarely_find_what_is_not_there(monkeypatch) -> None:
    monkeypatch.setattr(gc, "collect", lambda: 0)  # statsmodels does it each time
    generator = np.random.default_rng(4)
    wrong = held = 0
    for _ in range(500):
        samples = [sample(str(k), generator.normal(0, 1, 6), 1 + 10 * k) for k in range(5)]
        found = compare(samples, 0.1)
        wrong += any(each.distinguishable for each in found)
        held += all(each.low <= 0 <= each.high for each in found)
    assert wrong / 500 < 0.08
    assert held / 500 > 0.92


def test_same_results_are_not_distinguishable() -> None:
    (found,) = compare([sample("a", A), sample("again", A)], 0.0005)
    assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert not found.distinguishable
    (found,) = compare([sample("a", [1, 1]), sample("b", [1, 1], 5)], 0.0005)
    assert not found.distinguishable


def test_single_runs_say_nothing_of_configurations() -> None:
    found = compare([sample("a", A), sample("b", B[:1]), sample("c", B)], 0.0005)
    assert math.isnan(found[0].p)
    assert not found[0].distinguishable
    assert found[0].needed is None
    assert found[1].distinguishable


def test_answers_of_the_compared_runs_are_used() -> None:
    right = {seed: np.array([True, False]) for seed in range(1, 6)}
    better = {seed: np.array([True, True]) for seed in range(1, 6)}
    (found,) = compare([sample("a", A, correct=right), sample("b", B, correct=better)], 0.0005)
    assert found.images is not None
    assert found.images.difference == 0.5
    del better[3]
    (found,) = compare([sample("a", A, correct=right), sample("b", B, correct=better)], 0.0005)
    assert found.images is None
