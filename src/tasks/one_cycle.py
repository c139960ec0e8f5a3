"""A learning rate schedule in fractions of the training, whatever its length."""

import math
from typing import Literal

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from typing_extensions import override


class OneCycle(LRScheduler):
    """Raise the learning rate to the optimizer's own, then let it fall to the end of training.

    With `warmup` 0 it only falls. It takes one step per optimizer step.

    Args:
        optimizer: Its learning rate is the peak.
        warmup: Fraction of the training in which the rate rises, in `[0, 1)`.
        start: Rate at the first step, as a fraction of the peak.
        end: Rate after the last step, as a fraction of the peak.
        anneal: Shape of both the rise and the fall.

    Attributes:
        total_steps: Optimizer steps of the whole training; whoever trains sets it before the first.

    Raises:
        ValueError: `warmup` is outside `[0, 1)`.

    References:
        Smith and Topin, "Super-convergence: very fast training of neural networks using large
        learning rates", 2017. arXiv:1708.07120
    """

    def __init__(
        self,
        optimizer: Optimizer,
        warmup: float = 0.25,
        start: float = 0.04,
        end: float = 0.0,
        anneal: Literal["cosine", "linear"] = "cosine",
    ) -> None:
        if not 0 <= warmup < 1:
            raise ValueError(f"warmup of OneCycle must be in [0, 1), got {warmup}")
        self.warmup = warmup
        self.start = start
        self.end = end
        self.anneal = anneal
        self.total_steps = 1
        super().__init__(optimizer)

    def factor(self, fraction: float) -> float:
        """Compute the learning rate relative to its peak.

        Args:
            fraction: Part of the training that is done, in `[0, 1]`.

        Returns:
            Factor of the peak rate.
        """
        if fraction < self.warmup:
            low, rise = self.start, fraction / self.warmup
        else:
            low, rise = self.end, (1 - fraction) / (1 - self.warmup)
        if self.anneal == "cosine":
            rise = (1 - math.cos(math.pi * rise)) / 2
        return low + (1 - low) * rise

    @override
    def get_lr(self) -> list[float | Tensor]:
        factor = self.factor(min(self.last_epoch / self.total_steps, 1))
        return [base_lr * factor for base_lr in self.base_lrs]
