"""Where a run reads its data on."""

from typing import NamedTuple

from lightning.pytorch import Trainer

from src.engine.exact.exact_order import refuse_unrestored
from src.engine.lightning_compat import next_position, reload_interval


class Place(NamedTuple):
    """The place of a batch in a training.

    Attributes:
        epoch: Epochs before it.
        batch: Batches of its epoch before it.
        made: Epoch in which its loader was made.
        length: Batches of each epoch.
    """

    epoch: int = 0
    batch: int = 0
    made: int = 0
    length: float = float("inf")


def next_place(trainer: Trainer) -> Place:
    """Find the batch that is read next, from the progress that the Trainer keeps and restores.

    Args:
        trainer: Trainer of the run.

    Returns:
        Its place.

    Raises:
        RuntimeError: The progress of the run that goes on is not restored yet.
    """
    refuse_unrestored(trainer)
    epoch, batch = next_position(trainer)
    return Place(epoch, batch, epoch_of_loaders(trainer, epoch), trainer.num_training_batches)


def epoch_of_loaders(trainer: Trainer, epoch: int) -> int:
    """Find the epoch in which the loaders of an epoch were made.

    Args:
        trainer: Trainer of the run.
        epoch: Number of an epoch.

    Returns:
        Number of that epoch or of an earlier one.
    """
    every = reload_interval(trainer)
    return epoch - epoch % every if every else 0
