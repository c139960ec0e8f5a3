"""Counting: a network gives the logarithm of a rate."""

from typing import Any, ClassVar

import torch
import torchmetrics
from torch import Tensor, nn

from src.engine import Metric
from src.tasks.supervised import SupervisedTask


class LossAndError(torchmetrics.Metric):
    """Mean loss and mean absolute error of all samples."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("loss", "error", "samples"):
            self.add_state(name, torch.zeros(()), dist_reduce_fx="sum")

    def update(self, loss: Tensor, output: Tensor, target: Tensor) -> None:
        self.loss += loss.detach() * len(target)
        self.error += (output.detach().exp() - target).abs().sum()
        self.samples += len(target)

    def compute(self) -> dict[str, Tensor]:
        return {"loss": self.loss / self.samples, "mae": self.error / self.samples}


class CountTask(SupervisedTask):
    """Train a network to tell how often something happens.

    Args:
        network: Maps inputs to logarithms of rates, `(B, 1)`.
        **settings: Those of every task.
    """

    kind: ClassVar[str] = "count"
    headline: ClassVar[Metric] = Metric("mae", "min")

    def __init__(self, network: nn.Module, **settings: Any) -> None:
        super().__init__(network, nn.PoissonNLLLoss(), LossAndError, **settings)
