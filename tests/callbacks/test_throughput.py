from types import SimpleNamespace

import pytest
from lightning.pytorch import Callback, Trainer
from torch.utils.data import DataLoader

from src.batch import Batch
from src.callbacks import Throughput
from src.models import CNN
from src.tasks import ClassificationTask


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
    trainer = Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Throughput(), clock],
    )
    loader = DataLoader([batch] * 2, batch_size=None)
    trainer.fit(ClassificationTask(CNN()), loader, loader)
    assert trainer.callback_metrics["train/images_per_s"] == 40 / 0.5
