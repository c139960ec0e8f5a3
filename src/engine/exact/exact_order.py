"""The order in which a data set is read: a pure function of seed and epoch."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch.utils.data import DistributedSampler
from typing_extensions import override

from src.engine.lightning_compat import next_position
from src.engine.seed import derive_seed, run_seed

_CPU = torch.device("cpu")


def refuse_unrestored(trainer: Trainer) -> None:
    """Refuse to read on before it is known where.

    Args:
        trainer: Trainer of the run.

    Raises:
        RuntimeError: The progress of the run that goes on is not restored yet.
    """
    if trainer.ckpt_path and not trainer.global_step:
        raise RuntimeError(
            "training samples were asked for before the checkpoint's position was restored: "
            "in configure_optimizers use max_epochs, not estimated_stepping_batches"
        )


class ExactOrder(DistributedSampler[Any]):
    """Indices of a data set, in an order that only seed and epoch decide.

    Global batch b is a fixed piece of one permutation of the data set, whatever the number of
    processes, workers or accumulation steps; each process takes its share of every piece. It is a
    DistributedSampler, so that Lightning keeps it. It yields the indices of a whole batch, `(B,)`,
    or, `keyed`, of one sample after the other.

    Args:
        num_samples: Samples in the data set N.
        batch_size: Samples of a batch that one process reads.
        trainer: Trainer that reads; None reads all from the start, in one process.
        training: Go on where the trainer is, and give all processes as many samples by repeating
            the first ones at the end; else begin at the start and give each sample once.
        shuffle: Draw a new permutation for each epoch.
        keyed: Yield `(epoch, index)` of each sample.
        device: Where the indices of a batch are; the order of an epoch goes there in one piece.
    """

    def __init__(
        self,
        num_samples: int,
        batch_size: int,
        trainer: Trainer | None,
        training: bool,
        shuffle: bool,
        keyed: bool,
        device: torch.device = _CPU,
    ) -> None:
        self.size = num_samples
        self.batch_size = batch_size
        self.trainer = trainer
        self.training = training
        self.shuffle = shuffle
        self.keyed = keyed
        self.device = device

    @property
    def world_size(self) -> int:
        """Number of processes that share each batch."""
        return self.trainer.world_size if self.trainer else 1

    @override
    def __iter__(self) -> Iterator[Any]:
        epoch, batch = self._start()
        share = self._order(epoch)[self._rank :: self.world_size]
        indices = share[batch * self.batch_size :]
        if self.keyed:
            return iter([(epoch, index) for index in indices.tolist()])
        return iter(torch.split(indices.to(self.device), self.batch_size) if len(indices) else ())

    @override
    def __len__(self) -> int:
        padding = self.world_size - 1 - (0 if self.training else self._rank)
        share = (self.size + padding) // self.world_size
        return share if self.keyed else math.ceil(share / self.batch_size)

    @override
    def set_epoch(self, epoch: int) -> None:
        """Ignore Lightning's word: the epoch is read with the position."""

    @property
    def _rank(self) -> int:
        return self.trainer.global_rank if self.trainer else 0

    def _start(self) -> tuple[int, int]:
        if self.trainer is None or not self.training:
            return 0, 0
        refuse_unrestored(self.trainer)
        return next_position(self.trainer)

    def _order(self, epoch: int) -> torch.Tensor:
        order = torch.arange(self.size)
        if self.shuffle:
            generator = torch.Generator().manual_seed(derive_seed("order", run_seed(), epoch))
            order = torch.randperm(self.size, generator=generator)
        padding = -self.size % self.world_size if self.training else 0
        return torch.cat([order, order[:padding]])
