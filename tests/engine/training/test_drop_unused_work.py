import os

import pytest
import torch
from lightning.pytorch import Callback, Trainer

from src.batch import Batch
from src.engine.training.drop_unused_work import drop_unused_work
from src.models import CNN
from src.tasks import ClassificationTask
from tests.bare_trainer import bare_trainer


class Counter(Callback):
    """Count what happens in each batch, and nothing else."""

    def __init__(self) -> None:
        self.calls = 0

    def on_train_batch_end(self, *args) -> None:
        self.calls += 1


class Derived(Counter):
    """Hooks that are inherited count, too."""


@pytest.fixture
def trainer() -> Trainer:
    return bare_trainer(callbacks=[Derived(), Callback()])


def test_hooks_that_do_something_are_still_called(trainer: Trainer, batch: Batch) -> None:
    drop_unused_work(trainer)
    loader = torch.utils.data.DataLoader([batch] * 3, None)
    trainer.fit(ClassificationTask(CNN()), loader, loader)
    assert trainer.callbacks[0].calls == 3


def test_empty_hooks_of_a_step_are_left_out(trainer: Trainer) -> None:
    drop_unused_work(trainer)
    counter, empty = trainer.callbacks[:2]
    assert callable(counter.on_train_batch_end)
    assert counter.on_before_zero_grad is None
    assert empty.on_train_batch_end is None
    assert callable(empty.on_train_epoch_end)


@pytest.mark.parametrize("has_gpu", [True, False])
def test_nvml_is_asked_only_where_there_is_a_gpu(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch, has_gpu: bool
) -> None:
    monkeypatch.setenv("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)
    drop_unused_work(trainer)
    assert ("PYTORCH_NVML_BASED_CUDA_CHECK" in os.environ) == has_gpu
