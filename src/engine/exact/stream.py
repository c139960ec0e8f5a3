"""Batches of loaders that draw no indices: streams, and iterables of any kind."""

from collections import deque
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import torch
from torch.utils.data import DataLoader

from src.engine.exact.sampled import Place, keeps_state, twin
from src.engine.seed import derive_seed, run_seed, seed_generators

_END = object()
_AHEAD = 4  # Lightning reads one batch ahead where a loader has no length


class StreamReader:
    """Read the batches of a loader from any place in a run, by its state or from its start.

    Args:
        loader: Any iterable.
        name: Tells the loader from others of the run.
        rank: Number of this process.
        cycles: Whether a new pass begins within an epoch when one has ended.
        device: Device of the run.
    """

    def __init__(
        self, loader: Any, name: str, rank: int, cycles: bool, device: torch.device
    ) -> None:
        self.loader = loader
        self.name = name
        self.rank = rank
        self.cycles = cycles
        self.device = device
        self.twin: Any = loader
        self._keeper = loader if keeps_state(loader) else None
        if self._keeper is None and isinstance(loader, DataLoader):
            self.twin = twin(loader)
            if keeps_state(loader.dataset) and not loader.num_workers:
                self._keeper = loader.dataset
        self._kept: deque[tuple[int, int, dict[str, Any]]] = deque(maxlen=_AHEAD)
        self._state: dict[str, Any] = {}
        self._restored = False
        self.epoch = self.cycle = self.batch = self._skip = 0

    def start_epoch(self, place: Place) -> None:
        """Go to a batch of an epoch.

        Args:
            place: Where it is.
        """
        self.epoch, self.cycle, self.batch, self._skip = place.epoch, 0, 0, place.batch
        if self._keeper is not None and self._restored and self._state:
            self._keeper.load_state_dict(self._state["data"])
            self.batch, self._skip = place.batch, 0
            self.cycle = self._state["cycle"]
        self._state = {}

    def start_cycle(self) -> None:
        """Begin a further pass within the epoch."""
        self.cycle += 1

    def batches(self) -> Iterator[Any]:
        """Read the rest of a pass.

        Yields:
            Each batch.
        """
        iterator, before = self._begin(), self.batch
        while True:
            if (read := self._next(iterator)) is not _END:
                if not self._skip:
                    yield read
                self._skip = max(0, self._skip - 1)
            elif self._skip and self.cycles and self.batch > before:
                self.start_cycle()
                iterator, before = self._begin(), self.batch
            else:
                return

    def state_dict(self, place: Place) -> dict[str, Any]:
        """Tell the state in which a batch is read, if the loader or its data tell theirs.

        Args:
            place: Where the batch is.

        Returns:
            Plain values.
        """
        if self._keeper is None or (self._keeper is self.loader and not place.batch):
            return {}  # at the start of an epoch a loader has only the end of the one before
        found = [state for *kept, state in self._kept if kept == [place.epoch, place.batch]]
        return found[-1] if found else {"data": self._keeper.state_dict(), "cycle": 0}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the state of the run that goes on; used when its first epoch starts.

        Args:
            state: What `state_dict` told.
        """
        self._state = state
        self._restored = self._keeper is not None and state.keys() >= {"data", "cycle"}

    def inexact(self, batch: int) -> str:
        """Say what of a resumed run may not be exact.

        Args:
            batch: Batches of the epoch before the next one.

        Returns:
            A line for the user, or nothing.
        """
        if self._restored:
            return ""
        data = type(getattr(self.loader, "dataset", self.loader)).__name__
        if not batch:
            return f"{data} does not tell how an epoch begins: exact if all of them begin alike"
        return (
            f"{data} does not tell where it was: the first {batch} batches of the epoch are read "
            "again, which is exact if they come again"
        )

    def _begin(self) -> Iterator[Any]:
        self._seed("draw", self.cycle)
        if self.twin is not self.loader:
            seed = derive_seed("workers", run_seed(), self.name, self.epoch, self.cycle)
            self.twin.generator.manual_seed(seed)
        return iter(self.twin)

    def _next(self, iterator: Iterator[Any]) -> Any:
        if self._keeper is not None and (self.batch or self._keeper is not self.loader):
            state = {"data": deepcopy(self._keeper.state_dict()), "cycle": self.cycle}
            self._kept.append((self.epoch, self.batch, state))
        self._seed("read", self.batch, self.rank)
        read = next(iterator, _END)
        self.batch += read is not _END
        return read

    def _seed(self, kind: str, *place: int) -> None:
        key = derive_seed(kind, run_seed(), self.name, self.epoch, *place)
        seed_generators(key, self.device)
