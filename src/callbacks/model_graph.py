"""The network as a picture of its operations."""

import copy
import warnings
from typing import cast

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn
from typing_extensions import override

from src.batch import Batch
from src.callbacks.board import board_of


class ModelGraph(Callback):
    """Draw the task's `network` into TensorBoard's graph page before the first step."""

    @override
    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        if trainer.global_step == batch_idx == 0 and (board := board_of(trainer)):
            # A copy and its own random numbers: tracing, which is in evaluation mode, must not
            # touch what is being trained.
            network = copy.deepcopy(cast(nn.Module, pl_module.network))
            image = batch.image[:1].to(pl_module.dtype)
            with warnings.catch_warnings(action="ignore"), torch.random.fork_rng(), torch.no_grad():
                board.experiment.add_graph(network, image)  # by torch's older tracer, which warns
