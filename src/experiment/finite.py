"""A training that diverges ends at once, with its last finite state."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from typing_extensions import override

from src.experiment.between_batches import log_interval


class FiniteGuard(Callback):
    """Stop a run whose loss or weights are no longer finite; such a state is never saved.

    Losses are kept on the device and looked at every `log_every_n_steps` steps, before a validation
    and before a state is saved, so that no step waits for the device.
    """

    def __init__(self) -> None:
        self._losses: list[Tensor] = []
        self._began = 0, 0, 0  # epoch, batch and step of the first of them

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._losses = []

    @override
    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if not self._losses:
            self._began = trainer.current_epoch, batch_idx, trainer.global_step

    @override
    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        if isinstance(loss, Tensor):
            self._losses.append(loss.detach())
        if len(self._losses) >= log_interval(trainer):
            self._look(trainer)

    @override
    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._look(trainer)

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._look(trainer)

    @override
    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._look(trainer)
        for name, value in checkpoint["state_dict"].items():
            if isinstance(value, Tensor) and not bool(torch.isfinite(value).all()):
                raise FloatingPointError(
                    f"{name} is not finite after step {trainer.global_step} and was not saved: "
                    f"{_advice(trainer)}"
                )

    def _look(self, trainer: Trainer) -> None:
        if not self._losses:
            return
        losses, self._losses = torch.stack(self._losses), []
        finite = torch.isfinite(losses)
        here = bool(finite.all())
        if trainer.strategy.reduce_boolean_decision(here):  # in all processes
            return
        if here:
            raise FloatingPointError("the loss of another process is not finite")
        bad = int(finite.int().argmin())
        epoch, first, step = self._began
        accumulated, batch = trainer.accumulate_grad_batches, first + bad
        step += batch // accumulated - first // accumulated + 1
        raise FloatingPointError(
            f"the loss is {losses[bad].item()} at step {step} (epoch {epoch + 1}, "
            f"batch {batch + 1}): {_advice(trainer)}"
        )


def _advice(trainer: Trainer) -> str:
    rate = trainer.optimizers[0].param_groups[0]["lr"]
    return f"the learning rate is {rate:.3g}, try a lower one; saved states are finite"
