"""A training that diverges ends at once, with its last finite state."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from typing_extensions import override

from src.engine.lightning_compat import log_interval


class FiniteGuard(Callback):
    """Stop a run whose loss or weights are no longer finite; such a state is never saved.

    Losses are kept on the device and looked at every `log_every_n_steps` steps, before a validation
    and before a state is saved, so that no step waits for the device.
    """

    def __init__(self) -> None:
        self._losses: list[tuple[int, Tensor]] = []  # with their batches
        self._began = 0, 0, 0  # epoch, batch and step of the first of them
        self._infinite: set[str] = set()  # buffers that are so by design, such as a mask

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._losses = []
        buffers = pl_module.named_buffers()
        self._infinite = {name for name, value in buffers if not _is_finite(value)}

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
            loss = loss.detach()
            self._losses.append((batch_idx, loss.mean() if loss.ndim else loss))
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
            if name not in self._infinite and not _is_finite(value):
                raise FloatingPointError(
                    f"{name} is not finite after step {trainer.global_step} and was not saved: "
                    f"{_advice(trainer)}"
                )

    def _look(self, trainer: Trainer) -> None:
        if not self._losses:
            return
        batches, kept = zip(*self._losses, strict=True)
        losses, self._losses = torch.stack(kept), []
        finite = torch.isfinite(losses)
        here = bool(finite.all())
        if trainer.strategy.reduce_boolean_decision(here):  # in all processes
            return
        if here:
            raise FloatingPointError("the loss of another process is not finite")
        bad = int(finite.int().argmin())
        raise FloatingPointError(
            f"the loss is {losses[bad].item()} {self._place(trainer, batches[bad])}: "
            f"{_advice(trainer)}"
        )

    def _place(self, trainer: Trainer, batch: int) -> str:
        epoch, first, step = self._began
        place = f"epoch {epoch + 1}, batch {batch + 1}"
        if not trainer.lightning_module.automatic_optimization:  # a batch is any number of steps
            return f"in {place}"
        accumulated = trainer.accumulate_grad_batches
        step += batch // accumulated - first // accumulated + 1
        return f"at step {step} ({place})"


def _is_finite(value: Any) -> bool:
    return not isinstance(value, Tensor) or bool(torch.isfinite(value).all())


def _advice(trainer: Trainer) -> str:
    groups = [group for optimizer in trainer.optimizers for group in optimizer.param_groups]
    known = [float(group["lr"]) for group in groups if "lr" in group]
    if not known:
        return "saved states are finite"
    rates = list(dict.fromkeys(f"{rate:.3g}" for rate in known if rate))
    if not rates:  # a schedule has ended
        return "try a lower learning rate; saved states are finite"
    told = f"rate is {rates[0]}" if len(rates) == 1 else f"rates are {' and '.join(rates)}"
    return f"the learning {told}, try a lower one; saved states are finite"
