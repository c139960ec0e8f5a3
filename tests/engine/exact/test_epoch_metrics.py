from types import SimpleNamespace as Fake

import pytest
import torch
from torch import nn
from torchmetrics import CatMetric, MeanMetric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from src.engine.exact.epoch_metrics import EpochMetrics, gathered, give_back
from tests.bare_trainer import bare_trainer


class Metrics(nn.Module):
    """One metric, a list, and two that share their state."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = MeanMetric()
        self.all = CatMetric()
        self.shared = MetricCollection(MulticlassAccuracy(3), MulticlassF1Score(3))

    def update(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        value = torch.rand(8, generator=generator)
        self.mean.update(value)
        self.all.update(value)
        self.shared.update(torch.randint(3, (8,), generator=generator), torch.arange(8) % 3)

    def values(self) -> list[float]:
        found = [self.mean.compute(), self.all.compute().sum(), *self.shared.compute().values()]
        return [value.item() for value in found]


@pytest.mark.filterwarnings("ignore:.*compute. method of metric")
def test_metrics_go_on_where_they_were() -> None:
    whole, first, second = Metrics(), Metrics(), Metrics()
    for seed in range(4):
        whole.update(seed)
    for seed in range(2):
        first.update(seed)
    give_back(second, gathered(first))
    for seed in range(2, 4):
        second.update(seed)
    assert second.values() == whole.values()


def test_fewer_processes_take_over_what_the_others_gathered() -> None:
    whole, first, second, both = (Metrics() for _ in range(4))
    for seed, own in enumerate((first, second)):
        whole.update(seed)
        own.update(seed)
    for own in (first, second):
        give_back(both, gathered(own))
    assert both.values() == pytest.approx(whole.values())


def test_unused_metrics_are_left_out() -> None:
    assert gathered(Metrics()) == {}


def test_metrics_of_all_processes_are_saved_and_shared_out(monkeypatch) -> None:
    def gather(everyone: list, own: dict) -> None:
        everyone[:] = [own, ({"mean": "of the other"}, {})]

    monkeypatch.setattr("torch.distributed.all_gather_object", gather)
    metrics, content = Metrics(), {}
    metrics.update(0)
    logged = {"callback_metrics": {"a": torch.tensor(0.5)}, "fit_loop": bare_trainer().fit_loop}
    for processes in (1, 2):
        trainer = Fake(world_size=processes, **logged)
        EpochMetrics().on_save_checkpoint(trainer, metrics, content)
        states = content["epoch_metrics"]
        assert len(content["sums"]) == processes
        assert (len(states), content["metrics"]) == (processes, {"a": 0.5})
        assert states[0]["mean"]["updates"] == 1
    assert states[1] == {"mean": "of the other"}


@pytest.mark.parametrize(("rank", "processes", "given"), [(0, 1, "abc"), (0, 2, "ac"), (1, 2, "b")])
def test_each_process_takes_its_share(rank: int, processes: int, given: str, monkeypatch) -> None:
    taken, callback = [], EpochMetrics()
    monkeypatch.setattr(
        "src.engine.exact.epoch_metrics.give_back", lambda _, states: taken.append(states)
    )
    trainer = Fake(global_rank=rank, world_size=processes, callback_metrics={})
    content = {"epoch_metrics": ["a", "b", "c"], "metrics": {"x": 0.25}}
    callback.on_load_checkpoint(trainer, None, content)
    callback.on_train_start(trainer, None)
    assert (taken, trainer.callback_metrics) == ([*given], {"x": torch.tensor(0.25)})
    trainer.callback_metrics = {}
    callback.on_train_start(trainer, None)
    callback.on_load_checkpoint(trainer, None, {})
    callback.on_train_start(trainer, None)
    assert (len(taken), trainer.callback_metrics) == (len(given), {})


def test_what_was_gathered_is_a_copy_and_only_known_states_come_back() -> None:
    first, second = Metrics(), Metrics()
    first.update(0)
    states = gathered(first)
    before = states["all"]["value"][0].clone()
    first.all.value[0].fill_(9)
    assert torch.equal(states["all"]["value"][0], before)
    unknown = {"mean": {**states["mean"], "compute": 1}, "gone": states["mean"], "shared": {}}
    give_back(second, unknown)
    assert second.mean.update_count == 1
    assert callable(second.mean.compute)
