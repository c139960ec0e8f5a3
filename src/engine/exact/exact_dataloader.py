"""Loaders that a user brings, read so that a run can go on at any batch of them."""

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import CombinedLoader
from torch.utils.data import DataLoader, IterableDataset
from typing_extensions import override

from src.engine.console.note import note
from src.engine.exact.drawn import Draws, keeps_state
from src.engine.exact.exact_combined import ExactCombinedLoader, Reader
from src.engine.exact.place import Place, epoch_of_loaders, next_place
from src.engine.exact.seeded_reading import SampledReader
from src.engine.exact.stream import StreamReader
from src.engine.files.plain_file import unsafe_entries
from src.engine.lightning_compat import (
    mode_of,
    saved_loaders,
    saved_position,
    set_epoch_of_loaders,
    train_loaders,
    wrap_loaders,
)


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
        if stage != "fit" or self._attached:
            return
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
        states = [[self._plain(reader, place) for reader in combined.readers]]
        if trainer.world_size > 1:
            everyone: list[Any] = [None] * trainer.world_size
            torch.distributed.all_gather_object(everyone, states[0])
            states = everyone
        checkpoint["loaders"] = states

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
        set_epoch_of_loaders(trainer, epoch_of_loaders(trainer, trainer.current_epoch))
        combined, batch = train_loaders(trainer), next_place(trainer).batch
        kept = isinstance(combined, ExactCombinedLoader) is ("loaders" in self._resumed)
        if not kept:
            note(
                "the samples may come in another order: this state does not tell how they were read"
            )
        elif isinstance(combined, ExactCombinedLoader):
            for reader in combined.readers:
                if isinstance(reader, StreamReader) and (line := reader.inexact(batch)):
                    note(line)
        else:
            self._compare(combined)
        self._resumed = {}

    def _plain(self, reader: Reader, place: Place) -> dict[str, Any]:
        """Leave out a state of the user's that would make the whole checkpoint unreadable."""
        state = reader.state_dict(place)
        own = {name: state[name] for name in ("data", "sampler") if name in state}
        if not own or not (unsafe := next(unsafe_entries(own), None)):
            return state
        if not self._told:
            note("{} of state_dict is a {}, which is not saved: use plain values".format(*unsafe))
        self._told = True
        return {name: value for name, value in state.items() if name not in own}

    def _compare(self, combined: CombinedLoader | None) -> None:
        """Let loaders that keep the order compare their state; Lightning does only in an epoch."""
        saved = saved_loaders(self._resumed)
        for loader, state in zip(combined.flattened if combined else [], saved, strict=False):
            loader.load_state_dict(state)

    def _exact(
        self, request: Callable[[], Any], trainer: Trainer, training: bool
    ) -> Callable[[], Any]:
        def read(loader: Any, number: int, cycles: bool) -> Reader:
            name = f"{'train' if training else 'val'} {number}"
            reader = self._reader(loader, name, trainer, cycles)
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

    def _reader(self, loader: Any, name: str, trainer: Trainer, cycles: bool) -> Reader:
        device, rank = trainer.strategy.root_device, trainer.global_rank
        plain = isinstance(loader, DataLoader) and not keeps_state(loader)
        if not plain or isinstance(loader.dataset, IterableDataset):
            return StreamReader(loader, name, rank, cycles, device)
        return SampledReader(loader, Draws(loader, name, rank, cycles, self._seeds), device)
