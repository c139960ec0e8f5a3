from types import SimpleNamespace

import pytest
from lightning.pytorch import Callback
from torch.utils.data import DataLoader

from src.batch import Batch
from src.callbacks import Throughput
from src.models import CNN
from src.tasks import ClassificationTask
from tests.bare_trainer import bare_trainer


class Clock(Callback):
    """A clock by which a batch of training takes a quarter of a second and validation an hour."""

    def __init__(self) -> None:
        self.now = 0.0

    def on_train_batch_start(self, *args) -> None:
        self.now += 0.25

    def on_validation_epoch_end(self, *args) -> None:
        self.now += 3600.0


def test_throughput_counts_training_without_validation(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    time = SimpleNamespace(perf_counter=lambda: clock.now)
    monkeypatch.setattr("src.callbacks.throughput.time", time)
    trainer = bare_trainer(callbacks=[Throughput(), clock])
    loader = DataLoader([batch] * 2, batch_size=None)
    trainer.fit(ClassificationTask(CNN()), loader, loader)
    assert trainer.callback_metrics["train/images_per_s"] == 40 / 0.5
