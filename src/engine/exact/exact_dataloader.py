"""Loaders that a user brings, read so that a run can go on at any batch of them."""

from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import CombinedLoader
from torch.utils.data import DataLoader, IterableDataset
from typing_extensions import override

from src.engine.console.note import note
from src.engine.exact.every_process import of_every_process
from src.engine.exact.exact_loader import next_batch
from src.engine.exact.sampled import Place, SampledReader, keeps_state
from src.engine.exact.stream import StreamReader
from src.engine.files.plain_file import unsafe_entries
from src.engine.lightning_compat import (
    begun_anew,
    close_loader,
    mode_of,
    read_through,
    reload_interval,
    saved_loaders,
    saved_position,
    set_epoch_of_loaders,
    train_loaders,
    wrap_loaders,
)
from src.engine.seed import derive_seed, run_seed, seed_generators

_Reader = SampledReader | StreamReader


class ExactDataLoaders(Callback):
    """Read the loaders of training and validation exactly, whatever they are.

    Loaders that keep the order themselves, which their attribute `exact` says, are left alone.
    """

    def __init__(self) -> None:
        self._seeds: WeakKeyDictionary[torch.Generator, int] = WeakKeyDictionary()
        self._resumed: dict[str, Any] = {}
        self._attached = self._told = False

    @override
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit" and not self._attached:
            self._attached = True
            wrap_loaders(trainer, lambda request, training: self._exact(request, trainer, training))

    @override
    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        combined = train_loaders(trainer)
        if not isinstance(combined, ExactCombinedLoader):
            return
        place = Place(*saved_position(checkpoint))
        states = [self._plain(reader.state_dict(place)) for reader in combined.readers]
        checkpoint["loaders"] = of_every_process(trainer, states)

    @override
    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if trainer.training:
            self._resumed = checkpoint

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._resumed:
            return
        set_epoch_of_loaders(trainer, _epoch_of_loaders(trainer, trainer.current_epoch))
        combined, (_, batch) = train_loaders(trainer), next_batch(trainer)
        if isinstance(combined, ExactCombinedLoader) is not ("loaders" in self._resumed):
            note(
                "the samples may come in another order: this state does not tell how they were read"
            )
        elif isinstance(combined, ExactCombinedLoader):
            for reader in combined.readers:
                if isinstance(reader, StreamReader) and (line := reader.inexact(batch)):
                    note(line)
        elif combined:  # Lightning lets loaders compare their states only inside an epoch
            saved = saved_loaders(self._resumed)
            for loader, state in zip(combined.flattened, saved, strict=False):
                loader.load_state_dict(state)
        self._resumed = {}

    def _plain(self, state: dict[str, Any]) -> dict[str, Any]:
        """Leave out a state of the user's that would make the whole checkpoint unreadable."""
        own = {name: state[name] for name in ("data", "sampler") if name in state}
        if not own or not (unsafe := next(unsafe_entries(own), None)):
            return state
        if not self._told:
            note("{} of state_dict is a {}, which is not saved: use plain values".format(*unsafe))
        self._told = True
        return {name: value for name, value in state.items() if name not in own}

    def _exact(
        self, request: Callable[[], Any], trainer: Trainer, training: bool
    ) -> Callable[[], Any]:
        def read(loader: Any, number: int, cycles: bool) -> _Reader:
            name = f"{'train' if training else 'val'} {number}"
            place = name, trainer.global_rank, cycles, trainer.strategy.root_device
            plain = isinstance(loader, DataLoader) and not keeps_state(loader)
            sampled = plain and not isinstance(loader.dataset, IterableDataset)
            reader: _Reader = (
                SampledReader(loader, *place, self._seeds)
                if sampled
                else StreamReader(loader, *place)
            )
            states = self._resumed.get("loaders", []) if training else []
            for state in states[trainer.global_rank :: trainer.world_size][:1]:
                if number < len(state):
                    reader.load_state_dict(state[number])
            return reader

        def loaders() -> Any:
            given = request()
            if not isinstance(given, CombinedLoader):
                given = CombinedLoader(given, "max_size_cycle" if training else "sequential")
            if all(getattr(loader, "exact", False) for loader in given.flattened):
                return given
            return ExactCombinedLoader(given.iterables, mode_of(given), trainer, training, read)

        return loaders


