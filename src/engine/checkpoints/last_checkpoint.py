"""The latest state of a run, always there and always whole."""

import time
from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from src.engine.files.atomic_write import sync_folder
from src.engine.lightning_compat import batches_done, log_interval


class LastCheckpoint(Callback):
    """Keep the latest state of a run as `last.ckpt` and the one before as `previous.ckpt`.

    It is saved when an epoch or the training ends and when an interval has passed, always between
    two batches.

    Args:
        every_n_steps: Optimizer steps between two states; 0 is no such interval.
        every_n_minutes: Time between two states [minute]; 0 is no such interval.

    Attributes:
        folder: Folder of the files; None saves nothing.

    Raises:
        ValueError: An interval is negative.
    """

    def __init__(self, every_n_steps: int = 0, every_n_minutes: float = 5.0) -> None:
        if min(every_n_steps, every_n_minutes) < 0:
            raise ValueError(
                f"intervals must not be negative, got {every_n_steps=}, {every_n_minutes=}"
            )
        self.every_n_steps = every_n_steps
        self.every_n_minutes = every_n_minutes
        self.folder: Path | None = None
        self._saved = self._seen = (0, 0)  # optimizer steps and batches
        self._saved_s = 0.0

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._saved = self._seen = _place(trainer)
        self._saved_s = time.monotonic()

    def save_if_due(self, trainer: Trainer, in_epoch: bool) -> None:
        """Save the state between two batches if an interval, an epoch or the training has ended.

        Args:
            trainer: Trainer of the run.
            in_epoch: Whether it is inside an epoch.
        """
        before, self._seen = self._seen, _place(trainer)
        if not in_epoch or self._is_due(trainer, before[0]):
            self.save(trainer)

    def save(self, trainer: Trainer) -> None:
        """Save the state between two batches, unless it is saved already.

        Args:
            trainer: Trainer of the run.

        Raises:
            OSError: It cannot be written; the states saved before are still there.
        """
        if self.folder is None or _place(trainer) == self._saved:
            return
        for logger in trainer.loggers:
            logger.save()  # what the curves show up to here must not be lost with the process
        new, last = self.folder / "next.ckpt", self.folder / "last.ckpt"
        trainer.save_checkpoint(new, weights_only=False)
        if trainer.is_global_zero:
            if last.exists():
                last.replace(self.folder / "previous.ckpt")
            new.replace(last)
            sync_folder(self.folder)
        self._saved = _place(trainer)
        self._saved_s = time.monotonic()

    def _is_due(self, trainer: Trainer, before: int) -> bool:
        step = trainer.global_step  # a batch may take several
        if self.every_n_steps and step // self.every_n_steps > before // self.every_n_steps:
            return True
        interval = log_interval(trainer)
        if not self.every_n_minutes or step // interval == before // interval:
            return False
        passed = time.monotonic() - self._saved_s >= 60 * self.every_n_minutes
        return trainer.strategy.broadcast(passed)  # one clock decides for all processes


def _place(trainer: Trainer) -> tuple[int, int]:
    """Tell how far a training is; one whose module takes no optimizer steps goes on, too."""
    return trainer.global_step, batches_done(trainer)
