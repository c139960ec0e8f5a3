from pathlib import Path
from threading import Lock
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from src.batch import Batch
from src.callbacks import ModelGraph
from src.tasks import ClassificationTask


class Noise(nn.Module):
    """Add noise, also in evaluation."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.rand_like(x)


def test_graph_is_drawn_without_touching_the_network(tmp_path: Path, batch: Batch) -> None:
    network = nn.Sequential(
        Noise(), nn.Flatten(), nn.BatchNorm1d(784), nn.Dropout(), nn.Linear(784, 10)
    )
    trainer = Trainer(logger=TensorBoardLogger(tmp_path), accelerator="cpu")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    random_state = torch.get_rng_state()
    traced = []
    network.register_forward_pre_hook(lambda module, args: traced.append(module.training))
    graph, task = ModelGraph(), ClassificationTask(network)
    graph.on_train_batch_start(trainer, task, batch, 0)
    graph.on_train_epoch_end(trainer, task)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert network.training
    assert traced
    assert not any(traced)
    trainer.logger.experiment.close()
    assert EventAccumulator(trainer.logger.log_dir).Reload().Tags()["graph"]


def drawn(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """Keep the images with which graphs are drawn."""
    images: list[torch.Tensor] = []
    board = SimpleNamespace(
        experiment=SimpleNamespace(add_graph=lambda network, image: images.append(image))
    )
    monkeypatch.setattr("src.callbacks.model_graph.tensorboard_of", lambda trainer: board)
    return images


def test_graph_is_drawn_once_of_the_first_image(batch: Batch, monkeypatch) -> None:
    images, graph, task = drawn(monkeypatch), ModelGraph(), ClassificationTask(nn.Flatten())
    first = batch.image[:1].clone()
    graph.on_train_batch_start(SimpleNamespace(global_step=0), task, batch, 0)
    batch.image.zero_()  # what follows may write into it
    graph.on_exception(SimpleNamespace(), task, ValueError())
    graph.on_train_epoch_end(SimpleNamespace(), task)
    (image,) = images
    assert torch.equal(image, first)


@pytest.mark.parametrize(("step", "number"), [(0, 1), (5, 0), (5, 5)])
def test_graph_is_not_drawn_of_later_batches(batch, monkeypatch, step: int, number: int) -> None:
    images, graph, task = drawn(monkeypatch), ModelGraph(), ClassificationTask(nn.Flatten())
    graph.on_train_batch_start(SimpleNamespace(global_step=step), task, batch, number)
    graph.on_train_epoch_end(SimpleNamespace(), task)
    assert not images


class Untraceable(nn.Module):
    """Give what torch's tracer does not take, or fail as a copy of what a profiler watches."""

    def __init__(self, copied: bool) -> None:
        super().__init__()
        self.lock = None if copied else Lock()

    def forward(self, x: torch.Tensor) -> object:
        return {"out": x}


@pytest.mark.parametrize(
    ("copied", "why"), [(True, "Encountering a dict"), (False, "cannot pickle '_thread.lock'")]
)
def test_network_that_cannot_be_traced_does_not_end_a_run(
    tmp_path: Path, batch: Batch, capsys, copied: bool, why: str
) -> None:
    trainer = Trainer(logger=TensorBoardLogger(tmp_path), accelerator="cpu")
    graph, task = ModelGraph(), ClassificationTask(Untraceable(copied))
    graph.on_train_batch_start(trainer, task, batch, 0)
    graph.on_train_epoch_end(trainer, task)
    said = capsys.readouterr()
    assert said.err.startswith(f"note: the graph of the network is not drawn: {why}")
    assert said.err.count("\n") == 1
    assert "No graph saved" not in said.out


def test_batch_without_images_is_said_once(capsys) -> None:
    graph, task = ModelGraph(), ClassificationTask(nn.Flatten())
    graph.on_train_batch_start(SimpleNamespace(global_step=0), task, (torch.ones(2), None), 0)
    graph.on_train_epoch_end(SimpleNamespace(), task)
    assert capsys.readouterr().err.count("a batch has no `image`") == 1
