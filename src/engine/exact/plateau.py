"""Schedules that follow a metric: one step for each of its values."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.types import LRSchedulerConfig
from torch import Tensor
from typing_extensions import override

from src.engine.console.failure import UsageError


class PlateauSteps(Callback):
    """Let `ReduceLROnPlateau` take a step for each new value of its metric.

    Lightning takes one at the end of each epoch, or after each step: it ends the training where
    there is no value yet, and counts the one before again where none is new.
    """

    def __init__(self) -> None:
        self._counted: list[Tensor | None] = []  # the latest value that each schedule has seen
        self._saved: list[bool] = []  # whether it had seen the value that a checkpoint holds
        self._validated = False

    @override
    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        pairs = zip(trainer.lr_scheduler_configs, self._counted, strict=False)
        seen = [not _is_new(_value(trainer, config), counted) for config, counted in pairs]
        checkpoint["plateaus"] = seen

    @override
    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._saved = checkpoint.get("plateaus", [])

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        configs = trainer.lr_scheduler_configs
        saved = [*self._saved, *[False] * len(configs)]
        pairs = zip(configs, saved, strict=False)
        self._counted = [_value(trainer, config) if seen else None for config, seen in pairs]
        if any(config.reduce_on_plateau for config in configs):
            self._step_for_new_values(trainer)

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._validated = not trainer.sanity_checking

    def _step_for_new_values(self, trainer: Trainer) -> None:
        loop = trainer.fit_loop.epoch_loop
        update = loop.update_lr_schedulers

        def update_new(interval: str, update_plateau_schedulers: bool) -> None:
            if not update_plateau_schedulers:
                update(interval, update_plateau_schedulers)
                return
            if interval == "epoch":
                self._refuse_unlogged(trainer)
            configs = trainer.lr_scheduler_configs
            values = [_value(trainer, c) if c.interval == interval else None for c in configs]
            taken = [_steps(config) for config in configs]
            new = map(_is_new, values, self._counted)
            # Wish: a hook that is asked whether a schedule shall take its step.
            due = [config for config, is_due in zip(configs, new, strict=True) if is_due]
            trainer.strategy.lr_scheduler_configs = due
            try:
                update(interval, update_plateau_schedulers)
            finally:
                trainer.strategy.lr_scheduler_configs = configs
            for number, config in enumerate(configs):
                if _steps(config) != taken[number]:  # else its frequency lets it wait
                    self._counted[number] = values[number]

        loop.update_lr_schedulers = update_new  # type: ignore[method-assign]

    def _refuse_unlogged(self, trainer: Trainer) -> None:
        """Refuse a metric that is still not there once all have been logged."""
        for config in trainer.lr_scheduler_configs if self._validated else ():
            if config.reduce_on_plateau and config.strict and _value(trainer, config) is None:
                logged = ", ".join(sorted(trainer.callback_metrics)) or "nothing"
                raise UsageError(
                    f"{type(config.scheduler).__name__} watches {config.monitor}, which is not "
                    f"logged: give it another monitor; logged: {logged}"
                )


def _value(trainer: Trainer, config: LRSchedulerConfig) -> Tensor | None:
    """Give the metric that a schedule follows, as it was logged last."""
    watched = config.monitor if config.reduce_on_plateau else None
    return trainer.callback_metrics.get(watched) if watched else None


def _is_new(value: Tensor | None, counted: Tensor | None) -> bool:
    """Tell whether a value was logged after another one, which need not differ from it."""
    if value is None:
        return False
    return counted is None or value.data_ptr() != counted.data_ptr()


def _steps(config: LRSchedulerConfig) -> int:
    """Count the steps of a schedule that follows a metric."""
    return config.scheduler.last_epoch if config.reduce_on_plateau else 0
