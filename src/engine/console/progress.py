"""The progress bar of a training."""

import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar as LightningProgressBar
from lightning.pytorch.callbacks import RichProgressBar, TQDMProgressBar
from typing_extensions import override

from src.engine.console.device import device_line
from src.engine.lightning_compat import callbacks_of, next_position

_EVERY_S, _LINE_EVERY_S = 0.1, 60.0
_OF_LIGHTNING = TQDMProgressBar, RichProgressBar  # the latter where rich is installed


class ProgressBar(TQDMProgressBar):
    """Lightning's progress bar, without the number of the run; a resumed epoch has its length.

    It is drawn ten times a second and not for each batch, which may take less time than the bar.

    Args:
        refresh_rate: Batches between two looks at the clock.
    """

    def __init__(self, refresh_rate: int = 1) -> None:
        super().__init__(refresh_rate)
        self._drawn_s = 0.0

    @override
    def _should_update(self, current: int, total: int) -> bool:
        if not super()._should_update(current, total):
            return False
        now = time.monotonic()
        due = current == total or now - self._drawn_s >= _EVERY_S
        self._drawn_s = now if due else self._drawn_s
        return due

    @override
    def get_metrics(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        metrics = super().get_metrics(trainer, pl_module)
        metrics.pop("v_num", None)
        return metrics

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self.is_disabled:
            print(device_line(trainer), flush=True)
        super().on_train_start(trainer, pl_module)
        _, done = next_position(trainer)
        if trainer.ckpt_path and done:  # a run that continues inside an epoch starts none
            self.on_train_epoch_start(trainer)
            self.train_progress_bar.initial = done

    @override
    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        for kind in ("val", "train", "test"):
            with suppress(TypeError):  # there is none
                getattr(self, f"{kind}_progress_bar").close()


class ProgressLines(LightningProgressBar):
    """Lines of how far a training is, for a file: one for each epoch, validation and minute."""

    def __init__(self) -> None:
        super().__init__()
        self._enabled = True
        self._said_s = time.monotonic()
        self._ended = ""  # the epoch whose last metrics are logged after this callback's hook

    @override
    def disable(self) -> None:
        self._enabled = False

    @override
    def enable(self) -> None:
        self._enabled = True

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._enabled:
            print(device_line(trainer), flush=True)

    @override
    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        if time.monotonic() - self._said_s >= _LINE_EVERY_S:
            self._say(trainer, pl_module, _place(trainer))

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not (trainer.sanity_checking or trainer.is_last_batch):  # the epoch's end says the rest
            self._say(trainer, pl_module, _place(trainer))

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._ended = _place(trainer)

    @override
    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._ended:
            self._say(trainer, pl_module, self._ended)
        self._ended = ""

    @override
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.on_train_epoch_start(trainer, pl_module)

    def _say(self, trainer: Trainer, module: LightningModule, where: str) -> None:
        self._said_s = time.monotonic()
        found = self.get_metrics(trainer, module).items()
        told = ", ".join(f"{name} {_short(value)}" for name, value in found if name != "v_num")
        if self._enabled:
            print(f"{where}: {told}" if told else where, flush=True)


def _place(trainer: Trainer) -> str:
    """Say where a training is."""
    of = f" of {trainer.max_epochs}" if (trainer.max_epochs or -1) > 0 else ""
    return f"epoch {trainer.current_epoch + 1}{of}, step {trainer.global_step:,}"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def own_bar(trainer: Trainer, chosen: Sequence[Any]) -> None:
    """Put this bar in the place of the one that Lightning adds by itself.

    Into a file there are lines instead.

    Args:
        trainer: Trainer of the run.
        chosen: Callbacks that the user chose; a bar among them stays.
    """
    kind = ProgressBar if sys.stdout.isatty() else ProgressLines
    callbacks = callbacks_of(trainer)
    for number, callback in enumerate(callbacks):
        if type(callback) in _OF_LIGHTNING and callback not in chosen:
            callbacks[number] = kind()
