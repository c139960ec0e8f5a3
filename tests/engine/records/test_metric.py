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


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0000"),
        (-0.5, "-0.5000"),
        (0.01, "0.0100"),
        (0.00123456, "0.0012346"),
        (1.234567e-6, "1.2346e-06"),
        (999.99, "999.9900"),
        (53210.123, "53210"),
    ],
)
def test_number_is_written_with_digits_that_tell_something(value: float, text: str) -> None:
    assert metric.number_text(value) == text


def test_share_of_samples_is_a_whole_number_of_them() -> None:
    assert metric.is_count(0.9923999905586243, 10_000)  # 0.9924 in 32 bits
    assert not metric.is_count(0.99243, 10_000)


def test_what_a_task_logs_in_the_test_is_told_by_its_name() -> None:
    assert [*filter(metric.is_tested, ["test/acc", "test_loss", "test_s", "val/acc", "fit_s"])] == [
        *["test/acc", "test_loss"]
    ]


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
