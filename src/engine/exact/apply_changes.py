"""Settings that change when a run continues, against the states that bring the old ones back."""

import math
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch.optim.lr_scheduler import LRScheduler
from typing_extensions import override

from src.engine.lightning_compat import callbacks_of
from src.engine.records.changes import Change, moves_end


class ApplyChanges(Callback):
    """Let new settings of optimizer and schedule win over those that their saved states bring back.

    Args:
        found: Settings that differ.
    """

    def __init__(self, found: list[Change]) -> None:
        self.found = found

    @override
    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if trainer.training:  # a run that ended by itself has ended, unless its end was moved
            trainer.should_stop = checkpoint.get("ended", False) and not moves_end(self.found)

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        schedulers = [config.scheduler for config in trainer.lr_scheduler_configs]
        for change in self.found:
            part, _, _ = change.name.rpartition(".")
            if change.name == "model.optimizer.lr":
                _scale_lr(trainer, schedulers, change.now)
            elif part == "model.optimizer":
                _set(change, [group for opt in trainer.optimizers for group in opt.param_groups])
            elif part == "model.scheduler":
                _set(change, [vars(scheduler) for scheduler in schedulers])
            elif change.name == "trainer.callbacks":
                _set_callbacks(change, callbacks_of(trainer))


def _scale_lr(trainer: Trainer, schedulers: list[Any], lr: float) -> None:
    for optimizer in trainer.optimizers:
        for group in optimizer.param_groups:
            before = group.get("initial_lr", group["lr"])
            group["lr"] = lr if math.isclose(before, 0) else group["lr"] * lr / before
            if "initial_lr" in group:
                group["initial_lr"] = lr
    for scheduler in schedulers:
        if isinstance(scheduler, LRScheduler):
            scheduler.base_lrs = [lr for _ in scheduler.base_lrs]


def _set(change: Change, places: list[dict[str, Any]]) -> None:
    key = change.name.rpartition(".")[2]
    for place in places:
        if key not in place:
            raise ValueError(f"--{change.name} cannot change in the middle of a run: leave it")
        now = change.now
        place[key] = tuple(now) if isinstance(place[key], tuple) else now


def _set_callbacks(change: Change, callbacks: list[Callback]) -> None:
    """Give callbacks again what the command says, where their saved state brought it back."""
    before = {entry["class_path"]: entry for entry in _listed(change.before)}
    for entry in _listed(change.now):
        old = before.get(entry["class_path"], {}).get("init_args", {})
        for callback in callbacks:
            if type(callback).__name__ == entry["class_path"].rpartition(".")[2]:
                for key, value in entry.get("init_args", {}).items():
                    if key in vars(callback) and old.get(key) != value:
                        setattr(callback, key, value)


def _listed(callbacks: Any) -> list[dict[str, Any]]:
    return callbacks if isinstance(callbacks, list) else []
