"""Configurations compared: against scipy, and by simulated experiments."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from src.statistics import comparison
from src.statistics.comparison import Sample, compare
from src.statistics.images import Answers, mean
from src.statistics.power import seeds_needed


def sample(name: str, values, first_seed: int = 1, correct=None) -> Sample:
    rows = {seed: right.reshape(-1, 1) for seed, right in (correct or {}).items()}
    answers = {seed: Answers(right, right, mean) for seed, right in rows.items()}
    return Sample(name, dict(enumerate(map(float, values), first_seed)), answers)


A, B = [0.990, 0.991, 0.9895, 0.9905, 0.9902], [0.992, 0.9915, 0.9917, 0.9921, 0.9909]


@pytest.fixture
def without_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the count of seeds that are needed, which takes most of the time."""
    monkeypatch.setattr(comparison, "_plan", lambda *_: (None, None, None))


def test_shared_seeds_are_compared_in_pairs_as_scipy_does() -> None:
    (found,) = compare([sample("a", A), sample("b", B)], 0.0005)
    test = stats.ttest_rel(B, A)
    assert found.paired
    assert found.n == (5,)
    assert found.p == found.p_corrected == pytest.approx(test.pvalue)
    assert (found.first, found.second, found.left_out, found.worth) == ("a", "b", 0, 0.0005)
    assert found.sd == pytest.approx(np.std(np.subtract(B, A), ddof=1))
    assert (found.low, found.high) == pytest.approx(tuple(test.confidence_interval()))
    differences = np.subtract(B, A)
    assert found.effect == pytest.approx(differences.mean() / differences.std(ddof=1))


def test_other_seeds_are_compared_by_welch_as_scipy_does() -> None:
    (found,) = compare([sample("a", A), sample("b", B[:3], first_seed=9)], 0.0005)
    test = stats.ttest_ind(B[:3], A, equal_var=False)
    assert (found.paired, found.n, found.left_out) == (False, (5, 3), 0)
    assert found.difference == pytest.approx(np.mean(B[:3]) - np.mean(A))
    assert found.sd == pytest.approx(math.sqrt((np.var(A, ddof=1) + np.var(B[:3], ddof=1)) / 2))
    assert found.needed == seeds_needed(0.0005, found.sd)
    assert found.p == pytest.approx(test.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(test.confidence_interval()))


def test_two_runs_have_a_test_and_no_plan() -> None:
    two, others = sample("a", A[:2]), sample("c", A, first_seed=9)
    paired, welch = compare([two, sample("b", B[:2]), others], 0.0005)
    assert (paired.paired, paired.n, paired.needed) == (True, (2,), None)
    assert paired.p == pytest.approx(stats.ttest_rel(B[:2], A[:2]).pvalue)
    assert paired.p_corrected == pytest.approx(2 * paired.p)
    assert (welch.paired, welch.n, welch.needed) == (False, (2, 5), None)
    assert welch.p == pytest.approx(stats.ttest_ind(A, A[:2], equal_var=False).pvalue)


def test_plan_is_for_the_error_of_each_comparison() -> None:
    samples = [sample("a", A[:3]), sample("b", B[:3]), sample("c", A[::-1])]
    for found in compare(samples, 0.0005):
        assert found.needed == seeds_needed(0.0005, found.sd, True, 0.05 / 2)


@pytest.mark.parametrize("shift", [0, 100])
@pytest.mark.usefixtures("without_plan")
def test_intervals_hold_the_difference_in_95_percent(shift: int) -> None:
    generator = np.random.default_rng(3)
    held = wrong = 0
    for _ in range(1000):
        a, b = generator.normal(0.99, 0.0006, 5), generator.normal(0.99, 0.0006, 5)
        (found,) = compare([sample("a", a), sample("b", b, 1 + shift)], 0.0005)
        held += found.low <= 0 <= found.high
        wrong += found.distinguishable
    assert 0.93 <= held / 1000 <= 0.97
    assert wrong == 1000 - held


def test_effect_in_sds_needs_an_sd() -> None:
    two = compare([sample("a", A[:2]), sample("b", B[:2]), sample("c", B, 9)], 0.0005)
    assert all(math.isnan(each.effect) for each in two)


def test_intervals_and_p_hold_for_all_comparisons_together() -> None:
    generator = np.random.default_rng(5)
    values = [generator.normal(k / 2, 1, 6) for k in range(4)]
    samples = [sample(str(k), row, 1 + 10 * k) for k, row in enumerate(values)]
    single = sample("single", [0.0], 99)
    found = compare([*samples, single], 0.1)
    for each, row in zip(found, values[1:], strict=False):
        test = stats.ttest_ind(row, values[0], equal_var=False)
        assert each.p_corrected == pytest.approx(min(1, 3 * test.pvalue))
        expected = test.confidence_interval(1 - 0.05 / 3)
        assert (each.low, each.high) == pytest.approx(tuple(expected))
        assert each.distinguishable == (not each.low <= 0 <= each.high)


@pytest.mark.parametrize("value", [0.991, 0.989])
@pytest.mark.parametrize("seed", [1, 50])
def test_equal_differences_are_no_certainty(seed: int, value: float) -> None:
    (found,) = compare([sample("a", [0.99] * 3), sample("b", [value] * 3, seed)], 0.0005)
    assert found.difference == pytest.approx(value - 0.99)
    assert all(map(math.isnan, (found.p, found.low, found.high)))
    assert math.isnan(found.effect)
    assert not found.distinguishable
    assert found.needed is None