class ExactCombinedLoader(CombinedLoader):
    """Loaders as Lightning reads them together, from where a run is.

    The user's own loaders stay what the trainer shows, and what a user reads from them stays plain.

    Args:
        loaders: One loader, or a collection of them.
        mode: How they are read together.
        trainer: Trainer of the run.
        training: Whether they are for training; validation begins each time as the first time.
        read: Makes what reads a loader, given its number and whether it may begin anew in an epoch.
    """

    def __init__(
        self,
        loaders: Any,
        mode: Any,
        trainer: Trainer,
        training: bool,
        read: Callable[[Any, int, bool], _Reader],
    ) -> None:
        super().__init__(loaders, mode)
        self._trainer = trainer
        self._training = training
        self._read = read
        self._found: list[_Reader] = []
        self._place: Place | None = None

    @property
    def readers(self) -> list[_Reader]:
        """What reads each loader."""
        loaders = self.flattened  # which Lightning replaces before it reads
        if [id(reader.loader) for reader in self._found] != [*map(id, loaders)]:
            cycles = mode_of(self) == "max_size_cycle"
            self._found = [self._read(each, n, cycles) for n, each in enumerate(loaders)]
        return self._found

    @override
    def __iter__(self) -> Any:
        self._place = None
        return read_through(self, [_Epoch(reader, self._where) for reader in self.readers])

    @override
    def __next__(self) -> Any:
        begins, place = self._place is None, self._where()
        read, number, loader = super().__next__()
        if begins and (anew := begun_anew(self)):  # which the epoch before it was resumed had noted
            anew[:] = [reader.cycle > 0 for reader in self._found]
        key = self._training, loader, place.epoch, place.batch + number, self._trainer.global_rank
        device = self._trainer.strategy.root_device  # what follows is done there
        seed_generators(derive_seed("transfer", run_seed(), *key), device)
        return read, number, loader

    @override
    def reset(self) -> None:
        super().reset()
        for reader in self._found:
            close_loader(reader.twin)

    @override
    def _state_dicts(self) -> list[dict[str, Any]]:
        return []  # they are saved by the callback

    @override
    def _load_state_dicts(self, states: list[dict[str, Any]]) -> None:
        """Take the states that Lightning saved, which only loaders that keep their own ever had."""
        keepers = [reader for reader in self.readers if keeps_state(reader.loader)]
        for reader, state in zip(keepers, states, strict=False):
            reader.load_state_dict({"data": state, "cycle": 0})

    def _where(self) -> Place:
        """Find where reading began, when the first batch is asked for and progress is restored."""
        if self._place is None:
            self._place = _next_place(self._trainer) if self._training else Place()
        return self._place


class _Epoch:
    """A loader in one epoch: it begins when its first batch is asked for, and may begin again."""

    def __init__(self, reader: _Reader, where: Callable[[], Place]) -> None:
        self._reader = reader
        self._where = where
        self._begun = False

    def __len__(self) -> int:
        return len(self._reader.loader)

    def __iter__(self) -> Iterator[Any]:
        if self._begun:
            self._reader.start_cycle()
        else:
            self._begun = True
            self._reader.start_epoch(self._where())
        yield from self._reader.batches()


def _next_place(trainer: Trainer) -> Place:
    epoch, batch = next_batch(trainer)
    return Place(epoch, batch, _epoch_of_loaders(trainer, epoch), trainer.num_training_batches)


def _epoch_of_loaders(trainer: Trainer, epoch: int) -> int:
    """Find the epoch in which the loaders of an epoch were made: that one or an earlier one."""
    every = reload_interval(trainer)
    return epoch - epoch % every if every else 0
