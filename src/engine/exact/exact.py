"""What makes a run exact: the same bits, however often it was stopped."""

from pathlib import Path

from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import Trainer
from lightning.pytorch.plugins import AsyncCheckpointIO
from lightning.pytorch.strategies.launchers import _MultiProcessingLauncher

from src.engine.checkpoints.best_checkpoint import BestCheckpoint
from src.engine.checkpoints.checkpoint_file import WholeCheckpointIO
from src.engine.checkpoints.last_checkpoint import LastCheckpoint
from src.engine.exact.between_batches import BetweenBatches
from src.engine.exact.epoch_metrics import EpochMetrics
from src.engine.exact.exact_dataloader import ExactDataLoaders
from src.engine.exact.finite import FiniteGuard
from src.engine.exact.flags import Flags
from src.engine.exact.graceful_stop import GracefulStop
from src.engine.exact.step_seed import StepSeed


def make_exact(trainer: Trainer, best: BestCheckpoint, last: LastCheckpoint) -> None:
    """Give a trainer what a run needs to be stopped at any time and to go on as if it had not been.

    Args:
        trainer: Trainer of the run.
        best: Saves the best state, if it is one of the trainer's callbacks.
        last: Saves the latest state, likewise.

    Raises:
        ValueError: The user's way of starting processes or writing checkpoints cannot promise it.
    """
    if isinstance(trainer.strategy.launcher, _MultiProcessingLauncher):
        raise ValueError("spawned processes cannot tell what they did: use --trainer.strategy ddp")
    if isinstance(trainer.strategy.checkpoint_io, AsyncCheckpointIO):
        raise ValueError("AsyncCheckpointIO may lose the state of a run that ends: leave it out")
    stop = GracefulStop(last)
    between = BetweenBatches(stop.stop_if_told)
    if last in trainer.callbacks:  # type: ignore[attr-defined]  # undeclared
        actions = last.save_if_due, stop.stop_if_told
        between = BetweenBatches(*actions, at_once=best.save_if_validated)
    trainer.callbacks[:0] = [  # type: ignore[attr-defined]
        between,
        ExactDataLoaders(),
        StepSeed(),
        EpochMetrics(),
        Flags(),
        FiniteGuard(),
        stop,
    ]
    if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
        trainer.strategy.checkpoint_io = WholeCheckpointIO(lambda: _checkpoint_folders(trainer))


def _checkpoint_folders(trainer: Trainer) -> list[Path]:
    folders = [getattr(callback, "dirpath", None) for callback in trainer.checkpoint_callbacks]
    return [Path(folder) for folder in folders if folder]
