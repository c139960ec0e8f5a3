import logging
import re
from types import SimpleNamespace as Fake

import pytest
import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.callbacks import ModelSummary
from torch import Tensor, nn

from src.engine.console.summary import Summary, count_flops, own_summary
from tests.conftest import Train


class Module(LightningModule):
    sample_shape: tuple[int, ...] | None = (4,)

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout())
        self.last = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.first(x))


def test_operations_are_those_of_one_sample() -> None:
    assert count_flops(Module()) == {"": 36, "first": 24, "first.0": 24, "last": 12}


def test_counting_changes_nothing() -> None:
    module, drawn = Module(), torch.get_rng_state()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    count_flops(module)
    torch.testing.assert_close(module.state_dict(), before, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(part.training for part in module.modules())


@pytest.mark.parametrize("shape", [None, (5,)])
def test_what_cannot_be_counted_is_nothing(shape: tuple[int, ...] | None) -> None:
    module = Module()
    module.sample_shape = shape
    assert count_flops(module) == {}


def test_table_of_a_run_tells_parameters_and_operations(train: Train, caplog) -> None:
    few = ["--trainer.max_steps=1", "--test=false", "--trainer.enable_model_summary=true"]
    with caplog.at_level(logging.INFO):
        train(*few)
    table = next(message for message in caplog.messages if "Trainable params" in message)
    assert re.search(r"network +\| OneLayer .* 7\.9 K .* 15,680", table)
    assert re.search(r"^15\.7 K +Total Flops", table, re.MULTILINE)


def test_table_that_the_user_chose_stays() -> None:
    own, chosen = ModelSummary(), ModelSummary()
    trainer = Fake(callbacks=[own, chosen])
    own_summary(trainer, [chosen])
    assert type(trainer.callbacks[0]) is Summary
    assert trainer.callbacks[1] is chosen


class Strict(LightningModule):
    sample_shape = (4, 4)

    def __init__(self) -> None:
        super().__init__()
        self.frozen = nn.Dropout().eval()

    def forward(self, x: Tensor) -> Tensor:
        assert not self.training
        return x @ x.transpose(-1, -2)


def test_counting_is_no_training() -> None:
    module = Strict()
    assert count_flops(module)[""] == 128
    assert (module.training, module.frozen.training) == (True, False)
