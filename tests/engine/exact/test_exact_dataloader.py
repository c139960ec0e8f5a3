"""A plain DataLoader gives a run that was stopped and goes on what the unbroken run had."""

import random
from pathlib import Path
from types import SimpleNamespace as Fake
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.utilities import CombinedLoader
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    Sampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
    random_split,
)

from src.engine.exact.exact_dataloader import ExactCombinedLoader, ExactDataLoaders, _next_place
from src.engine.exact.sampled import Place, SampledReader
from tests.at_once import Fork
from tests.bare_trainer import bare_trainer
from tests.plain_training import SIZE, Line, Points, check, fit, run

CPU = torch.device("cpu")
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*not resumable",
    "ignore:.*shuffling enabled",
    "ignore:You defined a `validation_step` but",
)


class Own(Sampler):
    """A sampler of the user that remembers how often it was used."""

    def __init__(self) -> None:
        self.random = random.Random(8)
        self.turn = 0

    def __iter__(self):
        order = list(range(SIZE))
        self.random.shuffle(order)
        for index in order[self.turn :]:
            yield (index + np.random.randint(SIZE)) % SIZE
        self.turn += 1

    def __len__(self) -> int:
        return SIZE - 2


class Stateful(Sampler):
    """A sampler of the user that can save its state."""

    def __init__(self) -> None:
        self.turn = 0

    def __iter__(self):
        self.turn += 1
        yield from [(index * 5 + self.turn) % SIZE for index in range(SIZE)]

    def __len__(self) -> int:
        return SIZE

    def state_dict(self):
        return {"turn": self.turn}

    def load_state_dict(self, state):
        self.turn = state["turn"]


class Whole(Points):
    def __getitems__(self, indices):
        return [self[index] for index in indices]


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(5)


LOADERS = {
    "shuffle": lambda: DataLoader(Points(), 4, shuffle=True),
    "generator": lambda: DataLoader(Points(), 4, shuffle=True, generator=seeded()),
    "in order": lambda: DataLoader(Points(), 4),
    "drop last": lambda: DataLoader(Points(), 4, shuffle=True, drop_last=True),
    "weighted": lambda: DataLoader(Points(), 4, sampler=WeightedRandomSampler([1, 2] * 18, 40)),
    "subset": lambda: DataLoader(Points(), 4, sampler=SubsetRandomSampler(range(33), seeded())),
    "replacement": lambda: DataLoader(Points(), 4, sampler=RandomSampler(Points(), True, 40)),
    "batch sampler": lambda: DataLoader(
        Points(), batch_sampler=BatchSampler(RandomSampler(Points()), 4, drop_last=False)
    ),
    "no batching": lambda: DataLoader(Points(), None, shuffle=True),
    "own sampler": lambda: DataLoader(Points(), 4, sampler=Own()),
    "stateful sampler": lambda: DataLoader(Points(), 4, sampler=Stateful()),
    "getitems": lambda: DataLoader(Whole(), 4, shuffle=True),
    "split": lambda: DataLoader(random_split(Points(60), [37, 23], seeded())[0], 4, shuffle=True),
    "dict": lambda: {
        "a": DataLoader(Points(), 4, shuffle=True),
        "b": DataLoader(Points(11), 2, shuffle=True),
    },
    "shortest": lambda: CombinedLoader(
        {"a": DataLoader(Points(), 4, shuffle=True), "b": DataLoader(Points(18), 2, sampler=None)}
    ),
    "longest": lambda: CombinedLoader(
        {"a": DataLoader(Points(), 4, shuffle=True), "b": DataLoader(Points(11), 2)}, "max_size"
    ),
}

WORKERS = {
    "2 workers": {},
    "they persist": {"persistent_workers": True},
}


STOPS = [(3, 14), pytest.param((9, 10, 25), marks=pytest.mark.slow)]  # an epoch has ten batches


@pytest.mark.parametrize("stops", STOPS, ids=str)
@pytest.mark.parametrize("name", LOADERS)
def test_plain_loader_goes_on_exactly(name: str, stops, tmp_path: Path, capsys) -> None:
    check(LOADERS[name], tmp_path, *stops)
    assert "note:" not in capsys.readouterr().err


OPTIONS = [
    {"accumulate_grad_batches": 2},
    {"limit_train_batches": 6},
    {"val_check_interval": 3},
    {"reload_dataloaders_every_n_epochs": 1},
    {"reload_dataloaders_every_n_epochs": 2},
    {"max_epochs": -1, "max_steps": 25},
    {"num_sanity_val_steps": 2},
]


PAIRS = [  # each option by default with one loader
    pytest.param(name, options, marks=[pytest.mark.slow] * ((number + other) % 3 > 0))
    for number, name in enumerate(("shuffle", "own sampler", "dict"))
    for other, options in enumerate(OPTIONS)
]


@pytest.mark.parametrize(("name", "options"), PAIRS, ids=str)
def test_plain_loader_goes_on_whatever_the_trainer_does(
    name: str, options: dict[str, Any], tmp_path: Path
) -> None:
    val = lambda: DataLoader(Points(9), 3, shuffle=True)  # noqa: E731
    check(LOADERS[name], tmp_path, 4, 8, 13, val=val, **options)


