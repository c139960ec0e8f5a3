"""A plain DataLoader gives a run that was stopped and goes on what the unbroken run had."""

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
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

from tests.plain_training import SIZE, Points, check, fit, run

ROOT = Path(__file__).parents[3]
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
@pytest.mark.parametrize("name", ["shuffle", "own sampler"])
def test_two_processes_go_on_exactly(name: str, tmp_path: Path) -> None:
    seen = []
    for folder, stops in [(tmp_path / "whole", [0]), (tmp_path / "broken", [7, 0])]:
        folder.mkdir()
        for step in stops:
            words = ["-m", "tests.plain_training", name, str(folder), str(step)]
            subprocess.run([sys.executable, *words], cwd=ROOT, check=True, timeout=180)
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
