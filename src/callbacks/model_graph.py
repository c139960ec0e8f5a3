"""The network as a picture of its operations.

TensorBoardLogger's `log_graph` traces the module itself, in training mode, before the first step:
that changes batch norm's averages and draws random numbers.
"""

import copy
import warnings
from contextlib import redirect_stdout
from io import StringIO
from textwrap import shorten
from typing import cast

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn
from typing_extensions import override

from src.batch import Batch
from src.engine import note, tensorboard_of


class ModelGraph(Callback):
    """Draw the task's `network` into TensorBoard's graph page after the first epoch."""

    def __init__(self) -> None:
        self._image: Tensor | None = None

    @override
    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        if trainer.global_step == batch_idx == 0:
            if (image := getattr(batch, "image", None)) is None:
                note("the graph of the network is not drawn: a batch has no `image`")
                return
            self._image = image[:1].clone()

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        image, self._image = self._image, None
        if image is not None and (logger := tensorboard_of(trainer)):
            try:
                _draw(cast(nn.Module, pl_module.network), image.to(pl_module.dtype), logger)
            except Exception as error:  # whatever a network does that cannot be traced
                note(f"the graph of the network is not drawn: {shorten(str(error), 160)}")

    @override
    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self.on_train_epoch_end(trainer, pl_module)  # a run that continues starts after this batch


def _draw(network: nn.Module, image: Tensor, logger: TensorBoardLogger) -> None:
    # A copy and its own random numbers: tracing, which is in evaluation mode, must not touch what
    # is being trained. torch's older tracer warns, and prints what fails.
    with (
        warnings.catch_warnings(action="ignore"),
        redirect_stdout(StringIO()),
        torch.random.fork_rng(),
        torch.no_grad(),
    ):
        logger.experiment.add_graph(copy.deepcopy(network), image)