def test_few_shared_seeds_do_not_replace_many_others() -> None:
    first, second = sample("a", A * 2), sample("b", B * 2, first_seed=9)  # 9 and 10 are shared
    (found,) = compare([first, second], 0.0005)
    assert not found.paired
    assert found.n == (10, 10)
    (found,) = compare([first, sample("b", B)], 0.0005)
    assert (found.paired, found.n, found.left_out) == (True, (5,), 5)


@pytest.mark.usefixtures("without_plan")
def test_several_comparisons_rarely_find_what_is_not_there() -> None:
    generator = np.random.default_rng(4)
    wrong = held = 0
    for _ in range(250):
        samples = [sample(str(k), generator.normal(0, 1, 6), 1 + 10 * k) for k in range(5)]
        found = compare(samples, 0.1)
        wrong += any(each.distinguishable for each in found)
        held += all(each.low <= 0 <= each.high for each in found)
    assert wrong / 250 < 0.08
    assert held / 250 > 0.92


def test_same_results_are_not_distinguishable() -> None:
    (found,) = compare([sample("a", A), sample("again", A)], 0.0005)
    unpaired = compare([sample("a", [1, 1, 1]), sample("b", [1, 1, 1], 5)], 0.0005)
    for each in (found, *unpaired):
        assert (each.difference, each.sd, each.needed) == (0, 0, None)
        assert all(map(math.isnan, (each.low, each.high, each.p, each.effect)))
        assert not each.distinguishable


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
    del right[5]
    (found,) = compare([sample("a", A, correct=right), sample("b", B[:4], correct=better)], 0.0005)
    assert found.images is not None  # the fifth run has no partner
    del better[3]
    (found,) = compare([sample("a", A, correct=right), sample("b", B, correct=better)], 0.0005)
    assert found.images is None


def test_answers_of_all_runs_are_used_where_there_are_no_pairs() -> None:
    right = {seed: np.array([True, False, False]) for seed in (1, 2)}
    better = {seed: np.array([True, True, seed == 3]) for seed in (2, 3)}
    first, second = (sample("a", A[:2], 1, right), sample("b", B[:2], 2, better))
    (found,) = compare([first, second], 0.0005)
    assert found.images is not None
    assert found.images.difference == pytest.approx(0.5)


def test_answers_that_make_different_metrics_are_not_compared() -> None:
    right = {seed: np.array([True, False]) for seed in range(1, 6)}
    first, second = (sample("a", A, correct=right), sample("b", B, correct=right))
    other = {seed: each._replace(figure=np.ravel) for seed, each in second.answers.items()}
    (found,) = compare([first, replace(second, answers=other)], 0.0005)
    assert found.images is None


def test_difference_at_the_level_is_not_distinguishable() -> None:
    (found,) = compare([sample("a", A), sample("b", B)], 0.0005)
    assert not replace(found, p_corrected=0.05).distinguishable
    assert replace(found, p_corrected=0.0499).distinguishable


def test_rounding_of_equal_differences_is_no_spread() -> None:
    first, second = [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]
    assert len({b - a for a, b in zip(first, second, strict=True)}) > 1
    (found,) = compare([sample("a", first), sample("b", second)], 0.0005)
    assert found.sd == 0
    assert math.isnan(found.p)


def test_large_numbers_are_rounded_more() -> None:
    large = [1e8, 1e8 + 0.01, 1e8 - 0.01]
    (found,) = compare([sample("a", [0, 0, 0]), sample("b", large)], 0.0005)
    assert math.isnan(found.p)
    (found,) = compare([sample("a", [0, 0, 0], 9), sample("b", large)], 0.0005)
    assert math.isnan(found.p)
    (found,) = compare([sample("a", [0, 0, 0]), sample("b", [1e-7, 2e-7, 1e-7])], 0.0005)
    assert found.p < 0.1


def test_answers_to_other_numbers_of_images_are_not_compared() -> None:
    right = {seed: np.array([True, False]) for seed in range(1, 6)}
    other = {seed: np.array([True, True, False]) for seed in range(1, 6)}
    (found,) = compare([sample("a", A, correct=right), sample("b", B, correct=other)], 0.0005)
    assert found.images is None
    (found,) = compare([sample("a", A), sample("b", B)], 0.0005)
    assert found.images is None


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize("seed", [1, 50])
def test_roundings_of_32_bits_are_no_differences_and_small_metrics_are(size, seed) -> None:
    a = [size * value for value in (0.5, 0.6, 0.7)]
    rounded = [value * (1 + k * 2**-25) for k, value in enumerate(a)]
    (found,) = compare([sample("a", a), sample("b", rounded)], None)
    assert (found.difference, math.isnan(found.p)) == (0, True)
    other = [value * 1.001 for value in a]
    (found,) = compare([sample("a", a), sample("b", other, seed)], None)
    assert 0 < found.p < 1


def test_group_of_equal_values_is_compared_with_one_that_varies() -> None:
    values = [0.5 + k * 1e-5 for k in (0, 1, 3)]
    (found,) = compare([sample("a", [0.7, 0.7, 0.7]), sample("b", values, 9)], None)
    error = np.std(values, ddof=1) / math.sqrt(3)
    assert (found.low, found.high) == pytest.approx(
        stats.t.interval(0.95, 2, np.mean(values) - 0.7, error)
    )
