from pathlib import Path

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
