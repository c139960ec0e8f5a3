"""What every task in `src.tasks` must do; a new one is found by itself."""

import math

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch.utils.data import DataLoader

from src import tasks
from src.batch import Batch
from src.models import CNN
from tests.bare_trainer import bare_trainer

TASKS = [
    item
    for item in vars(tasks).values()
    if isinstance(item, type) and issubclass(item, LightningModule)
]


@pytest.fixture(params=TASKS, ids=lambda task: task.__name__)
def task(request: pytest.FixtureRequest) -> LightningModule:
    torch.manual_seed(0)
    return request.param(network=CNN())


def fit(task: LightningModule, batch: Batch, steps: int) -> Trainer:
    trainer = bare_trainer(log_every_n_steps=1)
    loader = DataLoader([batch] * steps, batch_size=None)
    trainer.fit(task, loader, DataLoader([batch], batch_size=None))
    return trainer


def test_first_loss_is_that_of_a_guess(task: LightningModule, batch: Batch) -> None:
    trainer = fit(task, batch, steps=1)
    assert trainer.logged_metrics["train/loss"].item() == pytest.approx(math.log(10), rel=0.05)


def test_task_overfits_one_batch(task: LightningModule, batch: Batch) -> None:
    trainer = fit(task, batch, steps=60)
    assert trainer.callback_metrics["val/loss"].item() < 0.01
    assert trainer.callback_metrics["val/acc"].item() == 1.0


def test_task_logs_loss_and_accuracy_of_both_splits(task: LightningModule, batch: Batch) -> None:
    trainer = fit(task, batch, steps=1)
    assert {"train/loss", "train/acc", "val/loss", "val/acc"} <= set(trainer.callback_metrics)
