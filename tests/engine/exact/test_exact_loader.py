import os
import random
import signal
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from src.data import ExactLoader
from src.engine.exact.exact_loader import SeededItems, leave_signals_to_parent
from src.engine.seed import derive_seed, seed_generators


class Augmented(Dataset):
    """Items that draw from every generator, as augmentations do."""

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> torch.Tensor:
        drawn = torch.rand(()).item(), random.random(), np.random.rand()
        return torch.tensor([float(index), *drawn], dtype=torch.float64)


def read(num_workers: int) -> torch.Tensor:
    loader = ExactLoader(Augmented(), 5, trainer=None, training=True, num_workers=num_workers)
    return torch.cat(list(loader))


def test_random_items_do_not_depend_on_workers() -> None:
    torch.manual_seed(1)
    alone = read(0)
    torch.manual_seed(2)
    assert torch.equal(alone, read(2))
    assert len(alone[:, 1].unique()) == 12


@pytest.mark.parametrize("change", ["samples", "batch size", "seed"])
def test_loader_refuses_the_state_of_another_order(change: str) -> None:
    loader = ExactLoader(Augmented(), 5, trainer=None)
    state = loader.state_dict()
    loader.load_state_dict(state)
    with pytest.raises(
        ValueError, match=f"another {change}: it was 77 .* now it is {state[change]}"
    ):
        loader.load_state_dict({**state, change: 77})


def test_signals_are_left_to_the_parent() -> None:
    class Interrupted(Augmented):
        def __getitem__(self, index: int) -> torch.Tensor:
            for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
                os.kill(os.getpid(), signum)
            return super().__getitem__(index)

    assert len(list(ExactLoader(Interrupted(), 5, trainer=None, num_workers=1))) == 3


def test_state_tells_the_global_batch() -> None:
    trainer = SimpleNamespace(world_size=3)
    loader = ExactLoader(Augmented(), 5, trainer)
    assert loader.state_dict() == {"samples": 12, "batch size": 15, "seed": 0}
    assert (loader.order.training, loader.order.shuffle, loader.order.keyed) == (False, False, True)


def test_items_have_the_seed_of_epoch_and_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "3")
    found = SeededItems(Augmented())[2, 7]
    seed_generators(derive_seed("item", 3, 2, 7))
    assert torch.equal(found, Augmented()[7])


def test_whole_batches_are_read_where_they_are() -> None:
    class Whole:
        device = torch.device("meta")

        def __len__(self) -> int:
            return 12

        def __getitems__(self, index: torch.Tensor) -> torch.Tensor:
            return index

    loader = ExactLoader(Whole(), 5, None)
    assert [(len(index), index.device.type) for index in loader] == [
        (5, "meta"),
        (5, "meta"),
        (2, "meta"),
    ]
    assert (loader.batch_size, loader.order.keyed) == (None, False)


def test_signals_that_a_system_lacks_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    ignored = []
    monkeypatch.setattr(signal, "signal", lambda *given: ignored.append(given))
    monkeypatch.delattr(signal, "SIGUSR1")
    leave_signals_to_parent(0)
    assert ignored == [(signal.SIGINT, signal.SIG_IGN), (signal.SIGTERM, signal.SIG_IGN)]
