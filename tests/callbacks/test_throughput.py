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
    assert trainer.callback_metrics["train/samples_per_s"] == 40 / 0.5


def test_throughput_waits_for_the_gpu_and_counts_all_processes(batch: Batch, monkeypatch) -> None:
    now, waited, logged = iter([0.0, 2.0]), [], {}
    time = SimpleNamespace(perf_counter=lambda: next(now))
    monkeypatch.setattr("src.callbacks.throughput.time", time)
    monkeypatch.setattr("torch.cuda.synchronize", lambda: waited.append(True))
    device = SimpleNamespace(root_device=SimpleNamespace(type="cuda"))
    trainer = SimpleNamespace(world_size=3, strategy=device)
    task, throughput = SimpleNamespace(log=logged.__setitem__), Throughput()
    throughput.on_train_start(trainer, task)  # as where a run goes on inside an epoch
    throughput.on_train_batch_end(trainer, task, None, batch, 0)
    throughput.on_train_epoch_end(trainer, task)
    assert (waited, logged) == ([True], {"train/samples_per_s": 20 * 3 / 2})


def test_each_epoch_is_counted_anew(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, logged = SimpleNamespace(now=5.0), []
    time = SimpleNamespace(perf_counter=lambda: clock.now)
    monkeypatch.setattr("src.callbacks.throughput.time", time)
    device = SimpleNamespace(root_device=SimpleNamespace(type="cpu"))
    trainer = SimpleNamespace(world_size=1, strategy=device)
    task, throughput = SimpleNamespace(log=lambda _, rate: logged.append(rate)), Throughput()
    for batches in (1, 2):
        throughput.on_train_epoch_start(trainer, task)
        for number in range(batches):
            clock.now += 0.5
            throughput.on_train_batch_end(trainer, task, None, batch, number)
        throughput.on_train_epoch_end(trainer, task)
        clock.now += 100  # between the epochs
    assert logged == [40, 40]
