from pathlib import Path

import pytest
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor

from src.experiment.result import wilson_interval
from src.tasks import ClassificationTask
from tests.conftest import Train


@pytest.mark.parametrize(
    ("share", "count", "low", "high"),
    [
        (0.99, 10_000, 0.987853, 0.991771),
        (0.5, 10, 0.236593, 0.763407),
        (1.0, 100, 0.963007, 1.0),
    ],  # scipy.stats.binomtest(...).proportion_ci(method="wilson")
)
def test_interval_agrees_with_scipy(share: float, count: int, low: float, high: float) -> None:
    assert wilson_interval(share, count) == pytest.approx((low, high), abs=1e-6)


def test_figures_are_json_when_one_is_infinite(train: Train, monkeypatch) -> None:
    original = ClassificationTask.test_step

    def test_step(self: ClassificationTask, *args) -> Tensor:
        logits = original(self, *args)
        self.test_metrics.loss.add_(torch.inf)
        return logits

    monkeypatch.setattr(ClassificationTask, "test_step", test_step)
    metrics = train("--trainer.max_epochs=1")
    assert metrics["test/loss"] is None
    assert "NaN" not in Path("lightning_logs/version_0/metrics.json").read_text()


def test_hparams_reach_the_disk_before_the_process_ends(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    for name in ("log_hyperparams", "finalize"):
        original = getattr(TensorBoardLogger, name)

        def spy(logger, *args, original=original, name=name) -> None:
            calls.append(name)
            original(logger, *args)

        monkeypatch.setattr(TensorBoardLogger, name, spy)
    train("--trainer.max_epochs=1")
    assert calls[-2:] == ["log_hyperparams", "finalize"]
