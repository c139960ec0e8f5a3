import os
import random
import signal

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from src.data import ExactLoader


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
