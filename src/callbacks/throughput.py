"""How fast a module learns.

Lightning's ThroughputMonitor waits for the GPU after each batch and takes all batches to be of one
size; this waits once an epoch.
"""

import time
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.types import STEP_OUTPUT
from typing_extensions import override

from src.engine import count_samples


class Throughput(Callback):
    """Log `train/samples_per_s` of each epoch: all that training takes, without validation.

    Nothing is logged where the batches do not tell how many samples they hold.
    """

    def __init__(self) -> None:
        self._samples = 0
        self._seconds = 0.0
        self._since = 0.0

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._begin()  # a run that continues inside an epoch starts none

    @override
    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._begin()

    @override
    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,
        batch_idx: int,
    ) -> None:
        self._samples += count_samples(batch, pl_module) or 0

    @override
    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._pause(trainer)

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._since = time.perf_counter()

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._pause(trainer)
        rate = self._samples * trainer.world_size / self._seconds
        if rate:  # else the batches do not tell
            pl_module.log("train/samples_per_s", rate)

    def _begin(self) -> None:
        self._samples = 0
        self._seconds = 0.0
        self._since = time.perf_counter()

    def _pause(self, trainer: Trainer) -> None:
        if trainer.strategy.root_device.type == "cuda":
            torch.cuda.synchronize()
        self._seconds += time.perf_counter() - self._since
