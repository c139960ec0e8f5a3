"""How sure a network is, made true by one number."""

from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor
from typing_extensions import override

from src.batch import Batch

_SHARPEST, _FLATTEST = 20.0, 0.05  # bounds of 1 / temperature
_STEPS, _CLOSE = 50, 1e-7


class Temperature(Callback):
    """Fit on the validation images the temperature that calibrates the network.

    It is kept in checkpoints, as `calibration`, so that whoever uses one has probabilities that
    mean what they say. Logits come from the task's `validation_step`.
    """

    def __init__(self) -> None:
        self._seen: list[Batch] = []  # logits in the place of images
        self._fitted: dict[str, float] = {}

    @override
    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if isinstance(outputs, Tensor) and not trainer.sanity_checking:
            self._seen.append(Batch(outputs.detach(), batch.label))

    @override
    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._seen:
            return
        logits, label = (torch.cat(part).cpu() for part in zip(*self._seen, strict=True))
        self._seen = []

        def summed(sums: Tensor) -> Tensor:
            total = trainer.strategy.reduce(sums.to(trainer.strategy.root_device), reduce_op="sum")
            return torch.as_tensor(total).cpu()

        temperature = fit_temperature(logits, label, summed)
        self._fitted = {"temperature": temperature, "step": trainer.global_step}

    @override
    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if self._fitted:
            checkpoint["calibration"] = dict(self._fitted)

    @override
    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._fitted = dict(checkpoint.get("calibration", {}))


def fit_temperature(
    logits: Tensor, label: Tensor, summed: Callable[[Tensor], Tensor] = lambda sums: sums
) -> float:
    """Find the temperature with the lowest cross-entropy, by Newton's method on its inverse.

    In the inverse the cross-entropy is convex; it is bounded where no finite temperature is best.

    Args:
        logits: Logits, `(N, K)`.
        label: Class indices, `(N,)`.
        summed: Adds up a tensor over all processes that have a part of the images.

    Returns:
        Divisor of the logits, in `[0.05, 20]`.

    References:
        Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017.
        arXiv:1706.04599
    """
    logits = logits.double()
    given = logits.gather(1, label[:, None]).sum()
    low, high, inverse = _FLATTEST, _SHARPEST, 1.0
    for _ in range(_STEPS):
        probability = (logits * inverse).softmax(dim=1)
        mean = (probability * logits).sum(dim=1)  # (N,)
        variance = (probability * (logits - mean[:, None]) ** 2).sum()
        slope, curvature = summed(torch.stack([mean.sum() - given, variance]).float()).tolist()
        low, high = (low, inverse) if slope > 0 else (inverse, high)
        before, inverse = inverse, inverse - slope / max(curvature, 1e-12)
        if not low < inverse < high:
            inverse = (low + high) / 2
        if abs(inverse - before) < _CLOSE * before:
            break
    return 1 / inverse
