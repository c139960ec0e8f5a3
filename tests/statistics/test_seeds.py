from src.statistics.seeds import summarise


def test_runs_are_summed_up() -> None:
    metrics = [
        {"test/acc": acc, "val/acc_best": acc - 0.001, "fit_s": seconds}
        for acc, seconds in [(0.993, 20.0), (0.9935, 30.0), (0.9925, 22.0)]
    ]
    text = summarise("mine", metrics, 5)
    assert text.splitlines() == [
        "runs           3 of 5, group mine",
        "test accuracy  99.30% +- 0.05% (mean +- sd), 95% interval of the mean 99.18% to 99.42%",
        "test range     99.25% to 99.35%",
        "power          a gain of 0.05 points over this would show in about 17 seeds of each "
        "configuration (power 80%, error 5%)",
        "val accuracy   99.20% +- 0.05% (mean +- sd), 95% interval of the mean 99.08% to 99.32%",
        "val range      99.15% to 99.25%",
        "seconds        22.0 fit (median), 72.0 in all",
        "compare        python -m src.compare mine OTHER",
    ]


def test_single_run_needs_no_plan() -> None:
    text = summarise("mine", [{"test/acc": 0.99}, {"test/acc": None, "val/acc_best": 0.98}], 2)
    assert text.splitlines() == [
        "runs           2 of 2, group mine",
        "test accuracy  99.00% (one run: no interval)",
        "test range     99.00% to 99.00%",
        "val accuracy   98.00% (one run: no interval)",
        "val range      98.00% to 98.00%",
        "compare        python -m src.compare mine OTHER",
    ]
    text = summarise("mine", [{"test/acc": 0.99}, {"test/acc": 0.991}], 2)
    assert "cannot be told from these 2 runs" in text


def test_power_is_of_the_test_where_it_is_known() -> None:
    val = {"val/acc_best": 0.99}, {"val/acc_best": 0.98}, {"val/acc_best": 0.985}
    text = summarise(
        "mine", [each | {"test/acc": 0.99 + k / 2000} for k, each in enumerate(val)], 3
    )
    assert text.count("\npower ") == 1
    assert "in about 17 seeds" in text


def test_time_to_target_counts_who_reached_it() -> None:
    metrics = [{"to_target_s": 10.0}, {"to_target_s": 12.0}, {"fit_s": 50.0}]
    text = summarise("mine", metrics, 5)
    assert "to target      11.00 s +- 1.41 s" in text
    assert "of the 2 of 3 that reached it" in text
    assert "range" not in text
    assert "power" not in text
