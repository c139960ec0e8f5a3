"""A task as somebody writes it who knows nothing of this project."""

from typing import Any

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torchmetrics import MeanSquaredError
from typing_extensions import override

from src.batch import Batch


class RmseTask(LightningModule):
    """Estimate the number of the class; log torchmetrics objects, of which each knows its best.

    It logs `val/rmse`, of which less is better, and `val/x`, of which nobody says what is.

    Args:
        lr: Learning rate.
        worse: Whether it gets worse and worse.
    """

    def __init__(self, lr: float = 1e-4, worse: bool = False) -> None:
        super().__init__()
        self.network = nn.Linear(28 * 28, 1)
        self.lr, self.sign = lr, -1 if worse else 1
        self.rmse = MeanSquaredError(squared=False)

    @override
    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss = F.mse_loss(self._estimate(batch), batch.label.float())
        self.log("train/loss", loss)
        return self.sign * loss

    @override
    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.rmse(self._estimate(batch), batch.label.float())
        self.log("val/rmse", self.rmse)
        self.log("val/x", 1.0 + self.global_step)

    @override
    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self.rmse(self._estimate(batch), batch.label.float())
        self.log("test/rmse", self.rmse)

    @override
    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), self.lr)

    def _estimate(self, batch: Batch) -> Tensor:
        estimate: Tensor = self.network(batch.image.float().flatten(1))
        return estimate.squeeze(1)
