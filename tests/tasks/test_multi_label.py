"""Several classes at once."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchmetrics.functional.classification import multilabel_accuracy, multilabel_f1_score

from src.batch import Batch, TargetBatch
from src.evaluate import main as evaluate
from src.predict import main as predict
from src.tasks import MultiLabelTask
from src.tasks.multi_label import LossAndF1
from tests.conftest import Train
from tests.test_train import refusal_of
from tests.tiny_mnist import TinyMNIST


class Divisors(TinyMNIST):
    """Digits, of which the classes are what divides them."""

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Any:
        image, label = super().on_after_batch_transfer(batch, dataloader_idx)
        numbers = torch.arange(1, 11, device=label.device)
        return TargetBatch(image, (label[:, None] % numbers == 0).long())


def test_metrics_are_those_of_torchmetrics() -> None:
    torch.manual_seed(0)
    logits, target = torch.randn(50, 4), torch.randint(0, 2, (50, 4))
    target[:, 3], logits[:, 3] = 0, -1  # a class that is never there
    metric = LossAndF1()
    for part in (slice(0, 20), slice(20, 50)):
        metric.update(torch.tensor(1.0), logits[part], target[part])
    found = metric.compute()
    scores = logits.sigmoid()
    torch.testing.assert_close(found["f1"], multilabel_f1_score(scores, target, 4))
    torch.testing.assert_close(found["acc"], multilabel_accuracy(scores, target, 4))


def test_weight_changes_training_loss_only() -> None:
    task = MultiLabelTask(nn.Linear(3, 2), pos_weight=[5.0, 1.0])
    batch = TargetBatch(torch.randn(4, 3), torch.tensor([[1, 0]] * 4))
    logits, target = task(batch.image), batch.target.float()
    expected = F.binary_cross_entropy_with_logits(
        logits, target, pos_weight=torch.tensor([5.0, 1.0])
    )
    torch.testing.assert_close(task.training_step(batch, 0), expected)
    torch.testing.assert_close(
        task.eval_loss(logits, batch.target), F.binary_cross_entropy_with_logits(logits, target)
    )
    assert {name.partition(".")[0] for name in task.state_dict()} == {"network"}


@pytest.mark.parametrize("weight", [[0.0, 1.0], [float("nan")]])
def test_weight_is_above_zero(weight: list[float]) -> None:
    with pytest.raises(ValueError, match="pos_weight must be finite and above 0"):
        MultiLabelTask(nn.Linear(3, 2), pos_weight=weight)


def test_run_is_judged_by_f1_and_evaluated(train: Train, capsys, monkeypatch) -> None:
    model = ["--model=MultiLabelTask", "--model.network=tests.one_layer.OneLayer"]
    more = ["--model.metrics.map=MultilabelAveragePrecision", "--model.metrics.map.num_labels=10"]
    metrics = train(*model, "--data=tests.tasks.test_multi_label.Divisors", *more)
    assert metrics["val/f1_best"] > 0.5
    assert metrics["test/map"] > 0.5
    capsys.readouterr()
    evaluate(["last"])
    assert f"\ntest/f1        {metrics['test/f1']:.6g}\n" in capsys.readouterr().out
    code, line = refusal_of(capsys, lambda: predict(["last", "x.png"]))
    assert (code, 'of the kind "multi_label"' in line) == (2, True)
    assert Path("lightning_logs/version_0/predictions.npz").is_file()
