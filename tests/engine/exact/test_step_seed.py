import os
from types import SimpleNamespace as Fake

import pytest
import torch

from src.engine.exact.step_seed import StepSeed


def drawn(epoch: int, batch: int, rank: int) -> float:
    trainer = Fake(current_epoch=epoch, global_rank=rank)
    StepSeed().on_train_batch_start(trainer, Fake(device=torch.device("cpu")), None, batch)
    return torch.rand(()).item()


def test_each_step_of_each_process_draws_its_own() -> None:
    places = [(epoch, batch, rank) for epoch in range(3) for batch in range(3) for rank in range(2)]
    assert len({drawn(*place) for place in places}) == len(places)
    assert [drawn(*place) for place in places] == [drawn(*place) for place in places]


def test_processes_with_different_seeds_are_refused() -> None:
    strategy = Fake(broadcast=lambda seed: seed + 1, reduce_boolean_decision=lambda same: same)
    os.environ.setdefault("PL_GLOBAL_SEED", "0")
    with pytest.raises(ValueError, match="drew different seeds: give --seed_everything a number"):
        StepSeed().on_train_start(Fake(strategy=strategy), None)


def test_step_is_seeded_by_its_place(monkeypatch) -> None:
    seeded, derived = [], []
    monkeypatch.setattr("src.engine.exact.step_seed.run_seed", lambda: 9)
    monkeypatch.setattr(
        "src.engine.exact.step_seed.derive_seed", lambda *key: derived.append(key) or 5
    )
    monkeypatch.setattr(
        "src.engine.exact.step_seed.seed_generators", lambda *words: seeded.append(words)
    )
    trainer = Fake(current_epoch=1, global_rank=3)
    StepSeed().on_train_batch_start(trainer, Fake(device="cpu"), None, 2)
    assert (derived, seeded) == ([("step", 9, 1, 2, 3)], [(5, "cpu")])
    strategy = Fake(broadcast=lambda seed: seed, reduce_boolean_decision=lambda same: same)
    StepSeed().on_train_start(Fake(strategy=strategy), None)
