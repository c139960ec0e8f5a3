import pytest
import torch
from torch import nn
from torchmetrics import CatMetric, MeanMetric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from src.experiment.epoch_metrics import gathered, give_back


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
