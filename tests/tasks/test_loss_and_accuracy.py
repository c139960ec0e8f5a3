import torch
import torch.nn.functional as F
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from src.tasks.loss_and_accuracy import LossAndAccuracy


def test_values_are_those_of_torchmetrics() -> None:
    generator = torch.Generator().manual_seed(0)
    metric, mean, accuracy = (
        LossAndAccuracy(),
        MeanMetric(),
        MulticlassAccuracy(10, average="micro"),
    )
    for size in (7, 20, 1):
        logits = torch.randn(size, 10, generator=generator)
        label = torch.randint(0, 10, (size,), generator=generator)
        metric.update(F.cross_entropy(logits, label), logits, label)
        mean.update(F.cross_entropy(logits, label, reduction="none"))
        accuracy.update(logits, label)
    torch.testing.assert_close(
        metric.compute(), {"loss": mean.compute(), "acc": accuracy.compute()}
    )


def test_reset_forgets() -> None:
    metric, logits = LossAndAccuracy(), torch.eye(4)
    metric.update(torch.tensor(5.0), logits, torch.tensor([1, 2, 3, 0]))
    metric.reset()
    metric.update(torch.tensor(0.5), logits, torch.arange(4))
    assert {name: value.item() for name, value in metric.compute().items()} == {
        "loss": 0.5,
        "acc": 1.0,
    }


def test_counts_are_exact_beyond_the_floats() -> None:
    metric, logits = LossAndAccuracy(), torch.zeros(1, 2)
    for count, label in [(2**24, 0), (1, 1), (1, 1)]:
        labels = torch.tensor([label]).expand(count)
        metric.update(torch.tensor(1.0), logits.expand(count, 2), labels)
    assert (metric.images.item(), metric.right.item()) == (2**24 + 2, 2**24)
