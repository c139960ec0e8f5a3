"""Conclusions word by word."""

from dataclasses import replace

import numpy as np
import pytest

from src.engine.records.metric import Metric
from src.statistics.comparison import Sample, compare
from src.statistics.estimate import estimate
from src.statistics.images import Answers, mean
from src.statistics.sentence import Scale, conclude, describe, describe_power

ACC, LOSS = Metric("test/acc", "max", "percent"), Metric("val/loss", "min")


def sentence(first: list[float], second: list[float], metric: Metric | str = ACC, **more) -> str:
    samples = [Sample("A", dict(enumerate(first)), {}), Sample("B", dict(enumerate(second)), {})]
    (found,) = compare(samples, more.get("worth", 0.0005))
    return conclude(found, Scale(metric))


def answered(rows: np.ndarray, figure=mean) -> dict[int, Answers]:
    return {1: Answers(rows.reshape(-1, 1), rows, figure)}


def test_better_configuration_is_named() -> None:
    text = sentence([0.990, 0.991, 0.990], [0.9912, 0.9923, 0.9911])
    assert (
        text
        == "B is better than A by 0.12 points, 95% interval 0.10 to 0.14, n = 3 pairs, p = 0.0023."
    )
    text = sentence([0.9912, 0.9923, 0.9911], [0.990, 0.991, 0.990])
    assert text.startswith("A is better than B by 0.12 points, 95% interval 0.10 to 0.14")


def test_less_time_is_better() -> None:
    text = sentence([10.0, 10.5, 10.2], [9.0, 9.6, 9.1], Metric("to_target_s", "min"), worth=1.0)
    assert text.startswith("B is better than A by 1.00 s, 95% interval")


def test_what_cannot_be_told_apart_names_the_seeds_it_takes() -> None:
    text = sentence([0.990, 0.991, 0.9905], [0.9909, 0.9901, 0.9906])
    assert text.startswith(
        "A and B are not distinguishable: B minus A is 0.00 points, 95% interval"
    )
    assert "n = 3 pairs" in text
    assert "to show 0.05 points takes about" in text


def test_runs_of_other_seeds_and_without_a_partner_are_counted() -> None:
    text = sentence([0.990, 0.991, 0.9905, 0.99], [0.9912, 0.9923, 0.9911])
    assert "n = 3 pairs (1 of the runs left out, without a partner), p = " in text
    samples = [Sample("A", {1: 1.0, 2: 1.2}, {}), Sample("B", {3: 1.1, 4: 1.0, 5: 1.3}, {})]
    (found,) = compare(samples, 0.1)
    assert "95% interval -0.4" in conclude(found, Scale(LOSS))
    assert "n = 2 and 3 runs, p = " in conclude(found, Scale(LOSS))


def test_single_run_against_several_gets_no_verdict() -> None:
    samples = [Sample("A", {1: 0.99, 2: 0.991}, {}), Sample("B", {3: 0.992}, {})]
    (found,) = compare(samples, 0.0005)
    assert "from single runs: that says nothing" in conclude(found, Scale(ACC))


@pytest.mark.parametrize(
    ("value", "metric", "text"),
    [(-1e-9, ACC, "0.00"), (0.12345, LOSS, "0.1235"), (-0.1, ACC, "-10.00")],
)
def test_difference_has_its_digits_and_no_negative_zero(value, metric: Metric, text: str) -> None:
    assert Scale(metric).difference(value) == text


def test_single_runs_get_no_verdict() -> None:
    text = sentence([0.99], [0.991])
    assert text == (
        "B minus A is 0.10 points, from single runs: that says nothing of the configurations; "
        "train --seeds."
    )


def test_equal_differences_get_no_verdict() -> None:
    text = sentence([0.99, 0.99], [0.991, 0.991])
    assert text == (
        "B minus A is 0.10 points, the same in all 2 pairs: that is no measure of chance; "
        "train more --seeds."
    )


