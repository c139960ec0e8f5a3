"""What all tasks share: further metrics from the configuration."""

import json
from pathlib import Path

import pytest
import torch
import yaml
from torchmetrics.aggregation import MeanMetric
from torchmetrics.classification import MulticlassConfusionMatrix, MulticlassF1Score
from torchmetrics.functional.classification import multiclass_f1_score
from torchmetrics.regression import MeanSquaredError

from src.batch import Batch
from src.compare import main as compare
from src.engine import Metric, UsageError
from src.engine.checkpoints.allowed import find_allowed
from src.engine.checkpoints.checkpoint_file import read_checkpoint
from src.evaluate import main as evaluate
from src.models import CNN
from src.tasks import ClassificationTask, RegressionTask
from src.train import main
from tests.conftest import Train
from tests.tasks.test_classification import fit, sgd
from tests.test_exact_resume import curves, state, stop_at

F1 = ["--model.metrics.f1=MulticlassF1Score", "--model.metrics.f1.num_classes=10"]
BEST = [*F1, "--best.monitor=val/f1"]


def test_further_metrics_are_logged_of_each_split(batch: Batch) -> None:
    task = ClassificationTask(CNN(), optimizer=sgd(0.0), metrics={"f1": MulticlassF1Score(10)})
    fit(task, [batch, Batch(batch.image[:5], batch.label[:5])])
    logits = task(torch.cat([batch.image, batch.image[:5]]))
    f1 = multiclass_f1_score(logits, torch.cat([batch.label, batch.label[:5]]), 10)
    logged = task.trainer.callback_metrics
    torch.testing.assert_close(logged["train/f1"], f1)
    torch.testing.assert_close(logged["val/f1"], f1)


def test_metrics_get_probabilities(batch: Batch) -> None:
    task = ClassificationTask(CNN(), metrics={"f1": MulticlassF1Score(10)})
    scores = task.scores(task(batch.image))
    torch.testing.assert_close(scores.sum(dim=1), torch.ones(20))


def test_metric_publishes_its_direction() -> None:
    metrics = {"f1": MulticlassF1Score(10), "mse": MeanSquaredError(), "mean": MeanMetric()}
    published = ClassificationTask(CNN(), metrics=metrics).metrics
    assert published[1:] == (Metric("f1", "max"), Metric("mse", "min"))
    assert ClassificationTask(CNN()).metrics == published[:1]


@pytest.mark.parametrize("name", ["loss", "rmse", "a b", "a/b"])
def test_name_of_a_metric_is_its_own(name: str) -> None:
    with pytest.raises(ValueError, match=f"metrics cannot have the name '{name}'"):
        RegressionTask(CNN(), metrics={name: MeanSquaredError()})


def test_metric_of_many_numbers_is_refused(batch: Batch) -> None:
    task = ClassificationTask(CNN(), metrics={"table": MulticlassConfusionMatrix(10)})
    with pytest.raises(UsageError, match="the metric table is more than one number"):
        fit(task, [batch])


def test_weights_are_the_same_with_further_metrics() -> None:
    metrics = {"f1": MulticlassF1Score(10)}
    names = [task.state_dict().keys() for task in (ClassificationTask(CNN(), metrics=metrics),)]
    assert names == [ClassificationTask(CNN()).state_dict().keys()]


def test_further_metric_chooses_the_best_state_and_is_compared(train: Train, capsys) -> None:
    metrics = train(*BEST, "--trainer.max_epochs=2")
    assert metrics["val/f1_best"] == max(metrics["val/f1_best"], metrics["val/f1"])
    assert {"test/f1", "val/f1_best"} <= metrics.keys()
    train(*BEST, "--trainer.max_epochs=1", "--model.optimizer.lr=1e-6", "--target=val/f1=0.01")
    assert newest()["epochs"] == 1
    capsys.readouterr()
    compare(["version_0", "version_1"])
    assert "test/f1" in capsys.readouterr().out
    compare(["version_0", "version_1", "--metric=test/f1", "--better=higher"])


def newest() -> dict[str, float]:
    found: dict[str, float] = json.loads(Path("lightning_logs/version_1/metrics.json").read_text())
    return found


def test_further_metrics_continue_exactly_and_are_trusted(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*BEST, "--trainer.max_epochs=2", "--trainer.log_every_n_steps=4"]
    train(*words)
    with stop_at(monkeypatch, 6):
        train(*words)
    main(["--ckpt_path=last"])
    assert state(1) == state(0)
    assert curves(1) == curves(0)
    config = yaml.safe_load(read_checkpoint("checkpoints/version_1/last.ckpt")["config"])
    name = config["model"]["init_args"]["metrics"]["f1"]["class_path"]
    assert find_allowed(name) is MulticlassF1Score
    evaluate(["last"])
