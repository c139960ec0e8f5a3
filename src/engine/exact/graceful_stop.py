"""Signals that end a run between two batches, with its state saved."""

import os
import signal
import threading
from contextlib import suppress
from types import FrameType
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from src.engine.checkpoints.last_checkpoint import LastCheckpoint
from src.engine.console.failure import SIGNALS, RunStopped
from src.engine.console.launcher import speaks
from src.engine.lightning_compat import log_interval


class GracefulStop(Callback):
    """End a run at the next place between two batches after Ctrl-C, SIGTERM or SIGUSR1.

    All processes agree on it, so that one of them is enough to be told; a second signal ends the
    process at once.

    Args:
        last: Saves the state.
    """

    def __init__(self, last: LastCheckpoint) -> None:
        self.last = last
        self._signum = 0

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._listen()

    @override
    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._listen()

    @override
    def on_test_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if trainer.world_size == 1 and self._signum:
            raise RunStopped(self._signum)

    @override
    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._stop_if_told(trainer)

    def stop_if_told(self, trainer: Trainer, in_epoch: bool) -> None:
        """Save the state and end the run if a signal has come to any of its processes.

        Args:
            trainer: Trainer of the run.
            in_epoch: Whether it is inside an epoch.

        Raises:
            RunStopped: A signal has come.
        """
        asks = trainer.global_step % log_interval(trainer) == 0
        if trainer.world_size > 1 and in_epoch and self._waits(trainer) and not asks:
            return  # asking all processes would make each step wait for the device
        self._stop_if_told(trainer)

    def _stop_if_told(self, trainer: Trainer) -> None:
        signum = self._signum
        if trainer.world_size > 1:
            told = torch.tensor(signum, device=trainer.strategy.root_device)
            torch.distributed.all_reduce(told, torch.distributed.ReduceOp.MAX)
            signum = int(told)
        if signum:
            if trainer.training:
                self.last.save(trainer)
            raise RunStopped(signum)

    @staticmethod
    def _waits(trainer: Trainer) -> bool:
        return trainer.strategy.root_device.type != "cpu"

    def _listen(self) -> None:
        """Take the signals over, until Lightning gives them back when a stage has ended."""
        if threading.current_thread() is threading.main_thread():  # elsewhere Python allows none
            for number in SIGNALS:
                signal.signal(number, self._hear)

    def _hear(self, signum: int, _: FrameType | None) -> None:
        if self._signum:
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
        self._signum = signum
        if speaks():
            with suppress(OSError):  # nobody may read it; print is not for signal handlers
                os.write(2, b"\nstopping after this batch; again to stop at once\n")
