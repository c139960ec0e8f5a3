"""Where a run reads its data on."""

from typing import Any, NamedTuple

from lightning.pytorch import Trainer


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
    if trainer.ckpt_path and not trainer.global_step:
        raise RuntimeError(
            "training data were asked for before the checkpoint's position was restored: "
            "in configure_optimizers use max_epochs, not estimated_stepping_batches"
        )
    loop: Any = trainer.fit_loop  # its trackers are typed as their base class
    progress, epoch = loop.epoch_loop.batch_progress, loop.epoch_progress.current.processed
    batch = max(progress.current.processed, progress.current.completed)
    if progress.is_last_batch and progress.current.ready == progress.current.processed:
        epoch, batch = loop.epoch_progress.current.ready, 0
    return Place(epoch, batch, epoch_of_loaders(trainer, epoch), trainer.num_training_batches)


def epoch_of_loaders(trainer: Trainer, epoch: int) -> int:
    """Find the epoch in which the loaders of an epoch were made.

    Args:
        trainer: Trainer of the run.
        epoch: Number of an epoch.

    Returns:
        Number of that epoch or of an earlier one.
    """
    every: int = trainer.reload_dataloaders_every_n_epochs  # type: ignore[attr-defined]
    return epoch - epoch % every if every else 0