@pytest.mark.slow
@pytest.mark.parametrize("options", WORKERS.values(), ids=WORKERS)
@pytest.mark.parametrize("sampler", [None, Own])
def test_workers_change_nothing(options, sampler, tmp_path: Path) -> None:

    def make(**more: Any) -> DataLoader:
        chosen = {"sampler": sampler()} if sampler else {"shuffle": True}
        return DataLoader(Points(), 4, **chosen, **more)

    with_workers = lambda: make(num_workers=2, **options)  # noqa: E731
    check(with_workers, tmp_path, 3, 10, 14)
    alone = tmp_path / "alone"
    alone.mkdir()
    assert fit(make, alone) == fit(with_workers, alone / "workers")


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("name", ["shuffle", "own sampler"])
def test_two_processes_go_on_exactly(name: str, tmp_path: Path) -> None:
    seen = []
    for folder, stops in [(tmp_path / "whole", [0]), (tmp_path / "broken", [7, 0])]:
        folder.mkdir()
        for step in stops:
            place = {"module": "tests.plain_training", "log": str(tmp_path / "log")}
            fork = Fork(name, str(folder), str(step), **place)
            output, _ = fork.communicate(timeout=180)
            assert fork.returncode == 0, output
        seen.append([(folder / f"seen_{rank}").read_text() for rank in range(2)])
    assert seen[0] == seen[1]
    weights, batches = zip(*[each.split(" ", 1) for each in seen[0]], strict=True)
    assert weights[0] == weights[1]
    assert batches[0] != batches[1]


class Kept(DataLoader):
    """A loader that says that it keeps the order itself."""

    exact = True

    def state_dict(self):
        return {"size": len(self.dataset)}

    def load_state_dict(self, state):
        assert state == self.state_dict()
        print("compared")


def test_loader_that_keeps_the_order_is_left_alone(tmp_path: Path, capsys) -> None:
    model = run(lambda: Kept(Points(), 4), tmp_path, 10)
    assert type(model.trainer.fit_loop._combined_loader) is CombinedLoader
    run(lambda: Kept(Points(), 4), tmp_path, None)
    streams = capsys.readouterr()
    assert ("compared" in streams.out, "note:" in streams.err) == (True, False)


@pytest.mark.parametrize("kinds", [(Kept, DataLoader), (DataLoader, Kept)])
def test_state_of_another_kind_of_loader_is_told(kinds, tmp_path: Path, capsys) -> None:
    for kind, step in zip(kinds, (4, None), strict=True):
        run(lambda kind=kind: kind(Points(), 4), tmp_path, step)
    assert "note: the samples may come in another order" in capsys.readouterr().err


def combined(training: bool, **loaders: DataLoader) -> ExactCombinedLoader:
    trainer = Fake(global_rank=0, strategy=Fake(root_device=CPU))

    def read(loader, number, cycles):
        return SampledReader(loader, "", 0, cycles, CPU, WeakKeyDictionary())

    return ExactCombinedLoader(loaders, "max_size", trainer, training, read)


def test_validation_begins_each_time_as_the_first_time() -> None:
    parts = combined(False, a=DataLoader(Points(), 4, shuffle=True), b=DataLoader(Points(9), 4))
    first, again = ([str(batch) for batch in parts] for _ in "ab")
    assert first == again
    assert len(first) == 10


def test_random_numbers_after_a_batch_do_not_depend_on_what_was_read() -> None:
    drawn = []
    for size in (9, 30):
        next(iter(combined(False, a=DataLoader(Points(size), 4))))
        drawn.append(torch.rand(1))
    assert drawn[0] == drawn[1]


class Reads(Callback):
    """What a user may do: read from the trainer's loader in the middle of a training."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        assert trainer.train_dataloader is pl_module.given
        next(iter(trainer.train_dataloader))


def test_user_may_read_from_the_loader_meanwhile() -> None:
    seen = []
    for more in ([], [Reads()]):
        loader = DataLoader(Points(), 4, shuffle=True)
        model = Line(lambda loader=loader: loader)
        model.given = loader
        trainer = bare_trainer(callbacks=[ExactDataLoaders(), *more])
        trainer.fit(model)
        seen.append(sorted(point[0] for *_, batch in model.seen for point in batch))
    assert len(seen[0]) == len(seen[1]) == len(Points())


def trainer(epoch: tuple[int, int], batch: tuple[int, int], last: bool = False, **parts) -> Fake:
    (begun, epochs), (ready, done) = epoch, batch
    progress = Fake(current=Fake(ready=ready, processed=done, completed=done), is_last_batch=last)
    epochs = Fake(current=Fake(ready=begun, processed=epochs))
    loop = Fake(epoch_loop=Fake(batch_progress=progress), epoch_progress=epochs)
    settings = {"ckpt_path": None, "global_step": 3, "num_training_batches": 9}
    settings |= {"reload_dataloaders_every_n_epochs": 0}
    return Fake(fit_loop=loop, **(settings | parts))


def test_run_begins_at_the_start() -> None:
    assert _next_place(trainer((0, 0), (0, 0))) == Place(0, 0, 0, 9)


def test_run_goes_on_inside_an_epoch_or_at_the_next() -> None:
    assert _next_place(trainer((3, 2), (4, 4)))[:2] == (2, 4)
    assert _next_place(trainer((3, 3), (0, 0)))[:2] == (3, 0)
    assert _next_place(trainer((3, 2), (9, 9), last=True))[:2] == (3, 0)


@pytest.mark.parametrize(("every", "made"), [(0, 0), (1, 5), (2, 4), (4, 4), (6, 0)])
def test_loaders_are_those_of_an_epoch(every: int, made: int) -> None:
    there = trainer((6, 5), (2, 2), reload_dataloaders_every_n_epochs=every)
    assert _next_place(there).made == made


def test_place_is_not_guessed_before_it_is_restored() -> None:
    with pytest.raises(RuntimeError, match="use max_epochs, not estimated_stepping_batches"):
        _next_place(trainer((0, 0), (0, 0), ckpt_path="last.ckpt", global_step=0))
