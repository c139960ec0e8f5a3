from collections import deque
from types import SimpleNamespace as Fake
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule
from torch import nn
from torchmetrics import MeanMetric

from src.engine.exact.encoded import encode
from src.engine.exact.module_state import ModuleState, attributes, set_again


class Inner(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.calls = 0


class Module(LightningModule):
    rate = 1

    def __init__(self) -> None:
        super().__init__()
        self.inner = Inner()
        self.mean = MeanMetric()
        self.register_buffer("seen", torch.zeros(1))
        self.weights = [self.inner.layer.weight]
        self.views = [self.inner.layer.bias.data, self.seen]
        self.memory = deque(maxlen=9)
        self.objects: Any = deque()
        self.hidden = None
        self.start = torch.zeros(2)

    @property
    def size(self) -> int:
        return 1


class Saving(Module):
    def on_save_checkpoint(self, checkpoint: dict) -> None:
        checkpoint["own"] = self.hidden


def trainer(module: LightningModule, **others: Any) -> Any:
    known = {"lightning_module": module, "training": True}
    return Fake(**{**known, "world_size": 1, "global_rank": 0, **others})


def begun(module: LightningModule) -> ModuleState:
    callback = ModuleState()
    callback.on_train_epoch_start(trainer(module), module)
    return callback


def saved(callback: ModuleState, module: LightningModule, **others: Any) -> dict:
    content: dict = {}
    callback.on_save_checkpoint(trainer(module, **others), module, content)
    return content


def change(module: Module) -> None:
    module.memory.append((torch.ones(2), 1))
    module.start.add_(1)
    module.hidden = (torch.ones(1), 2)
    module.inner.calls += 1
    module.made = 0.5


def test_only_what_has_changed_is_saved() -> None:
    module = Module()
    callback = begun(module)
    assert saved(callback, module)["attributes"]["processes"] == [{}]
    change(module)
    module.inner.layer.weight.data.add_(1)
    module.seen.add_(1)
    module.mean.update(1)
    (own,) = saved(callback, module)["attributes"]["processes"]
    same = {key: each["same"] for key, each in own.items()}
    expected = {".memory": True, ".start": True, ".hidden": False, ".made": False}
    assert same == {**expected, "inner.calls": False}


@pytest.mark.parametrize("in_epoch", [True, False])
def test_module_remembers_again_what_it_did(in_epoch: bool) -> None:
    module = Module()
    callback = begun(module)
    change(module)
    if not in_epoch:
        callback.on_train_epoch_end(trainer(module), module)
    content = saved(callback, module)
    again, resumed = Module(), ModuleState()
    shared = again.memory, again.start
    resumed.on_load_checkpoint(trainer(again), again, content)
    assert (len(again.memory), again.hidden) == (1, None)  # loaders may read the first already
    again.memory.clear()  # a hook begins anew
    if in_epoch:
        resumed.go_on(trainer(again))
    else:
        resumed.on_train_epoch_start(trainer(again), again)
    assert (again.memory is shared[0], again.start is shared[1]) == (True, True)
    assert repr(again.memory) == repr(module.memory)
    assert repr([again.start, again.hidden]) == repr([module.start, module.hidden])
    assert (again.inner.calls, again.made) == (1, 0.5)
    if not in_epoch:
        resumed.on_train_epoch_end(trainer(again), again)
    assert repr(saved(resumed, again)) == repr(content)


def test_what_was_saved_is_set_where_it_was_saved() -> None:
    module = Module()
    callback = begun(module)
    module.hidden = 1
    content = saved(callback, module)  # at the first batch of an epoch: its start is due again
    again, resumed = Module(), ModuleState()
    resumed.on_load_checkpoint(trainer(again), again, content)
    resumed.on_train_epoch_start(trainer(again), again)
    assert again.hidden is None
    resumed.go_on(trainer(again))
    again.hidden = 2
    resumed.on_train_epoch_start(trainer(again), again)  # of the next epoch
    assert again.hidden == 2


def test_what_cannot_be_saved_is_told_once_and_only_if_it_changes(capsys) -> None:
    module = Module()
    callback = begun(module)
    saved(callback, module)
    assert capsys.readouterr().err == ""
    module.objects.append(Fake(reward=1))
    module.inner.phase = "second"
    assert saved(callback, module)["attributes"]["processes"] == [{}]
    saved(callback, module)
    assert capsys.readouterr().err == (
        "note: this run does not continue exactly: its checkpoints do not hold Module.objects (a "
        "deque with a SimpleNamespace), Inner.phase (a str); save that in on_save_checkpoint\n"
    )


def test_forward_that_lightning_replaces_is_no_state(capsys) -> None:
    module = Module()
    callback = begun(module)
    module.forward = module.forward  # as it is after each step of several processes
    assert saved(callback, module)["attributes"]["processes"] == [{}]
    assert capsys.readouterr().err == ""


def test_module_that_saves_by_itself_is_left_alone(capsys) -> None:
    module = Saving()
    callback = begun(module)
    change(module)
    module.objects.append(Fake())
    assert saved(callback, module)["attributes"]["processes"] == [{}]
    assert capsys.readouterr().err == ""


def test_part_with_an_extra_state_is_left_alone(monkeypatch) -> None:
    monkeypatch.setattr(Inner, "get_extra_state", lambda self: self.calls, raising=False)
    assert "inner.calls" not in attributes(Module())
    module = Module()
    set_again(module, {"inner.calls": {"same": False, "value": 3}})
    assert module.inner.calls == 0


@pytest.mark.parametrize(
    "path",
    [
        *("training_step", "size", "seen", "mean", "training", "_trainer"),
        *("inner.layer.weight", "inner.forward", "mean.mean_value", "gone.x"),
    ],
)
def test_nothing_else_of_a_module_is_replaced(path: str) -> None:
    module = Module()
    before = dict(module.state_dict())
    set_again(module, {path if "." in path else f".{path}": {"same": False, "value": 2.5}})
    assert "2.5" not in repr([vars(part) for part in module.modules()])
    assert dict(module.state_dict()).keys() == before.keys()


def test_changed_shape_replaces_the_object() -> None:
    module = Module()
    states = {".start": {"same": True, "value": torch.ones(3)}, ".rate": {"same": True, "value": 2}}
    set_again(module, states)
    assert (module.start.tolist(), module.rate, Module.rate) == ([1, 1, 1], 2, 1)


def test_nothing_is_saved_or_set_outside_of_a_training() -> None:
    module, callback = Module(), ModuleState()
    module.hidden = 3
    assert saved(callback, module)["attributes"]["processes"] == [{}]
    content = {"attributes": {"in_epoch": True, "processes": [{}]}}
    callback.on_load_checkpoint(trainer(module, training=False), module, content)
    callback.on_load_checkpoint(trainer(module), module, {})
    callback.go_on(trainer(module))
    assert module.hidden == 3


def test_each_process_has_its_own(monkeypatch) -> None:
    def gather(everyone: list, own: dict) -> None:
        everyone[:] = [own, {".hidden": {"same": False, "value": encode((8, 9))}}]

    monkeypatch.setattr("torch.distributed.all_gather_object", gather)
    module = Module()
    callback = begun(module)
    module.hidden = 7
    content = saved(callback, module, world_size=2)
    for rank, hidden in enumerate([7, (8, 9), 7]):
        again, resumed = Module(), ModuleState()
        resumed.on_load_checkpoint(trainer(again, global_rank=rank), again, content)
        resumed.go_on(trainer(again))
        assert again.hidden == hidden
