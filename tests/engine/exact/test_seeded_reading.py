import pickle
import random
import signal
from functools import partial
from weakref import WeakKeyDictionary

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, get_worker_info

from src.engine.exact.drawn import Drawn, Draws
from src.engine.exact.place import Place
from src.engine.exact.seeded_reading import SampledReader, SeededReads, begin_worker
from tests.plain_training import Points


class Whole(Points):
    def __getitems__(self, samples: list[int]) -> list:
        return [len(samples), random.random()]


def reader(**options) -> SampledReader:
    loader = DataLoader(Points(), 4, shuffle=True, **options)
    draws = Draws(loader, "train 0", 0, False, WeakKeyDictionary())
    return SampledReader(loader, draws, torch.device("cpu"))


def test_batch_is_read_alike_whatever_was_drawn_before() -> None:
    reads = SeededReads(Points())
    first = reads.__getitems__(Drawn(5, [3, 3]))
    for draw in (torch.rand, np.random.rand, lambda _: random.random()):
        draw(3)
    again = reads.__getitems__(Drawn(5, [3, 3]))
    assert torch.equal(torch.stack(first), torch.stack(again))
    assert not torch.equal(first[0], first[1])  # drawn twice, but not moved alike
    assert torch.equal(reads[Drawn(5, 3)], first[0])


def test_data_may_read_a_batch_in_one_go() -> None:
    reads = SeededReads(Whole())
    assert reads.__getitems__(Drawn(5, [1, 2, 3])) == reads.__getitems__(Drawn(5, [4, 5, 6]))
    assert reads.__getitems__(Drawn(5, [1, 2]))[0] == 2


def test_data_stay_reachable_and_travel_to_workers() -> None:
    reads = pickle.loads(pickle.dumps(SeededReads(Points(5))))
    assert (len(reads), len(reads.x)) == (5, 5)
    with pytest.raises(AttributeError, match="nothing"):
        reads.nothing  # noqa: B018


def test_loader_of_the_user_stays_as_it_is() -> None:
    part = reader(persistent_workers=False)
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
@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_worker_begins_with_what_the_user_gave_it(start: str) -> None:
    options = {"worker_init_fn": partial(remember, []), "multiprocessing_context": start}
    part = reader(num_workers=2, **options)
    part.start_epoch(Place())
    assert [batch[0, 0].item() for batch in part.batches()] == [0, 1] * 5


def test_worker_without_a_function_of_the_user_leaves_signals_to_its_parent() -> None:
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1]
    before = [signal.getsignal(number) for number in numbers]
    begin_worker(None, 0)
    assert [signal.getsignal(number) for number in numbers] == [signal.SIG_IGN] * 3
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
