import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from src.engine.seed import chosen_seed, derive_seed, run_seed, seed_generators


def test_derived_seed_is_the_same_for_ever() -> None:
    assert derive_seed("order", 0, 1) == 8_556_750_900_509_299_915


def test_near_parts_give_unrelated_seeds() -> None:
    seeds = {derive_seed("step", seed, epoch, 3) for seed in range(30) for epoch in range(30)}
    assert len(seeds) == 900
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert derive_seed("a", 1, 11) != derive_seed("a", 11, 1)


def test_all_generators_start_anew() -> None:
    def draw() -> tuple[float, float, float]:
        seed_generators(2**62 + 5)
        return torch.rand(()).item(), random.random(), np.random.rand()

    assert draw() == draw()


def test_seed_of_the_run_is_lightnings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")
    assert run_seed() == 7
    monkeypatch.delenv("PL_GLOBAL_SEED")
    assert run_seed() == 0


def test_number_is_the_seed_and_a_word_draws_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert chosen_seed(5) == 5
    assert chosen_seed(True) != chosen_seed(False)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seed_that_numpy_cannot_have_is_refused(seed: int) -> None:
    assert chosen_seed(2**32 - 1) == 2**32 - 1
    with pytest.raises(ValueError, match=f"^--seed_everything must be from 0 .*, got {seed}$"):
        chosen_seed(seed)


def test_started_process_has_the_seed_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")
    assert chosen_seed(True) == 7


@pytest.mark.parametrize("name", ["LOCAL_RANK", "PL_GLOBAL_SEED"])
def test_seed_is_drawn_where_no_process_drew_one(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for each in ("LOCAL_RANK", "PL_GLOBAL_SEED"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, "7")
    monkeypatch.setattr("secrets.randbelow", lambda limit: limit - 1)
    assert chosen_seed(True) == chosen_seed(False) == 2**32 - 1


def test_generators_have_the_seed_itself() -> None:
    seed_generators(2**32 + 5)
    drawn = torch.rand(3), random.random(), np.random.rand()
    expected = torch.rand(3, generator=torch.Generator().manual_seed(2**32 + 5))
    assert torch.equal(drawn[0], expected)
    assert drawn[1:] == (random.Random(2**32 + 5).random(), np.random.RandomState(5).rand())


@pytest.mark.parametrize(("index", "expected"), [(None, 1), (0, 0)])
def test_device_has_its_own_generator(monkeypatch, index: int | None, expected: int) -> None:
    seeded = []
    generators = [SimpleNamespace(manual_seed=lambda s, n=n: seeded.append((n, s))) for n in (0, 1)]
    monkeypatch.setattr("torch.cuda.current_device", lambda: 1)
    monkeypatch.setattr("torch.cuda.default_generators", generators)
    seed_generators(7, torch.device("cuda", index))
    assert seeded == [(expected, 7)]
    assert torch.default_generator.initial_seed() == 7


def test_other_devices_are_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    seeded = []
    monkeypatch.setattr("torch.manual_seed", seeded.append)
    for device in (None, torch.device("cpu"), torch.device("meta")):
        seed_generators(7, device)
    assert seeded == [7]
