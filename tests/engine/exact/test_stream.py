from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset

from src.engine.checkpoints.digest import digest
from src.engine.exact.exact_dataloader import ExactDataLoaders
from tests.plain_training import Points, check, run

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*not resumable",
    "ignore:Your `IterableDataset` has `__len__`",
    "ignore:You defined a `validation_step` but",
)


class Stream(IterableDataset):
    """Samples that come one after the other, moved at random."""

    def __iter__(self):
        for number in range(22):
            yield torch.tensor([number / 22, 1.0]) + torch.rand(2)


class Sized(Stream):
    def __len__(self) -> int:
        return 22


class Left(IterableDataset):
    """A stream that never gives again what it has given, and tells what is left of an epoch."""

    def __init__(self) -> None:
        self.given = 0
        self.left = 22

    def __iter__(self):
        while self.left:
            self.given += 1
            self.left -= 1
            yield torch.tensor([self.given / 99, 1.0])
        self.left = 22

    def state_dict(self):
        return {"given": self.given, "left": self.left}

    def load_state_dict(self, state):
        vars(self).update(state)


class OwnLoader:
    """A loader of the user that is no DataLoader and keeps its own state."""

    def __init__(self) -> None:
        self.batch = 0

    def __iter__(self):
        while self.batch < 6:
            self.batch += 1
            yield torch.full((4, 2), self.batch / 6) + torch.rand(4, 2)
        self.batch = 0

    def state_dict(self):
        return {"batch": self.batch}

    def load_state_dict(self, state):
        self.batch = state["batch"]


EXACT = {
    "state of the data": lambda: DataLoader(Left(), 4),
    "state of the loader": OwnLoader,
    "dict": lambda: {"a": DataLoader(Points(), 4, shuffle=True), "b": DataLoader(Left(), 4)},
}
READ_AGAIN = {
    "unsized": lambda: DataLoader(Stream(), 4),
    "sized": lambda: DataLoader(Sized(), 4),
    "no batching": lambda: DataLoader(Stream(), None),
}


@pytest.mark.parametrize("name", EXACT)
def test_loader_goes_on_by_its_state(name: str, tmp_path: Path, capsys) -> None:
    check(EXACT[name], tmp_path, 3, 8, 13)
    assert "note:" not in capsys.readouterr().err


@pytest.mark.parametrize("name", READ_AGAIN)
def test_stream_is_read_again_up_to_where_it_was(name: str, tmp_path: Path, capsys) -> None:
    check(READ_AGAIN[name], tmp_path, 3)
    said = "does not tell where it was: the first 3 batches of the epoch are read again, which is"
    assert capsys.readouterr().err.count(said) == 1


@pytest.mark.parametrize("make", [READ_AGAIN["unsized"], OwnLoader])
def test_start_of_an_epoch_is_told(make, tmp_path: Path, capsys) -> None:
    check(make, tmp_path, 6)
    assert "does not tell how an epoch begins: exact if all" in capsys.readouterr().err


class Unsafe(Stream):
    """A stream whose state no checkpoint gives back safely."""

    def state_dict(self):
        return {"numbers": np.random.default_rng(0)}

    def load_state_dict(self, state):
        raise AssertionError


def test_state_that_is_not_plain_is_left_out(tmp_path: Path, capsys) -> None:
    check(lambda: DataLoader(Unsafe(), 4), tmp_path, 3)
    error = capsys.readouterr().err
    assert "note: data.numbers of state_dict is a Generator, which is not saved" in error
    assert "Unsafe does not tell where it was: the first 3 batches" in error


@pytest.mark.slow
def test_stream_of_workers_is_read_again(tmp_path: Path) -> None:
    def make() -> Any:
        return DataLoader(Stream(), 4, num_workers=2)

    check(make, tmp_path, 3, 13, 26)


def test_state_that_lightning_saved_is_taken(tmp_path: Path, monkeypatch, capsys) -> None:
    parts = [tmp_path / "whole", tmp_path / "broken"]
    whole = run(OwnLoader, parts[0], None)
    with monkeypatch.context() as patch:
        # As before the run read such loaders by its own means, but for the random numbers.
        patch.setattr(ExactDataLoaders, "on_save_checkpoint", saved_by_lightning)
        run(OwnLoader, parts[1], 3)
    broken = run(OwnLoader, parts[1], None)
    assert digest(broken.state_dict()) == digest(whole.state_dict())
    assert "does not tell how they were read" in capsys.readouterr().err


def saved_by_lightning(self, trainer, pl_module, checkpoint) -> None:
    loop = checkpoint["loops"]["fit_loop"]
    batch = loop["epoch_loop.batch_progress"]["current"]["completed"]
    loop["state_dict"]["combined_loader"] = [{"batch": batch}]
