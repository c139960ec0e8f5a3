"""A model card, line by line."""

from types import SimpleNamespace as Fake

import pytest

from src.engine.records.metric import Metric
from src.evaluation.card import card

KNOWN = {"test/acc": Metric("test/acc", "max", "percent"), "val/acc_best": Metric("x", "max")}
SESSION = {"inputs": {"torch": "2.15", "device": "H100", "data images": "abc", "threads": "2"}}


def record(**changes) -> Fake:
    parts = {
        "name": "version_3",
        "settings": {"data": "src.data.X", "model": "T", "model.lr": 0.1, "a|b": 1, "same": 2},
        "metrics": {"fit_s": 12.34, "test/acc": 0.99, "test_samples": 10_000, "val/acc_best": 0.5},
        "overview": {"commit": "c0", "uncommitted": True},
        "sessions": [SESSION],
        "headline": Metric("val/acc", "max", "percent"),
        "metric": KNOWN.get,
    }
    return Fake(**parts | changes)


def test_card_tells_data_recipe_result_and_cost() -> None:
    text = card(record(), "2 looks", {"same": 2, "model": "T", "data": "src.data.X"})
    rows = [line for line in text.splitlines() if line.startswith("| ") and line != "| | |"]
    assert text.startswith("# Model card of version_3\n\n## Data\n")
    assert rows == [
        "| data set | src.data.X |",
        "| images | abc (check sum) |",
        "| model | T |",
        "| model.lr | 0.1 |",
        "| a\\|b | 1 |",
        "| commit | c0 with uncommitted changes |",
        "| test/acc | 99.00% (95% interval 98.79% to 99.18%) |",
        "| val/acc_best | 0.5000 |",
        "| samples of the test | 10,000 |",
        "| looks at the test set | 2 looks |",
        "| torch | 2.15 |",
        "| device | H100 |",
        "| threads | 2 |",
        "| fit_s | 12.3 s |",
        "| energy | not measured |",
    ]


def test_card_of_any_module_says_what_is_not_known() -> None:
    empty = record(settings={}, metrics={"energy_wh": 1.5}, overview={}, sessions=[], headline=None)
    text = card(empty, "none")
    for row in (
        "data set | the loaders of the task",
        "commit | not known",
        "test | none",
        "energy_wh | 1.5 Wh",
    ):
        assert f"| {row} |" in text
    assert "not measured" not in text


@pytest.mark.parametrize(
    ("metric", "told"),
    [
        (Metric("test/rmse", "min"), "0.5000 |"),
        (Metric("test/f1", "max"), "0.5000 |"),
        (Metric("test/loss", "min"), "0.5000 |"),
        (Metric("test/acc", "max", "percent"), "50.00% (95% interval 23.66% to 76.34%) |"),
        (Metric("test/recall", "max", "percent"), "55.00% |"),  # no share of 10 samples
        (None, "0.5000 |"),
    ],
)
def test_result_is_written_as_its_metric_is(metric: Metric | None, told: str) -> None:
    name = metric.name if metric else "test/unknown"
    values = {
        name: 0.55 if "recall" in name else 0.5,
        "test_samples": 10,
        "test_s": 1.0,
        "test/bad": None,
    }
    text = card(record(metrics=values, metric={name: metric}.get), "")
    assert f"| {name} | {told}" in text
    assert "| test/bad | not finite |" in text


def test_run_that_was_chosen_among_others_says_so() -> None:
    assert "| chosen | the best of three |" in card(record(), "", chosen="the best of three")
    assert "chosen" not in card(record(), "")
