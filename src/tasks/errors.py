"""Errors of estimated numbers, gathered on the device."""

import torch
from torch import Tensor
from torchmetrics import Metric
from typing_extensions import override


class Errors(Metric):
    """Mean loss, root mean square error, mean absolute error and R2 since the last reset.

    Of several numbers a sample the errors are over all of them, and R2 is the mean of theirs.

    Args:
        centre: About the mean of the targets, `(D,)` or `()`: sums of squares around it are exact.
    """

    full_state_update = False
    centre: Tensor
    loss: Tensor
    samples: Tensor
    sums: Tensor

    def __init__(self, centre: Tensor) -> None:
        super().__init__()
        self.register_buffer("centre", centre, persistent=False)
        self.add_state("loss", torch.zeros(()), dist_reduce_fx="sum")
        self.add_state("samples", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("sums", torch.zeros(4, 1), dist_reduce_fx="sum")

    @override
    def update(self, loss: Tensor, output: Tensor, target: Tensor) -> None:
        """Add a batch.

        Args:
            loss: Mean loss of its samples, `()`.
            output: Estimates, `(B, D)`.
            target: What is true, `(B, D)`.
        """
        error, around = output.detach().float() - target, target - self.centre
        parts = error.square(), error.abs(), around, around.square()
        self.sums = self.sums + torch.stack([part.sum(dim=0) for part in parts]).float()  # (4, D)
        self.loss.add_(loss.detach(), alpha=len(target))
        self.samples.add_(len(target))

    @override
    def compute(self) -> dict[str, Tensor]:
        """Divide the sums over all processes by the number of samples.

        Returns:
            `loss`, `rmse`, `mae` and `r2`, each `()`; R2 is not a number where all targets are
            the same.
        """
        squared, absolute, around, spread = self.sums / self.samples  # each (D,)
        return {
            "loss": self.loss / self.samples,
            "rmse": squared.mean().sqrt(),
            "mae": absolute.mean(),
            "r2": (1 - squared / (spread - around.square())).mean(),
        }
