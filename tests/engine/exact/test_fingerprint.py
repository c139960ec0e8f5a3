import threading
from collections import deque
from types import SimpleNamespace as Thing

import numpy as np
import pytest
import torch
from torch import nn

from src.engine.exact.fingerprint import fingerprint


def replay() -> Thing:
    return Thing(memory=deque([Thing(state=np.zeros(2), reward=0.5)], maxlen=2), size=3)


@pytest.mark.parametrize(
    "change",
    [
        lambda thing: thing.memory.append(1),
        lambda thing: setattr(thing, "size", 4),
        lambda thing: thing.memory[0].state.fill(1),
    ],
)
def test_change_of_an_object_shows(change) -> None:
    thing = replay()
    before = fingerprint(thing)
    assert fingerprint(thing) == before
    change(thing)
    assert fingerprint(thing) != before


def test_change_of_a_tensor_inside_shows_unless_it_is_saved_elsewhere() -> None:
    thing = Thing(weight=torch.ones(2))
    known = {thing.weight.untyped_storage().data_ptr()}
    before = fingerprint(thing), fingerprint(thing, known)
    thing.weight.add_(1)
    assert fingerprint(thing) != before[0]
    assert fingerprint(thing, known) == before[1]


def test_modules_and_optimizers_are_asked_for_their_own_state() -> None:
    layer = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    thing = Thing(layer=layer, optimizer=optimizer)
    before = fingerprint(thing, {id(layer)})
    layer.extra = optimizer.param_groups[0]["lr"] = 0.2
    assert fingerprint(thing, {id(layer)}) == before


def test_large_object_is_known_by_its_length_and_its_beginning() -> None:
    many = [Thing(number=number) for number in range(100_000)]
    before = fingerprint(many)
    assert before is not None
    many.append(Thing(number=0))
    grown = fingerprint(many)
    many[0].number = 7
    assert len({before, grown, fingerprint(many)}) == 3


def test_object_that_shows_nothing_has_none() -> None:
    assert fingerprint(threading.Lock()) is None
    assert fingerprint([lambda: 1]) is None
    assert fingerprint(list) is not None
