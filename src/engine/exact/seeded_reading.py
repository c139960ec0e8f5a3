"""Batches of a DataLoader, each read with random numbers of its own."""

import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info
from typing_extensions import override

from src.engine.exact.drawn import Drawn, Draws
from src.engine.exact.exact_loader import leave_signals_to_parent
from src.engine.exact.place import Place
from src.engine.seed import derive_seed, run_seed, seed_generators


class SeededReads(Dataset[Any]):
    """Map-style data as torch's fetcher sees them: a seed for each batch, then the data's own way.

    One seed for a batch is enough, as a batch is read by one process in one go, its `collate_fn`
    included; and a sample that is drawn twice is not augmented alike.

    Args:
        dataset: Data that are read.
        device: Device whose generator is seeded, too.
    """

    def __init__(self, dataset: Any, device: torch.device | None = None) -> None:
        self._read = dataset
        self._device = device

    def __len__(self) -> int:
        """Count the samples."""
        return len(self._read)

    def __getattr__(self, name: str) -> Any:
        """Find what the data have."""
        if name.startswith("__") or "_read" not in vars(self):  # while it is unpickled
            raise AttributeError(name)
        return getattr(self._read, name)

    @override
    def __getitem__(self, drawn: Drawn) -> Any:
        seed_generators(drawn.seed, self._device)
        return self._read[drawn.samples]

    def __getitems__(self, drawn: Drawn) -> Any:
        """Read a batch.

        Args:
            drawn: Its samples and its seed.

        Returns:
            What the data give, or a list of it.
        """
        seed_generators(drawn.seed, self._device)
        if whole := getattr(self._read, "__getitems__", None):
            return whole(drawn.samples)
        return [self._read[sample] for sample in drawn.samples]


class SampledReader:
    """Read the batches of a DataLoader of map-style data from any place in a run.

    Args:
        loader: The user's DataLoader, which stays as it is.
        draws: The samples of its batches.
        device: Device of the run.
    """

    def __init__(self, loader: DataLoader[Any], draws: Draws, device: torch.device) -> None:
        self.loader = loader
        self.draws = draws
        reads = SeededReads(loader.dataset, None if loader.num_workers else device)
        sampler = "sampler" if loader.batch_sampler is None else "batch_sampler"
        self.twin: Any = twin(loader, dataset=reads, **{sampler: draws})
        self.start_epoch = draws.start_epoch
        self.start_cycle = draws.start_cycle
        self.load_state_dict = draws.load_state_dict

    @property
    def cycle(self) -> int:
        """Passes of the epoch before this one."""
        return self.draws.cycle

    def state_dict(self, _: Place) -> dict[str, Any]:
        """Tell what the order depends on besides the place, which the Trainer keeps.

        Returns:
            Plain values.
        """
        return self.draws.state_dict()

    def batches(self) -> Iterator[Any]:
        """Read the rest of a pass.

        Yields:
            Each batch.
        """
        key = self.draws.name, self.draws.epoch, self.draws.cycle
        self.twin.generator.manual_seed(derive_seed("workers", run_seed(), *key))
        yield from self.twin


def twin(loader: DataLoader[Any], **parts: Any) -> DataLoader[Any]:
    """Copy a DataLoader so that reading from the copy leaves the user's own as it is.

    Args:
        loader: DataLoader of the user, of any class.
        **parts: Attributes that the copy has instead.

    Returns:
        A copy with a generator of its own, whose workers leave signals to their parent.
    """
    copied = copy.copy(loader)
    begin = partial(begin_worker, loader.worker_init_fn)
    own = {"generator": torch.Generator(), "worker_init_fn": begin, "_iterator": None}
    vars(copied).update(own | parts)  # torch allows no other way to change them
    return copied


def begin_worker(own: Callable[[int], None] | None, worker: int) -> None:
    """Let a signal to the whole group end a worker only when its parent ends it.

    Args:
        own: What the user has a worker begin with; it finds the user's data as `get_worker_info`.
        worker: Number of the worker.
    """
    leave_signals_to_parent(worker)
    info = get_worker_info()
    if info is not None and isinstance(info.dataset, SeededReads):
        object.__setattr__(info, "dataset", info.dataset._read)  # it is frozen
    if own is not None:
        own(worker)
