"""Batches of map-style data, whose samples a loader's own sampler draws: drawn and read again."""

import copy
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from lightning.fabric.utilities.distributed import DistributedSamplerWrapper
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    DistributedSampler,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
    get_worker_info,
)
from typing_extensions import override

from src.engine.console.note import note
from src.engine.exact.exact_loader import leave_signals_to_parent
from src.engine.lightning_compat import set_sampler_epoch, wrapped_sampler
from src.engine.seed import derive_seed, run_seed, seed_generators

# Each pass of these depends on their generator, or else on the global ones, and on nothing before.
_FORGETFUL = {BatchSampler, DistributedSampler, DistributedSamplerWrapper, RandomSampler} | {
    *(SequentialSampler, SubsetRandomSampler, WeightedRandomSampler),
    *(list, tuple, range),
}
_END = object()


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


class SampledReader:
    """Read the batches of a DataLoader of map-style data from any place in a run.

    What its sampler draws depends only on the run's seed and on the epoch. A sampler of the user
    may remember things from pass to pass. Its own state is kept where it has `state_dict`; else all
    its earlier passes are drawn again, which reads no data.

    Args:
        loader: The user's DataLoader, which stays as it is.
        name: Tells the loader from others of the run.
        rank: Number of this process.
        cycles: Whether a new pass begins within an epoch when one has ended.
        device: Device of the run.
        seeds: What each generator was seeded with before it was ever used here.
    """

    def __init__(
        self,
        loader: DataLoader[Any],
        name: str,
        rank: int,
        cycles: bool,
        device: torch.device,
        seeds: "WeakKeyDictionary[torch.Generator, int]",
    ) -> None:
        self.loader = loader
        self.name = name
        self.rank = rank
        self.cycles = cycles
        kind = "sampler" if loader.batch_sampler is None else "batch_sampler"
        self._source: Any = getattr(loader, kind)
        reads = _SeededReads(loader.dataset, None if loader.num_workers else device)
        self.twin: Any = twin(loader, dataset=reads, **{kind: self})
        parts = list(_parts(self._source))
        self._forgets = all(type(part) in _FORGETFUL for part in parts)
        self._keepers = [part for part in parts if keeps_state(part)]
        found = [getattr(part, "generator", None) for part in parts if self._forgets]
        generators = [each for each in found if isinstance(each, torch.Generator)]
        self._generators = {
            each: seeds.setdefault(each, each.initial_seed()) for each in generators
        }
        self._state: dict[str, Any] = {}
        self._kept: list[Any] = []
        self._since = self._first = self._draws = self.batch = self.cycle = 0
        self._length: float = 0
        self.epoch = -1
        self._pass: Iterator[Any] = iter(())

    def __len__(self) -> int:
        """Count the batches of a pass, as a sampler does."""
        return len(self._source)

    def __iter__(self) -> Iterator["_Drawn"]:
        """Draw the rest of a pass; torch's iterator calls this twice, and uses the second."""
        while self.batch < self._length and (samples := self._draw()) is not _END:
            key = self.name, self.epoch, self.batch - 1, self.rank
            yield _Drawn(derive_seed("read", run_seed(), *key), samples)

    def batches(self) -> Iterator[Any]:
        """Read the rest of a pass.

        Yields:
            Each batch.
        """
        key = self.name, self.epoch, self.cycle
        self.twin.generator.manual_seed(derive_seed("workers", run_seed(), *key))
        yield from self.twin

    def start_epoch(self, place: Place) -> None:
        """Go to a batch of an epoch.

        Args:
            place: Where it is.
        """
        again = self.epoch < 0 and not self._forgets
        before = range(self._restore(place.made), place.epoch) if again else range(0)
        for epoch in before:
            set_sampler_epoch(self.loader, epoch)
            self._open(epoch, 0)
            self._discard(place.length)
        if before:
            set_sampler_epoch(self.loader, place.epoch)
        self._length = place.length
        self._open(place.epoch, 0)
        self._discard(place.batch)
        saved, self._state = self._state, {}
        here = place.batch and saved.get("epoch") == place.epoch
        if here and saved.get("first") != self._first:
            note(f"{type(self._source).__name__} draws other samples: this is not the unbroken run")

    def start_cycle(self) -> None:
        """Begin a further pass within the epoch."""
        self._open(self.epoch, self.cycle + 1)

    def state_dict(self, _: Place) -> dict[str, Any]:
        """Tell what the order depends on besides the place, which the Trainer keeps.

        Returns:
            Plain values.
        """
        seeds = list(self._generators.values())
        state: dict[str, Any] = {"epoch": self.epoch, "first": self._first, "seeds": seeds}
        return state | ({"since": self._since, "sampler": self._kept} if self._keepers else {})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the state of the run that goes on; used when its first epoch starts.

        Args:
            state: What `state_dict` told.
        """
        self._state = state
        if len(seeds := state.get("seeds", [])) == len(self._generators):
            self._generators = dict(zip(self._generators, seeds, strict=True))

    def _restore(self, made: int) -> int:
        """Give the sampler its state back; return the epoch that it is of."""
        kept = self._state.get("sampler", [])
        if not kept or len(kept) != len(self._keepers):
            return made
        for part, state in zip(self._keepers, kept, strict=True):
            part.load_state_dict(state)
        return int(self._state["since"])

    def _open(self, epoch: int, cycle: int) -> None:
        if not self._forgets:
            next(self._pass, None)  # what it does after its last sample is still to be done
        self.epoch, self.cycle, self._draws = epoch, cycle, 0
        self.batch = self.batch if cycle else 0
        for generator, seed in self._generators.items():
            generator.manual_seed(derive_seed("generator", seed, epoch, cycle))
        self._seed()
        self._pass = iter(self._source)
        if not cycle:
            self._since = epoch
            self._kept = [copy.deepcopy(part.state_dict()) for part in self._keepers]

    def _draw(self) -> Any:
        if not self._draws or not self._forgets:
            self._seed()
        samples = next(self._pass, _END)
        if samples is not _END:
            if self.batch == 0:
                self._first = zlib.crc32(repr(samples).encode())
            self._draws += 1
            self.batch += 1
        return samples

    def _discard(self, count: float) -> None:
        while self.batch < count:
            if self._draw() is _END:
                if not self.cycles or not self._draws or count == float("inf"):
                    return
                self.start_cycle()

    def _seed(self) -> None:
        key = self.name, self.epoch, self.cycle, self._draws
        seed_generators(derive_seed("draw", run_seed(), *key))  # the same in all processes


class _Drawn(NamedTuple):
    """What was drawn for a batch: the seed of its reading, and each index, or the only one."""

    seed: int
    samples: Any


class _SeededReads(Dataset[Any]):
    """Map-style data as torch's fetcher sees them: a seed for each batch, then the data's own way.

    One seed for a batch is enough, as a batch is read by one process in one go, its `collate_fn`
    included; and a sample that is drawn twice is not augmented alike.
    """

    def __init__(self, dataset: Any, device: torch.device | None = None) -> None:
        self._read = dataset
        self._device = device

    def __len__(self) -> int:
        return len(self._read)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "_read" not in vars(self):  # while it is unpickled
            raise AttributeError(name)
        return getattr(self._read, name)

    @override
    def __getitem__(self, drawn: _Drawn) -> Any:
        seed_generators(drawn.seed, self._device)
        return self._read[drawn.samples]

    def __getitems__(self, drawn: _Drawn) -> Any:
        seed_generators(drawn.seed, self._device)
        if whole := getattr(self._read, "__getitems__", None):
            return whole(drawn.samples)
        return [self._read[sample] for sample in drawn.samples]


def twin(loader: DataLoader[Any], **parts: Any) -> DataLoader[Any]:
    """Copy a DataLoader so that reading from the copy leaves the user's own as it is.

    Args:
        loader: DataLoader of the user, of any class.
        **parts: Attributes that the copy has instead.

    Returns:
        A copy with a generator of its own, whose workers leave signals to their parent.
    """
    copied = copy.copy(loader)
    begin = partial(_begin_worker, loader.worker_init_fn)
    own = {"generator": torch.Generator(), "worker_init_fn": begin, "_iterator": None}
    vars(copied).update(own | parts)  # torch allows no other way to change them
    return copied


def keeps_state(part: object) -> bool:
    """Tell whether an object can save its state and take it back."""
    return hasattr(part, "state_dict") and hasattr(part, "load_state_dict")


def _begin_worker(own: Callable[[int], None] | None, worker: int) -> None:
    """Begin a worker as the user wants it, who finds his own data as `get_worker_info` tells."""
    leave_signals_to_parent(worker)
    info = get_worker_info()
    if info is not None and isinstance(info.dataset, _SeededReads):
        object.__setattr__(info, "dataset", info.dataset._read)  # it is frozen
    if own is not None:
        own(worker)


def _parts(sampler: Any) -> Iterator[Any]:
    """List a sampler and those that it draws from."""
    while sampler is not None:
        yield sampler
        wraps = isinstance(sampler, DistributedSamplerWrapper)
        sampler = wrapped_sampler(sampler) if wraps else getattr(sampler, "sampler", None)
