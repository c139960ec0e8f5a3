"""Several loaders as Lightning reads them together, from where a run is."""

from collections.abc import Callable, Iterator
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.utilities import CombinedLoader
from typing_extensions import override

from src.engine.exact.drawn import keeps_state
from src.engine.exact.place import Place, next_place
from src.engine.exact.seeded_reading import SampledReader
from src.engine.exact.stream import StreamReader
from src.engine.lightning_compat import begun_anew, close_loader, mode_of, read_through
from src.engine.seed import derive_seed, run_seed, seed_generators

Reader = SampledReader | StreamReader


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
        read: Callable[[Any, int, bool], Reader],
    ) -> None:
        super().__init__(loaders, mode)
        self._trainer = trainer
        self._training = training
        self._read = read
        self._found: list[Reader] = []
        self._place: Place | None = None

    @property
    def readers(self) -> list[Reader]:
        """What reads each loader."""
        loaders = self.flattened  # which Lightning replaces before it reads
        if len(self._found) != len(loaders) or any(
            reader.loader is not loader for reader, loader in zip(self._found, loaders, strict=True)
        ):
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
            self._place = next_place(self._trainer) if self._training else Place()
        return self._place


class _Epoch:
    """A loader in one epoch: it begins when its first batch is asked for, and may begin again."""

    def __init__(self, reader: Reader, where: Callable[[], Place]) -> None:
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
