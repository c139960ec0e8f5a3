"""Estimation of numbers."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from src.batch import TargetBatch
from src.engine import UsageError
from src.evaluate import main as evaluate
from src.report import main as report
from src.tasks import RegressionTask
from tests.conftest import Train

CONFIG = Path(__file__).parents[2] / "configs" / "turned_mnist.yaml"
TURNED = [
    f"--config={CONFIG}",
    "--model.network=tests.one_layer.OneLayer",
    "--data=tests.tiny_turned_mnist.TinyTurnedMNIST",
]


def made(**settings) -> RegressionTask:
    network = nn.Linear(3, 2)
    nn.init.zeros_(network.weight)
    nn.init.zeros_(network.bias)
    return RegressionTask(network, **settings)


@pytest.mark.parametrize(
    ("loss", "expected"), [("mse", (4 + 1) / 2), ("l1", (2 + 1) / 2), ("huber", (1.5 + 0.5) / 2)]
)
def test_loss_is_in_standard_deviations(loss: str, expected: float) -> None:
    task = made(loss=loss, target_mean=[10.0, 0.0], target_std=[5.0, 1.0])
    batch = TargetBatch(torch.ones(4, 3), torch.tensor([[20.0, 1.0]] * 4))
    assert task.training_step(batch, 0).item() == pytest.approx(expected)
    assert task(batch.image).tolist() == [[10.0, 0.0]] * 4
    found = task.train_metrics.compute()
    assert found["rmse"].item() == pytest.approx(((100 + 1) / 2) ** 0.5)
    assert found["mae"].item() == pytest.approx(5.5)


def test_targets_of_one_number_need_no_second_dimension() -> None:
    task = RegressionTask(nn.Linear(3, 1))
    outputs = task.test_step((torch.ones(4, 3), torch.arange(4)), 0)
    assert {name: value.shape for name, value in outputs.items()} == {
        "prediction": (4, 1),
        "target": (4, 1),
    }


def test_network_with_other_outputs_is_refused() -> None:
    with pytest.raises(UsageError, match=r"gives \(4, 2\), samples first, for targets of \(4, 1\)"):
        made().training_step((torch.ones(4, 3), torch.ones(4)), 0)


@pytest.mark.parametrize("std", [0.0, -1.0, float("nan"), [1.0, 0.0]])
def test_standard_deviation_is_above_zero(std: float | list[float]) -> None:
    with pytest.raises(ValueError, match="target_std must be finite and above 0"):
        made(target_std=std)


def test_weights_are_those_of_the_network_alone() -> None:
    assert {name.partition(".")[0] for name in made().state_dict()} == {"network"}


def test_turned_digits_are_evaluated_and_shown(finished: Train, capsys, monkeypatch) -> None:
    metrics = finished(*TURNED, "--trainer.max_epochs=1")
    evaluate(["last"])
    told = capsys.readouterr().out
    assert f"\nRMSE           {metrics['test/rmse']:.4f} degrees, 95% interval " in told
    folder = Path("lightning_logs/version_0/evaluation/best_test")
    pictures = {"parity.png", "residuals.png", "worst.png"}
    assert {file.name for file in folder.glob("*.png")} == pictures
    evaluate(["last", "--split=val", "--out=here"])
    assert json.loads(Path("here/summary.json").read_text())["rows"]["samples"] == "20"
    monkeypatch.setattr("src.report._default", dict)
    report(["last"])
    page = Path("report.html").read_text()
    assert page.count("<img") == 3
    assert '<th scope="row">test/rmse</th>' in page


def test_numbers_far_from_zero_keep_their_digits_in_16_bits() -> None:
    task = made(target_mean=1000.0).to(torch.bfloat16)
    nn.init.constant_(task.network.bias, 0.25)
    outputs = task.test_step((torch.ones(4, 3), torch.full((4, 2), 1001.3)), 0)
    assert outputs["prediction"].tolist() == [[1000.25] * 2] * 4
    assert outputs["target"].unique().tolist() == [pytest.approx(1001.3)]
    assert task.test_metrics.compute()["rmse"].item() == pytest.approx(1.05, abs=1e-3)
