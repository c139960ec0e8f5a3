"""Estimation of one or several numbers."""

import math
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from typing_extensions import override

from src.engine import Metric, UsageError
from src.tasks.errors import Errors
from src.tasks.supervised import SupervisedTask

_LOSSES = {"mse": nn.MSELoss, "l1": nn.L1Loss, "huber": nn.HuberLoss}


class RegressionTask(SupervisedTask):
    """Train a network to estimate numbers; log their errors and R2 of each split.

    The network learns targets that have about mean 0 and standard deviation 1, in which the loss
    is; predictions, RMSE and MAE are in the unit of the targets.

    Args:
        network: Maps inputs to D numbers, `(B, D)`.
        loss: Loss of the training: mean squared error, mean absolute error, or Huber's.
        target_mean: About the mean of the targets, one for all or D of them.
        target_std: About their standard deviation, above 0.
        **settings: Those of every task: `optimizer`, `scheduler` and others.

    Raises:
        ValueError: A standard deviation is not above 0.
    """

    kind: ClassVar[str] = "regression"
    headline: ClassVar[Metric] = Metric("rmse", "min")
    metrics: tuple[Metric, ...] = (
        *(Metric("loss", "min"), Metric("mae", "min"), Metric("r2", "max")),
    )

    target_mean: Tensor
    target_std: Tensor

    def __init__(
        self,
        network: nn.Module,
        loss: Literal["mse", "l1", "huber"] = "mse",
        target_mean: float | list[float] = 0.0,
        target_std: float | list[float] = 1.0,
        **settings: Any,
    ) -> None:
        stds = target_std if isinstance(target_std, list) else [target_std]
        if not all(0 < each < math.inf for each in stds):
            raise ValueError(f"target_std must be finite and above 0, got {target_std}")
        mean, std = torch.tensor(target_mean), torch.tensor(target_std)
        scaled = _Standardised(_LOSSES[loss](), std)
        super().__init__(network, scaled, lambda: Errors(mean), **settings)
        self.register_buffer("target_mean", mean, persistent=False)
        self.register_buffer("target_std", std, persistent=False)

    @override
    def forward(self, inputs: Tensor) -> Tensor:
        # In 32 bits, whatever the precision is: 16 of them are too few for numbers far from 0.
        estimate = super().forward(inputs).float()
        return estimate * self.target_std.float() + self.target_mean.float()

    @override
    def pair(self, batch: Any) -> tuple[Tensor, Tensor]:
        inputs, target = batch
        return inputs, target.float().view(len(target), -1)  # (B, D)


class _Standardised(nn.Module):
    """A loss of numbers in standard deviations."""

    std: Tensor

    def __init__(self, loss: nn.Module, std: Tensor) -> None:
        super().__init__()
        self.loss = loss
        self.register_buffer("std", std, persistent=False)

    @override
    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        if output.shape != target.shape:  # torch would compare each with each
            raise UsageError(
                f"the network gives {tuple(output.shape)}, samples first, for targets of "
                f"{tuple(target.shape)}: change its outputs, such as num_classes"
            )
        loss: Tensor = self.loss(output / self.std, target / self.std)
        return loss
