"""The one kind of moment at which a run is saved or stopped: between two batches.

There everything is done that belongs to the batch before, its validation and the end of its epoch
included, and nothing of the next one. Lightning saves inside a batch or an epoch, and what was
still to come is then lost when a run resumes.
"""

from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import (
    GradientAccumulationScheduler,
    ModelPruning,
    StochasticWeightAveraging,
)
from typing_extensions import override

from src.engine.console.note import note
from src.engine.lightning_compat import (
    callbacks_of,
    correct_progress,
    ends_in_epoch,
    point_to_next_batch,
    saved_position,
)

_INEXACT = {  # whose checkpoints do not hold all of their state
    StochasticWeightAveraging: "; WeightAveraging does",
    ModelPruning: ": weights that were pruned are not known any more",
}
Action = Callable[[Trainer, bool], None]


class SafePoint(Callback):
    """Act between two batches, once the gradients of all batches so far have been applied.

    It must be the first callback: what others do when training ends is then not in what is saved.

    Args:
        *actions: Called in this order, with the trainer and whether it is inside an epoch.
        at_once: Called before them, and also while gradients are being accumulated.
        resume: Called once, where a run goes on: what was saved there is to be set again.
    """

    def __init__(
        self,
        *actions: Action,
        at_once: Action | None = None,
        resume: Callable[[Trainer], None] | None = None,
    ) -> None:
        self.actions = actions
        self.at_once = at_once
        self.resume = resume
        self._step_before = -1  # of the latest batch
        self._resumed: dict[str, Any] = {}
        self._weights: dict[str, Any] = {}

    @override
    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if point_to_next_batch(checkpoint):
            _, batches = saved_position(checkpoint)
            checkpoint["exact"] = self._has_stepped(trainer, batches)

    @override
    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if not trainer.training:
            return
        if "exact" in checkpoint:
            self._resumed = checkpoint["loops"]
            self._weights = checkpoint["state_dict"]
        if not checkpoint.get("exact"):
            note("this state was saved inside a step: what follows is not exactly the unbroken run")

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._resumed:
            return
        if any(value.dtype == torch.float64 for value in self._weights.values()):
            pl_module.load_state_dict(self._weights)  # Lightning did, before it made them 64-bit
        self._weights = {}
        for kind, instead in _INEXACT.items():
            if any(isinstance(callback, kind) for callback in callbacks_of(trainer)):
                note(f"{kind.__name__} does not go on exactly{instead}")

    @override
    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if self._resumed:
            self._correct_resumed(trainer)
            if self.resume:
                self.resume(trainer)
        self._act(trainer, batch_idx > 0, self._has_stepped(trainer, batch_idx))
        self._step_before = trainer.global_step

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if ends_in_epoch(trainer):
            self._act(trainer, in_epoch=False)

    @override
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not ends_in_epoch(trainer):
            self._act(trainer, in_epoch=False)

    def _correct_resumed(self, trainer: Trainer) -> None:
        correct_progress(trainer, self._resumed)
        for callback in callbacks_of(trainer):
            if isinstance(callback, GradientAccumulationScheduler):
                callback.on_train_epoch_start(trainer)  # else it waits for the next epoch
        self._resumed = {}

    def _has_stepped(self, trainer: Trainer, batches: int) -> bool:
        """Tell whether the gradients of all batches so far have been applied."""
        if trainer.lightning_module.automatic_optimization:
            return batches % trainer.accumulate_grad_batches == 0
        step = trainer.global_step  # 0 where the module does not step by Lightning's optimizers
        return step == 0 or step > self._step_before

    def _act(self, trainer: Trainer, in_epoch: bool, stepped: bool = True) -> None:
        if self.at_once:
            self.at_once(trainer, in_epoch)
        for action in self.actions if stepped else ():
            action(trainer, in_epoch)
