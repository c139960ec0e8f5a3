from weakref import WeakKeyDictionary

import pytest
import torch
from torch.utils.data import DataLoader, RandomSampler

from src.engine.exact.drawn import Draws
from src.engine.exact.place import Place
from tests.plain_training import SIZE, Points


def draws(loader: DataLoader, **options) -> Draws:
    chosen = {"name": "train 0", "rank": 0, "cycles": False, "seeds": WeakKeyDictionary()}
    return Draws(loader, **(chosen | options))


def drawn(draws: Draws, place: Place) -> list:
    draws.start_epoch(place)
    return [(each.seed, each.samples) for each in draws]


def test_epoch_holds_each_sample_once_and_differs_from_the_next() -> None:
    first, again = (draws(DataLoader(Points(), 4, shuffle=True)) for _ in "ab")
    epochs = [drawn(first, Place(epoch)) for epoch in (0, 1)]
    orders = [[n for _, samples in epoch for n in samples] for epoch in epochs]
    assert [sorted(order) for order in orders] == [list(range(SIZE))] * 2
    assert epochs[0] != epochs[1]
    assert drawn(again, Place(1, 3)) == epochs[1][3:]


def test_generator_of_the_user_decides_its_order_and_not_the_seed_of_the_run(monkeypatch) -> None:
    orders = []
    for own, run in [(1, 1), (1, 2), (2, 1)]:
        monkeypatch.setenv("PL_GLOBAL_SEED", str(run))
        generator = torch.Generator().manual_seed(own)
        loader = DataLoader(Points(), 4, shuffle=True, generator=generator)
        orders.append([samples for _, samples in drawn(draws(loader), Place())])
    assert orders[0] == orders[1] != orders[2]


def test_generator_that_is_used_again_is_known_by_its_first_seed() -> None:
    seeds, generator = WeakKeyDictionary(), torch.Generator().manual_seed(1)
    make = lambda: DataLoader(Points(), 4, shuffle=True, generator=generator)  # noqa: E731
    first = drawn(draws(make(), seeds=seeds), Place(2))
    assert drawn(draws(make(), seeds=seeds), Place(2)) == first


def test_generator_seeded_by_chance_goes_on_as_it_began() -> None:
    parts = [draws(DataLoader(Points(), 4, True, generator=torch.Generator())) for _ in "ab"]
    for part in parts:
        next(iter(part._generators)).seed()
        part.__init__(part.loader, "train 0", 0, False, WeakKeyDictionary())
    expected = drawn(parts[0], Place(1))
    parts[1].load_state_dict(parts[0].state_dict())
    assert drawn(parts[1], Place(1)) == expected


class Chance(RandomSampler):
    """A sampler that draws nothing twice."""

    def __iter__(self):
        yield from torch.randperm(SIZE, generator=self.chance).tolist()

    @property
    def chance(self) -> torch.Generator:
        generator = torch.Generator()
        generator.seed()
        return generator


@pytest.mark.parametrize(("kind", "noted"), [(Chance, True), (RandomSampler, False)])
def test_sampler_that_cannot_be_followed_is_told(kind: type, noted: bool, capsys) -> None:
    first, again = (draws(DataLoader(Points(), 4, sampler=kind(Points()))) for _ in "ab")
    drawn(first, Place(1))
    again.load_state_dict(first.state_dict())
    drawn(again, Place(1, 2))
    assert ("draws other samples" in capsys.readouterr().err) is noted


def test_pass_ends_with_the_epoch_and_goes_on_after_it() -> None:
    part = draws(DataLoader(Points(), 4, shuffle=True), cycles=True)
    assert len(drawn(part, Place(length=4))) == 4
    assert len(drawn(part, Place(1, batch=12, length=25))) == 8  # the rest of a second pass
    part.start_cycle()
    assert len(list(part)) == 5


def test_processes_draw_alike_and_read_with_other_random_numbers() -> None:
    parts = [draws(DataLoader(Points(), 4, shuffle=True), rank=rank) for rank in (0, 1)]
    (seeds, samples), (others, same) = (zip(*drawn(part, Place()), strict=True) for part in parts)
    assert samples == same
    assert not {*seeds} & {*others}


class Turns(RandomSampler):
    """A sampler of the user that counts what it has finished."""

    turn = 0

    def __iter__(self):
        yield from [self.turn] * SIZE
        self.turn += 1


def test_sampler_finishes_a_pass_before_the_next() -> None:
    part = draws(DataLoader(Points(), 1, sampler=Turns(Points())))
    turns = [drawn(part, Place(epoch, length=SIZE))[0][1] for epoch in range(3)]
    assert turns == [[0], [1], [2]]
