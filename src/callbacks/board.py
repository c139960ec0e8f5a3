"""Where pictures go."""

from lightning.pytorch import Trainer
from lightning.pytorch.loggers import TensorBoardLogger


def board_of(trainer: Trainer) -> TensorBoardLogger | None:
    """Find the TensorBoard logger of a run.

    Args:
        trainer: Trainer of the run.

    Returns:
        The first one, or None: on a process that does not write, or if there is none.
    """
    boards = [logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]
    return boards[0] if boards and trainer.is_global_zero else None
