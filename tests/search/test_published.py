import pytest

from src.engine.records.metric import Metric
from src.search.published import published_by

FURTHER = {"model.metrics.f1": "MulticlassF1Score", "model.metrics.f1.num_classes": 10}


@pytest.mark.parametrize(
    ("task", "headline"),
    [
        ("MultiLabelTask", Metric("val/f1", "max")),
        ("RegressionTask", Metric("val/rmse", "min")),
        ("src.tasks.SegmentationTask", Metric("val/miou", "max", "percent")),
        ("LanguageModelTask", Metric("val/perplexity", "min")),
        ("nowhere.Task", None),
        ("Unknown", None),
    ],
)
def test_task_is_found_by_path_and_by_bare_name(task: str, headline: Metric | None) -> None:
    known, found = published_by({"model": task})
    assert found == headline
    assert headline is None or known[headline.name] == headline


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("MulticlassF1Score", "max"),
        ("torchmetrics.classification.MulticlassHammingDistance", "min"),
        ("torchmetrics.MeanSquaredError", "min"),
    ],
)
def test_further_metric_says_which_value_is_best(name: str, mode: str) -> None:
    known, headline = published_by({**FURTHER, "model": "x", "model.metrics.f1": name})
    assert (known["val/f1"], headline) == (Metric("val/f1", mode), None)
    assert known.keys() == {"train/f1", "val/f1", "test/f1"}


@pytest.mark.parametrize("name", ["Unknown", "torchmetrics.Unknown", "MeanMetric"])
def test_metric_that_does_not_say_is_not_known(name: str) -> None:
    assert published_by({"model.metrics.x": name}) == ({}, None)
