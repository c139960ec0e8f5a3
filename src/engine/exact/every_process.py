"""What all processes of a run have to say."""

from typing import TypeVar

import torch
from lightning.pytorch import Trainer

T = TypeVar("T")


def of_every_process(trainer: Trainer, own: T) -> list[T]:
    """Gather a value from each process of a run; all of them must ask.

    Args:
        trainer: Trainer of the run.
        own: Value of this process.

    Returns:
        The values, in the order of the processes.
    """
    values = [own] * trainer.world_size
    if trainer.world_size > 1:
        torch.distributed.all_gather_object(values, own)
    return values
