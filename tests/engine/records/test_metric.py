"""The metric that a run is judged by."""

from types import SimpleNamespace as Fake

import pytest

from src.engine.records import metric
from src.engine.records.metric import FIGURES, Metric, figure_of, headline_of, published
from src.tasks import ClassificationTask

ACC, LOSS = Metric("acc", "max", "percent"), Metric("loss", "min")


def test_metric_is_named_after_the_split() -> None:
    assert ACC.of("val") == Metric("val/acc", "max", "percent")
    assert ACC.of("val").tested == ACC.of("test")


@pytest.mark.parametrize(
    ("name", "tested"),
    [
        ("val/acc", "test/acc"),
        ("val_loss", "test_loss"),
        ("valid-loss", "test-loss"),
        ("validation.loss", "test.loss"),
        ("val/x/dataloader_idx_0", "test/x/dataloader_idx_0"),
        ("value", "value"),
        ("loss/val", "loss/val"),
        ("rmse", "rmse"),
    ],
)
def test_metric_of_the_validation_has_a_name_in_the_test(name: str, tested: str) -> None:
    assert metric.test_name(name) == Metric(name, "min").tested.name == tested


def test_value_is_written_as_its_format_says() -> None:
    assert (ACC.text(0.99314), LOSS.text(0.02134)) == ("99.31%", "0.0213")


def test_best_value_is_the_highest_or_the_lowest() -> None:
    assert [ACC.better(value, 0.5) for value in (0.4, 0.5, 0.6)] == [False, True, True]
    assert [LOSS.better(value, 0.5) for value in (0.4, 0.5, 0.6)] == [True, True, False]


def test_every_figure_of_the_run_itself_has_its_direction() -> None:
    less = "startup_s fit_s test_s to_target_s to_target_steps to_target_samples memory_mib"
    for name in [*less.split(), "gpu_memory_mib"]:
        assert figure_of(name) == Metric(name, "min")
    assert figure_of("train/samples_per_s") == Metric("train/samples_per_s", "max")
    neither = {name for name, mode in FIGURES.items() if mode is None}
    assert neither == {"steps", "epochs", "test_samples"}
    assert not any(map(figure_of, [*neither, "val/loss", "a_s", "a_per_s", "my_mib"]))


def test_task_publishes_its_metrics_for_all_splits() -> None:
    splits = ("train", "val", "test")
    for owner in (ClassificationTask, Fake(headline=ACC, metrics=(LOSS,))):
        assert headline_of(owner) == ACC.of("val")
        named = [each.of(split) for each in (ACC, LOSS) for split in splits]
        assert published(owner) == {each.name: each for each in named}


@pytest.mark.parametrize("owner", [None, Fake(headline="acc", metrics=["loss"]), Fake(metrics={})])
def test_task_of_somebody_else_publishes_nothing(owner: object) -> None:
    assert (headline_of(owner), published(owner)) == (None, {})
