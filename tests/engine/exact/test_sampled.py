import pickle
import random
import signal
from functools import partial
from weakref import WeakKeyDictionary

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, RandomSampler, get_worker_info

from src.engine.exact.sampled import Place, SampledReader, _begin_worker, _Drawn, _SeededReads
from tests.plain_training import SIZE, Points


def reader(loader: DataLoader, **options) -> SampledReader:
    chosen = {"name": "train 0", "rank": 0, "cycles": False, "device": torch.device("cpu")}
    return SampledReader(loader, **{"seeds": WeakKeyDictionary(), **chosen, **options})


def drawn(part: SampledReader, place: Place) -> list:
    part.start_epoch(place)
    return [(each.seed, each.samples) for each in part]


def test_epoch_holds_each_sample_once_and_differs_from_the_next() -> None:
    first, again = (reader(DataLoader(Points(), 4, shuffle=True)) for _ in "ab")
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
        orders.append([samples for _, samples in drawn(reader(loader), Place())])
    assert orders[0] == orders[1] != orders[2]


def test_generator_that_is_used_again_is_known_by_its_first_seed() -> None:
    seeds, generator = WeakKeyDictionary(), torch.Generator().manual_seed(1)
    make = lambda: DataLoader(Points(), 4, shuffle=True, generator=generator)  # noqa: E731
    first = drawn(reader(make(), seeds=seeds), Place(2))
    assert drawn(reader(make(), seeds=seeds), Place(2)) == first


def test_generator_seeded_by_chance_goes_on_as_it_began() -> None:
    generators = torch.Generator(), torch.Generator()
    for generator in generators:
        generator.seed()
    parts = [reader(DataLoader(Points(), 4, True, generator=each)) for each in generators]
    expected = drawn(parts[0], Place(1))
    parts[1].load_state_dict(parts[0].state_dict(Place(1)))
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
    first, again = (reader(DataLoader(Points(), 4, sampler=kind(Points()))) for _ in "ab")
    drawn(first, Place(1))
    again.load_state_dict(first.state_dict(Place(1)))
    drawn(again, Place(1, 2))
    assert ("draws other samples" in capsys.readouterr().err) is noted


def test_pass_ends_with_the_epoch_and_goes_on_after_it() -> None:
    part = reader(DataLoader(Points(), 4, shuffle=True), cycles=True)
    assert len(drawn(part, Place(length=4))) == 4
    assert len(drawn(part, Place(1, batch=12, length=25))) == 8  # the rest of a second pass
    part.start_cycle()
    assert len(list(part)) == 5


def test_processes_draw_alike_and_read_with_other_random_numbers() -> None:
    parts = [reader(DataLoader(Points(), 4, shuffle=True), rank=rank) for rank in (0, 1)]
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
    part = reader(DataLoader(Points(), 1, sampler=Turns(Points())))
    turns = [drawn(part, Place(epoch, length=SIZE))[0][1] for epoch in range(3)]
    assert turns == [[0], [1], [2]]


class Whole(Points):
    def __getitems__(self, samples: list[int]) -> list:
        return [len(samples), random.random()]


def test_batch_is_read_alike_whatever_was_drawn_before() -> None:
    reads = _SeededReads(Points())
    first = reads.__getitems__(_Drawn(5, [3, 3]))
    for draw in (torch.rand, np.random.rand, lambda _: random.random()):
        draw(3)
    again = reads.__getitems__(_Drawn(5, [3, 3]))
    assert torch.equal(torch.stack(first), torch.stack(again))
    assert not torch.equal(first[0], first[1])  # drawn twice, but not moved alike
    assert torch.equal(reads[_Drawn(5, 3)], first[0])


def test_data_may_read_a_batch_in_one_go() -> None:
    reads = _SeededReads(Whole())
    assert reads.__getitems__(_Drawn(5, [1, 2, 3])) == reads.__getitems__(_Drawn(5, [4, 5, 6]))
    assert reads.__getitems__(_Drawn(5, [1, 2]))[0] == 2


def test_data_stay_reachable_and_travel_to_workers() -> None:
    reads = pickle.loads(pickle.dumps(_SeededReads(Points(5))))
    assert (len(reads), len(reads.x)) == (5, 5)
    with pytest.raises(AttributeError, match="nothing"):
        reads.nothing  # noqa: B018


def test_loader_of_the_user_stays_as_it_is() -> None:
    part = reader(DataLoader(Points(), 4, shuffle=True))
    before = dict(vars(part.loader))
    part.start_epoch(Place())
    assert len(list(part.batches())) == 10
    assert vars(part.loader) == before
    assert type(part.loader.dataset) is Points
    assert part.twin is not part.loader


def remember(numbers: list[int], worker: int) -> None:
    data = get_worker_info().dataset
    heard = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    value = torch.nan if heard or type(data) is not Points else worker
    data.x = torch.full((len(data),), value)


@pytest.mark.slow
@pytest.mark.parametrize(("start", "count"), [("fork", 2), ("spawn", 1)])
def test_worker_begins_with_what_the_user_gave_it(start: str, count: int) -> None:
    options = {"worker_init_fn": partial(remember, []), "multiprocessing_context": start}
    part = reader(DataLoader(Points(), 4, shuffle=True, num_workers=count, **options))
    part.start_epoch(Place())
    seen = [batch[0, 0].item() for batch in part.batches()]
    assert seen == [number % count for number in range(10)]


def test_worker_without_a_function_of_the_user_leaves_signals_to_its_parent() -> None:
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1]
    before = [signal.getsignal(number) for number in numbers]
    _begin_worker(None, 0)
    assert [signal.getsignal(number) for number in numbers] == [signal.SIG_IGN] * 3
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
