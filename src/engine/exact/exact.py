"""What a Trainer must have so that a run can be stopped at any time and go on exactly."""

from pathlib import Path

from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import Trainer
from lightning.pytorch.plugins import AsyncCheckpointIO

from src.engine.checkpoints.checkpoint_file import WholeCheckpointIO
from src.engine.exact.signals_compat import keep_handlers
from src.engine.lightning_compat import spawns


def make_exact(trainer: Trainer) -> None:
    """Let a trainer write whole checkpoints, and refuse one that cannot go on exactly.

    Args:
        trainer: Trainer of the run.

    Raises:
        ValueError: The user's way of starting processes or writing checkpoints cannot promise it.
    """
    if spawns(trainer):
        raise ValueError("spawned processes cannot tell what they did: use --trainer.strategy ddp")
    if isinstance(trainer.strategy.checkpoint_io, AsyncCheckpointIO):
        raise ValueError("AsyncCheckpointIO may lose the state of a run that ends: leave it out")
    if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
        trainer.strategy.checkpoint_io = WholeCheckpointIO(lambda: _checkpoint_folders(trainer))
    keep_handlers(trainer)  # GracefulStop has its own


def _checkpoint_folders(trainer: Trainer) -> list[Path]:
    folders = [getattr(callback, "dirpath", None) for callback in trainer.checkpoint_callbacks]
    return [Path(folder) for folder in folders if folder]
