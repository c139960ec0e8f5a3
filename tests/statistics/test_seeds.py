from src.engine.records.metric import Metric
from src.statistics.seeds import WORTH, summarise, worth_knowing

ACC = Metric("val/acc", "max", "percent")


def test_runs_are_summed_up() -> None:
    metrics = [
        {"test/acc": acc, "val/acc_best": acc - 0.001, "fit_s": seconds}
        for acc, seconds in [(0.993, 20.0), (0.9935, 30.0), (0.9925, 22.0)]
    ]
    text = summarise("mine", metrics, 5, ACC)
    assert text.splitlines() == [
        "runs            3 of 5, group mine",
        "test/acc        99.30% +- 0.05% (mean +- sd), 95% interval of the mean 99.18% to 99.42%",
        "test/acc range  99.25% to 99.35%",
        "power           a gain of 0.05 points over this would show in about 17 seeds (6 to 621) "
        "of each configuration (power 80%, error 5%); the range is what the sd of 3 runs leaves "
        "open",
        "val/acc         99.20% +- 0.05% (mean +- sd), 95% interval of the mean 99.08% to 99.32%",
        "val/acc range   99.15% to 99.25%",
        "seconds         22.0 fit (median), 72.0 in all",
        "compare         python -m src.compare mine OTHER",
    ]


def test_single_run_needs_no_plan() -> None:
    text = summarise("mine", [{"test/acc": 0.99}, {"test/acc": None, "val/acc_best": 0.98}], 2, ACC)
    assert text.splitlines() == [
        "runs           2 of 2, group mine",
        "test/acc       99.00% (one run: no interval), of the 1 of 2 runs where it is finite",
        "val/acc        98.00% (one run: no interval), of the 1 of 2 runs that have one",
        "compare        python -m src.compare mine OTHER",
    ]
    text = summarise("mine", [{"test/acc": 0.99}, {"test/acc": 0.991}], 2, ACC)
    assert "cannot be told from these 2 runs" in text


def test_power_is_of_the_test_where_it_is_known() -> None:
    val = {"val/acc_best": 0.99}, {"val/acc_best": 0.98}, {"val/acc_best": 0.985}
    text = summarise(
        "mine", [each | {"test/acc": 0.99 + k / 2000} for k, each in enumerate(val)], 3, ACC
    )
    assert text.count("\npower ") == 1
    assert "in about 17 seeds" in text


def test_time_to_target_counts_who_reached_it() -> None:
    metrics = [{"to_target_s": 10.0}, {"to_target_s": 12.0}, {"fit_s": 50.0}]
    text = summarise("mine", metrics, 5, ACC)
    assert "to target      11.00 s (mean of 2: too few for an sd), 95% interval of the mean" in text
    assert "of the 2 of 3 that reached it" in text
    assert "range" not in text
    assert "power" not in text


def test_metric_that_is_no_share_has_no_difference_worth_knowing() -> None:
    assert worth_knowing(ACC) == WORTH
    assert worth_knowing(Metric("val/rmse", "min")) is worth_knowing("val/rmse") is None
    metrics = [{"test_rmse": 0.5, "val_rmse_best": 0.25}, {"test_rmse": 0.75, "val_rmse_best": 0.5}]
    text = summarise("mine", metrics, 2, Metric("val_rmse", "min"))
    assert "\ntest_rmse range  0.5000 to 0.7500\n" in text
    assert "\nval_rmse range   0.2500 to 0.5000\n" in text
    assert "power" not in text


def test_whatever_was_tested_is_summed_up_where_no_metric_is_the_headline() -> None:
    metrics = [
        {"test/b": value, "test_a": 1.0, "test_s": 9.0, "test_samples": 5, "val/b": 1.0}
        for value in (0.5, 0.75)
    ]
    heads = [line[:13].strip() for line in summarise("mine", metrics, 2, None).splitlines()]
    assert heads == ["runs", "test/b", "test/b range", "test_a", "compare"]


def test_equal_results_are_equal_to_the_resolution_of_the_test_set() -> None:
    metrics = [{"test/acc": 0.993, "test_samples": 10_000, "val/acc_best": 0.99}] * 3
    text = summarise("mine", metrics, 3, ACC)
    assert (
        "test/acc       99.30% (all 3 values are equal to the resolution of the test set (0.01 "
        in (text)
    )
    assert "points for 10,000 samples): no interval)\n" in text
    assert "val/acc        99.00% (all 3 values are equal to the last digit: no interval)\n" in text
    assert "cannot be told from these 3 runs" in text


def test_result_is_told_where_the_metric_of_the_choice_is_not_tested() -> None:
    metrics = [{"val/x_best": value, "test/acc": value} for value in (0.25, 0.5)]
    text = summarise("mine", metrics, 2, Metric("val/x", "min"))
    assert "\ntest/acc        0.3750" in text
    assert "\nval/x           0.3750" in text


def test_metric_without_a_name_in_the_test_is_told_once_beside_what_was_tested() -> None:
    metrics = [{"rmse": 9.0, "rmse_best": value, "test/mae": value} for value in (2e-6, 4e-6)]
    lines = summarise("mine", metrics, 2, Metric("rmse", "min")).splitlines()
    assert [line.split()[:2] for line in lines[1:5]] == [
        *[["test/mae", "0.00000300"], ["test/mae", "range"]],
        *[["rmse", "0.00000300"], ["rmse", "range"]],
    ]
