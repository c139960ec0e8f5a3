"""Batches of photos from the processes that read them, in memory that is used again and again."""

import mmap
from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import Tensor
from torch.utils.data import get_worker_info
from typing_extensions import override

from src.batch import Batch
from src.data.photos import Photos
from src.engine import ExactLoader

_MANY = 8  # processes: together they are far enough ahead if each reads one batch before its turn


class PhotoLoader(ExactLoader[Batch]):
    """Reads photos in several processes, which write them where the first process finds them.

    torch's own loader takes new shared memory for each batch, and gives it back: each page of it
    interrupts both processes, which costs a tenth of the time that photos of 224 px take.

    Args:
        photos: The photos.
        batch_size: Photos of a batch that one process reads.
        trainer: Trainer that reads.
        num_workers: Processes that decode, at least one; they are forked.
        **options: Further ones of ExactLoader.
    """

    def __init__(
        self,
        photos: Photos,
        batch_size: int,
        trainer: Trainer | None,
        num_workers: int,
        **options: Any,
    ) -> None:
        ahead = 2 if num_workers <= _MANY else 1  # batches that each reads before it is asked
        # A process may be ahead by so many when the one before them is copied.
        shape = num_workers, ahead + 1, batch_size, *photos.image_shape
        # Unlike torch's shared memory it is not bound by /dev/shm, which containers keep small.
        self._places = torch.frombuffer(mmap.mmap(-1, prod(shape)), dtype=torch.uint8).view(shape)
        super().__init__(
            photos,
            batch_size,
            trainer,
            num_workers=num_workers,
            prefetch_factor=ahead,
            persistent_workers=True,  # so that never two iterators write to the same places
            collate_fn=_Writer(self._places),
            **options,
        )

    @override
    def __iter__(self) -> Any:
        return map(self._copied, super().__iter__())

    def _copied(self, written: tuple[int, int, Any]) -> Batch:
        worker, place, label = written
        image = self._places[worker, place, : len(label)].clone()
        return Batch(image, torch.from_numpy(label))


class _Writer:
    """Writes the images of a batch into the places of its process, one after the other."""

    def __init__(self, places: Tensor) -> None:
        self._places = places
        self._turn = -1

    def __call__(self, samples: Sequence[Batch]) -> tuple[int, int, Any]:
        worker = get_worker_info().id  # type: ignore[union-attr]  # only workers write
        self._turn = (self._turn + 1) % self._places.shape[1]
        images, labels = zip(*samples, strict=True)
        torch.stack(images, out=self._places[worker, self._turn, : len(images)])
        return worker, self._turn, torch.stack(labels).numpy()