def test_images_have_a_sentence_of_their_own() -> None:
    right = np.array([True] * 990 + [False] * 10)
    samples = [
        Sample("A", {1: 0.99}, answered(right)),
        Sample("B", {1: 0.992}, answered(right | (np.arange(1000) >= 998))),
    ]
    (found,) = compare(samples, 0.0005)
    text = conclude(found, Scale(ACC))
    assert "For these very networks, B minus A on samples of this kind is 0.00 to" in text
    assert "points (95%, bootstrap over the 1,000 test samples)" in text
    assert "A alone is right about 0 of them, B alone about 2: McNemar's p = 0.5." in text


def test_mean_and_power_are_written_with_their_units() -> None:
    found = estimate([0.993, 0.9935, 0.9925])
    text = describe(found, Scale(ACC))
    assert text == "99.30% +- 0.05% (mean +- sd), 95% interval of the mean 99.18% to 99.42%"
    assert describe_power(found, 0.0005, Scale(ACC)).startswith(
        "a gain of 0.05 points over this would show in about 17 seeds (6 to 621) of each "
    )
    assert describe_power(estimate([0.99, 0.991]), 0.0005, Scale(ACC)) == (
        "how many seeds a gain of 0.05 points takes cannot be told from these 2 runs"
    )
    assert describe(estimate([0.99]), Scale(ACC)) == "99.00% (one run: no interval)"


@pytest.mark.parametrize(
    ("metric", "value", "points", "mode"),
    [
        (ACC, "150.00%", " points", "max"),
        (Metric("fit_s", "min"), "1.50 s", " s", "min"),
        (LOSS, "1.5000", "", "min"),
        (Metric("val/acc", "max"), "1.5000", "", "max"),
        (Metric("train/images_per_s", "max"), "1.5000", "", "max"),
        ("test/acc", "1.5000", "", None),
        ("other_s", "1.50 s", " s", None),
        ("epochs", "1.5000", "", None),
    ],
)
def test_scale_is_that_of_the_metric(metric: Metric | str, value: str, points: str, mode) -> None:
    scale = Scale(metric)
    assert (scale.value(1.5), scale.points, scale.mode) == (value, points, mode)


def test_metric_whose_best_value_is_not_known_is_higher_and_not_better() -> None:
    low, high = [0.990, 0.991, 0.990], [0.9912, 0.9923, 0.9911]
    found = "0.0012, 95% interval 0.0010 to 0.0014, n = 3 pairs, p = 0.0023."
    assert sentence(low, high, "test/x") == f"B is higher than A by {found}"
    assert sentence(high, low, "test/x") == f"A is higher than B by {found}"


def test_lower_loss_is_better() -> None:
    low, high = [0.990, 0.991, 0.990], [0.9912, 0.9923, 0.9911]
    assert sentence(low, high, LOSS).startswith(
        "A is better than B by 0.0012, 95% interval 0.0010 to"
    )
    assert sentence(high, low, LOSS).startswith(
        "B is better than A by 0.0012, 95% interval 0.0010 to"
    )


def test_difference_that_nobody_named_is_not_planned_for() -> None:
    text = sentence([0.990, 0.991, 0.9905], [0.9909, 0.9901, 0.9906], LOSS, worth=None)
    assert text.startswith("A and B are not distinguishable: B minus A is 0.0000, 95% interval")
    assert "seeds" not in text


def test_more_time_is_worse() -> None:
    text = sentence([9.0, 9.6, 9.1], [10.0, 10.5, 10.2], Metric("to_target_s", "min"), worth=1.0)
    assert (
        text == "A is better than B by 1.00 s, 95% interval 0.75 to 1.25, n = 3 pairs, p = 0.0033."
    )


