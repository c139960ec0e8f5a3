import sys

import pytest
import torch
from torch import nn

import src.models
from src.engine.checkpoints.allowed import allowed_names, find_allowed


@pytest.mark.parametrize(
    ("name", "item"),
    [
        ("torch.nn.Linear", nn.Linear),
        ("torch.nn.modules.linear.Linear", nn.Linear),
        ("torch.optim.AdamW", torch.optim.AdamW),
        ("torch.optim.lr_scheduler.ReduceLROnPlateau", torch.optim.lr_scheduler.ReduceLROnPlateau),
        ("torch.nn.functional.gelu", nn.functional.gelu),
        ("src.models.CNN", src.models.CNN),
        ("src.models.cnn.CNN", src.models.CNN),
    ],
)
def test_what_is_on_the_list_is_found(name: str, item: object) -> None:
    assert find_allowed(name) is item


@pytest.mark.parametrize(
    "name",
    [
        "src.data.ExactLoader",
        "src.tasks.OneCycle",
        "src.callbacks.Temperature",
        "lightning.pytorch.callbacks.EMAWeightAveraging",
        "lightning.pytorch.callbacks.lr_monitor.LearningRateMonitor",
        "lightning.pytorch.strategies.DDPStrategy",
        "torchmetrics.Accuracy",
        "torchmetrics.regression.MeanSquaredError",
        "torchvision.models.resnet18",
        "torchvision.transforms.v2.RandomAffine",
    ],
)
def test_published_parts_are_on_the_list(name: str) -> None:
    assert find_allowed(name) is not None


@pytest.mark.parametrize(
    "name",
    [
        "src.models.cnn.nn.Linear",
        "src.data.files.os.system",
        "src.engine.records.save_config.SaveConfig",
        "src.models.CNN.forward",
        "torch.fx.GraphModule",
        "torch.nn.modules.module.functools",
        "torch.load",
        "lightning.pytorch.callbacks.LambdaCallback",
        "lightning.pytorch.loggers.WandbLogger",
        "torchmetrics.image.LearnedPerceptualImagePatchSimilarity",
        "torchmetrics.text.BERTScore",
        "torchvision.models.detection.fasterrcnn_resnet50_fpn",
        "torchvision.transforms.v2.Lambda",
        "os.system",
        "",
    ],
)
def test_anything_else_is_not(name: str) -> None:
    assert find_allowed(name) is None


def test_nothing_else_is_imported() -> None:
    before = set(sys.modules)
    assert find_allowed("antigravity.x") is None
    assert find_allowed("tests.hostile.VERBS") is None
    assert set(sys.modules) == before


def test_slow_packages_are_listed_only_if_needed() -> None:
    assert not any(name.startswith("torchmetrics.") for name in allowed_names([]))
    needed = allowed_names(["torchmetrics.Accuracy"])
    assert "torchmetrics.Accuracy" in needed
