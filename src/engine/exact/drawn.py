"""The samples that a DataLoader's own sampler draws, drawn again where a run goes on."""

import zlib
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from lightning.fabric.utilities.distributed import DistributedSamplerWrapper
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    DistributedSampler,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

from src.engine.console.note import note
from src.engine.exact.place import Place
from src.engine.lightning_compat import set_sampler_epoch, wrapped_sampler
from src.engine.seed import derive_seed, run_seed, seed_generators

# Each pass of these depends on their generator, or else on the global ones, and on nothing before.
_FORGETFUL = {BatchSampler, DistributedSampler, DistributedSamplerWrapper, RandomSampler} | {
    *(SequentialSampler, SubsetRandomSampler, WeightedRandomSampler),
    *(list, tuple, range),
}
_END = object()


class Drawn(NamedTuple):
    """What a sampler drew for one batch.

    Attributes:
        seed: Seed of the random numbers with which the batch is read.
        samples: Index of each sample, or of the only one.
    """

    seed: int
    samples: Any


class Draws:
    """A sampler whose passes depend only on the run's seed and on the epoch.

    A sampler of the user may remember things from pass to pass. Its own state is kept where it has
    `state_dict`; else all its earlier passes are drawn again, which reads no data.

    Args:
        loader: DataLoader whose sampler it is.
        name: Tells the loader from others of the run.
        rank: Number of this process.
        cycles: Whether a new pass begins within an epoch when one has ended.
        seeds: What each generator was seeded with before it was ever used here.
    """

    def __init__(
        self,
        loader: DataLoader[Any],
        name: str,
        rank: int,
        cycles: bool,
        seeds: "WeakKeyDictionary[torch.Generator, int]",
    ) -> None:
        self.loader = loader
        self.name = name
        self.rank = rank
        self.cycles = cycles
        self.source: Any = loader.sampler if loader.batch_sampler is None else loader.batch_sampler
        parts = list(_parts(self.source))
        self.forgets = all(type(part) in _FORGETFUL for part in parts)
        self._keepers = [part for part in parts if keeps_state(part)]
        found = [getattr(part, "generator", None) for part in parts if self.forgets]
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
        """Count the batches of a pass."""
        return len(self.source)

    def __iter__(self) -> Iterator[Drawn]:
        """Draw the rest of a pass; torch's iterator calls this twice, and uses the second."""
        while self.batch < self._length and (samples := self._draw()) is not _END:
            key = self.name, self.epoch, self.batch - 1, self.rank
            yield Drawn(derive_seed("read", run_seed(), *key), samples)

    def start_epoch(self, place: Place) -> None:
        """Go to a batch of an epoch.

        Args:
            place: Where it is.
        """
        epoch, replays = place.epoch, self.epoch < 0 and not self.forgets
        first = min(self._restore(place.made), epoch) if replays else epoch
        for earlier in range(first, epoch):
            set_sampler_epoch(self.loader, earlier)
            self._open(earlier, 0)
            self._discard(place.length)
        if first < epoch:
            set_sampler_epoch(self.loader, epoch)
        self._length = place.length
        self._open(epoch, 0)
        self._discard(place.batch)
        saved, self._state = self._state, {}
        if place.batch and saved.get("epoch") == epoch and saved.get("first") != self._first:
            note(f"{type(self.source).__name__} draws other samples: this is not the unbroken run")

    def start_cycle(self) -> None:
        """Begin a further pass within the epoch."""
        self._open(self.epoch, self.cycle + 1)

    def state_dict(self) -> dict[str, Any]:
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
        kept = self._state.get("sampler", [])
        if not kept or len(kept) != len(self._keepers):
            return made
        for part, state in zip(self._keepers, kept, strict=True):
            part.load_state_dict(state)
        return int(self._state["since"])

    def _open(self, epoch: int, cycle: int) -> None:
        if not self.forgets:
            next(self._pass, None)  # what it does after its last sample is still to be done
        self.epoch, self.cycle, self._draws = epoch, cycle, 0
        self.batch = self.batch if cycle else 0
        for generator, seed in self._generators.items():
            generator.manual_seed(derive_seed("generator", seed, epoch, cycle))
        self._seed()
        self._pass = iter(self.source)
        if not cycle:
            self._since = epoch
            self._kept = [deepcopy(part.state_dict()) for part in self._keepers]

    def _draw(self) -> Any:
        if not self._draws or not self.forgets:
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


def keeps_state(part: object) -> bool:
    """Tell whether an object can save its state and take it back."""
    return hasattr(part, "state_dict") and hasattr(part, "load_state_dict")


def _parts(sampler: Any) -> Iterator[Any]:
    """List a sampler and those that it draws from."""
    while sampler is not None:
        yield sampler
        wraps = isinstance(sampler, DistributedSamplerWrapper)
        sampler = wrapped_sampler(sampler) if wraps else getattr(sampler, "sampler", None)