def test_what_cannot_be_told_apart_is_a_whole_sentence() -> None:
    text = sentence([0.990, 0.991, 0.9905], [0.9909, 0.9901, 0.9906])
    (found,) = compare(
        [
            Sample("A", {1: 0.990, 2: 0.991, 3: 0.9905}, {}),
            Sample("B", {1: 0.9909, 2: 0.9901, 3: 0.9906}, {}),
        ],
        0.0005,
    )
    low, high = 100 * found.low, 100 * found.high
    assert text == (
        f"A and B are not distinguishable: B minus A is 0.00 points, 95% interval {low:.2f} to "
        f"{high:.2f}, n = 3 pairs, p = {found.p:.2g}; to show 0.05 points takes about "
        f"{found.needed} seeds ({found.needed_low} to {found.needed_high:,}) each."
    )
    many = replace(found, needed=20_000, needed_low=10_001, needed_high=None)
    assert conclude(many, Scale(ACC)).endswith("takes more than 10,000 seeds each.")
    many = replace(many, needed_low=999)
    assert conclude(many, Scale(ACC)).endswith(
        "takes more than 10,000 seeds (999 to more than 10,000) each."
    )


@pytest.mark.parametrize(("p", "text"), [(0.9e-4, "p < 0.0001."), (1e-4, "p = 0.0001.")])
def test_smallest_p_is_not_written_out(p: float, text: str) -> None:
    values = {1: 0.990, 2: 0.991, 3: 0.9905}
    better = {1: 0.9912, 2: 0.9923, 3: 0.9917}
    (found,) = compare([Sample("A", values, {}), Sample("B", better, {})], 0.0005)
    assert conclude(replace(found, p_corrected=p), Scale(ACC)).endswith(text)


def test_small_difference_that_somebody_named_is_not_rounded_away() -> None:
    fit = Metric("fit_s", "min")
    text = sentence([10.0, 10.5, 10.2], [10.1, 10.3, 10.4], fit, worth=0.0005)
    assert text.endswith("; to show 0.0005 s takes more than 10,000 seeds each.")


@pytest.mark.parametrize("shift", [0, 9])
def test_equal_values_are_equal_to_the_resolution_of_the_test_set(shift: int) -> None:
    samples = [Sample("A", {1: 0.5, 2: 0.5}, {}), Sample("B", {1 + shift: 0.5, 2 + shift: 0.5}, {})]
    (found,) = compare(samples, 0.0005)
    runs = "2 and 2 runs" if shift else "2 pairs"
    assert conclude(found, Scale(ACC, 10_000)) == (
        f"B minus A is 0.00 points, equal in {runs} to the resolution of the test set (0.01 points "
        "for 10,000 samples): that is no measure of chance; train more --seeds."
    )
    for scale in (Scale(LOSS, 10_000), Scale(ACC, 9, [0.5])):  # which is no share of nine
        assert f"equal in {runs} to the last digit: " in conclude(found, scale)


def test_sd_of_two_runs_is_not_told() -> None:
    text = describe(estimate([0.99, 0.991]), Scale(ACC))
    assert text == (
        "99.05% (mean of 2: too few for an sd), 95% interval of the mean 98.41% to 99.69%"
    )


# What is measured, which of its values is best, and whether the user said so.
KINDS = [
    (Metric("test/rmse", "min"), "A", "better"),
    (Metric("test/f1", "max"), "B", "better"),
    (Metric("test/f1", "max", "percent"), "B", "better"),
    (Metric("test/loss", "min"), "A", "better"),
    (Metric("test/acc", "max", "percent"), "B", "better"),
    (Metric("fit_s", "min"), "A", "better"),
    (Metric("memory_mib", "min"), "A", "better"),
    (Metric("train/samples_per_s", "max"), "B", "better"),
    ("steps", "B", "higher"),
    ("epochs", "B", "higher"),
    ("test_samples", "B", "higher"),
    ("test/unknown", "B", "higher"),
]


@pytest.mark.parametrize(("metric", "best", "word"), KINDS)
@pytest.mark.parametrize("turned", [False, True])
def test_words_are_right_for_each_kind_of_metric(metric, best: str, word: str, turned) -> None:
    less, more = [0.50, 0.51, 0.52], [0.60, 0.61, 0.63]
    text = sentence(more, less, metric) if turned else sentence(less, more, metric)
    best = {"A": "B", "B": "A"}[best] if turned else best
    assert text.startswith(f"{best} is {word} than {'A' if best == 'B' else 'B'} by ")
    other = {"better": "higher", "higher": "better"}[word]
    assert other not in text
    assert "-" not in text.partition("95% interval")[2]


