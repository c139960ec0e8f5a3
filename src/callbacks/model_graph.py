"""The network as a picture of its operations."""

import copy
import warnings
from typing import cast

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from torch import nn
from typing_extensions import override

from src.batch import Batch


class ModelGraph(Callback):
    """Draw the task's `network` into TensorBoard's graph page before the first step."""

    @override
    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        if trainer.global_step == batch_idx == 0 and isinstance(trainer.logger, TensorBoardLogger):
            # A copy and its own random numbers: tracing must not touch what is being trained.
            network = copy.deepcopy(cast(nn.Module, pl_module.network)).eval()
            with torch.random.fork_rng(), torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # TensorBoard knows only torch's older tracer
                trainer.logger.experiment.add_graph(network, batch.image[:1].to(pl_module.dtype))