@pytest.mark.parametrize(
    ("metric", "values", "text"),
    [
        ("test/mse", [1.234e-6, 1.301e-6], "0.0000012340"),
        ("test/mse", [1e-6, 1e-6], "0.00000100"),
        ("val/rmse", [0.512, 0.5334], "0.5120"),
        ("val/rmse", [0.5123, 0.51234], "0.5123000"),
        ("train/samples_per_s", [25_408.31, 26_001.7], "25408"),
        ("memory_mib", [1234.5678, 1250.0], "1234.6 MiB"),
        ("train/samples_per_s", [644.5653, 520.6297], "645"),
        ("steps", [860, 860], "860"),
        ("epochs", [5, 5], "5"),
        ("steps", [860, 867], "860.00"),
        ("test/loss", [0.0, 0.0], "0.0000"),
        ("test_s", [0.0123, 0.0151], "0.012 s"),
        (ACC, [0.991, 0.992], "99.10%"),
        (ACC, [0.98, 0.99], "98.00%"),
        (ACC, [0.991234, 0.991236], "99.1234%"),
    ],
)
def test_decimals_show_how_the_values_differ(metric, values: list[float], text: str) -> None:
    assert Scale(metric, None, values).value(values[0]) == text


@pytest.mark.parametrize(("p", "text"), [(0.0496, "p = 0.0496"), (0.0504, "p = 0.05.")])
def test_p_is_not_rounded_over_the_limit(p: float, text: str) -> None:
    (found,) = compare(
        [Sample(name, dict(enumerate(row)), {}) for name, row in (("A", [1, 2]), ("B", [3, 5]))],
        None,
    )
    assert text in conclude(replace(found, p_corrected=p), Scale(LOSS))


@pytest.mark.parametrize(("seed", "same"), [(0, "in all 3 pairs"), (9, "between all runs of both")])
def test_gap_that_is_always_the_same_is_told(seed: int, same: str) -> None:
    first, second = Sample("A", dict.fromkeys(range(3), 0.99), {}), dict.fromkeys(range(3), 0.991)
    second = Sample("B", {seed + key: value for key, value in second.items()}, {})
    (found,) = compare([first, second], 0.0005)
    assert conclude(found, Scale(ACC)).startswith(f"B minus A is 0.10 points, the same {same}: ")


def test_networks_that_are_right_about_the_same_images_have_no_interval() -> None:
    right = np.array([True] * 9 + [False])
    samples = [Sample(name, {1: 0.9}, answered(right)) for name in "AB"]
    (found,) = compare(samples, 0.0005)
    text = conclude(found, Scale(ACC)).partition("For these very networks, ")[2]
    assert text == "B minus A is 0.00 points, the same on each of the 10 test samples."


def test_interval_beyond_0_is_not_rounded_to_0() -> None:
    text = sentence([0.1, 0.2, 0.3, 0.4], [0.1001, 0.20005, 0.3001, 0.4001], LOSS)
    assert "A is better than B by 0.0001, 95% interval above 0 to 0.0001, n = 4 pairs" in text


def test_errors_of_the_same_samples_are_told_in_the_unit_of_the_metric() -> None:
    root = lambda means: np.sqrt(means[..., 0])  # noqa: E731
    error = np.square(np.random.default_rng(0).normal(size=500))
    samples = [
        Sample(name, {1: float(np.sqrt(each.mean()))}, answered(each, root))
        for name, each in (("A", error), ("B", 4 * error))
    ]
    (found,) = compare(samples, None)
    text = conclude(found, Scale(Metric("test/rmse", "min")))
    assert "For these very networks, B minus A on samples of this kind is 0.9" in text
    assert text.endswith("(95%, bootstrap over the 500 test samples).")
