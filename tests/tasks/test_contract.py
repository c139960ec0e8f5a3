"""What every task in `src.tasks` must do; each has its small case here."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor
from torch.utils.data import DataLoader

from src import tasks
from src.batch import Batch, TargetBatch
from src.compare import main as compare
from src.engine import Metric
from src.engine.records.ledger import looks
from src.evaluate import main as evaluate
from src.models import CNN
from src.train import main
from tests.bare_trainer import bare_trainer
from tests.conftest import Train
from tests.test_exact_resume import state, stop_at

TASKS = [
    item
    for item in vars(tasks).values()
    if isinstance(item, type) and issubclass(item, LightningModule)
]


ONE_LAYER = "--model.network=tests.one_layer.OneLayer"


class Case(NamedTuple):
    """A small case of a task: its network, what it learns, the loss of a guess, and a small run."""

    network: Callable[[], torch.nn.Module]
    batch: Callable[[Tensor, Tensor], Any]
    chance: float
    run: tuple[str, ...] = (ONE_LAYER, "--data=tests.tiny_mnist.TinyMNIST")
    settings: tuple[tuple[str, Any], ...] = ()


def numbers(image: Tensor, label: Tensor) -> TargetBatch:
    target = label.float().unsqueeze(1) - 4.5  # of mean 0
    return TargetBatch(image, target / target.square().mean().sqrt())


def several(image: Tensor, label: Tensor) -> TargetBatch:
    return TargetBatch(image, (label[:, None] % torch.arange(1, 11) == 0).long())  # what divides it


def masks(image: Tensor, label: Tensor) -> TargetBatch:
    return TargetBatch(image, label.view(-1, 1, 1).expand(-1, 28, 28))


def of_pixels() -> torch.nn.Module:
    """Give a network that says the same of all pixels of an image."""
    spread = torch.nn.Unflatten(1, (10, 1, 1)), torch.nn.Upsample(scale_factor=28)
    return torch.nn.Sequential(CNN(), *spread)


def tokens(_: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    return torch.arange(20).view(20, 1), label.view(20, 1)


def of_tokens() -> torch.nn.Module:
    """Give a network that knows one token, and at first gives all the same chance."""
    network = torch.nn.Sequential(torch.nn.Embedding(20, 512), torch.nn.Linear(512, 10))
    torch.nn.init.normal_(network[1].weight, std=0.01)
    return network


CLASSES = Case(CNN, Batch, math.log(10))
CASES = {
    "ClassificationTask": CLASSES,
    "FineTuningTask": CLASSES,
    "LanguageModelTask": Case(
        of_tokens,
        tokens,
        math.log(10),
        (
            *(
                "--model.network=CausalTransformer",
                "--model.network.width=8",
                "--model.network.depth=1",
            ),
            *("--data=TextDataModule", "--data.length=64", "--trainer.limit_train_batches=17"),
        ),
    ),
    "MultiLabelTask": Case(
        CNN, several, math.log(2), (ONE_LAYER, "--data=tests.tiny_several_mnist.TinySeveralMNIST")
    ),
    "RegressionTask": Case(
        lambda: CNN(num_classes=1),
        numbers,
        1.0,
        (ONE_LAYER, "--data=tests.tiny_turned_mnist.TinyTurnedMNIST"),
    ),
    "SegmentationTask": Case(
        of_pixels,
        masks,
        math.log(10),
        (
            *("--model.network=UNet", "--model.network.width=2", "--model.network.depth=1"),
            "--data=tests.tiny_cluttered_mnist.TinyClutteredMNIST",
        ),
        (("num_classes", 10),),
    ),
}


@pytest.fixture(params=TASKS, ids=lambda task: task.__name__)
def case(request: pytest.FixtureRequest, batch: Batch) -> tuple[LightningModule, Any, float]:
    """Make the task, its batch, and the loss that a guess has."""
    torch.manual_seed(0)
    found = CASES[request.param.__name__]
    task = request.param(network=found.network(), **dict(found.settings))
    return task, found.batch(*batch), found.chance


def fit(task: LightningModule, batch: Any, steps: int) -> Trainer:
    trainer = bare_trainer(log_every_n_steps=1)
    loader = DataLoader([batch] * steps, batch_size=None)
    trainer.fit(task, loader, DataLoader([batch], batch_size=None))
    return trainer


def names(task: Any) -> set[str]:
    return {metric.name for metric in (task.headline, *task.metrics)}


def test_first_loss_is_that_of_a_guess(case) -> None:
    task, batch, chance = case
    trainer = fit(task, batch, steps=1)
    assert trainer.logged_metrics["train/loss"].item() == pytest.approx(chance, rel=0.05)


def test_task_overfits_one_batch(case) -> None:
    task, batch, _ = case
    first, last = (fit(task, batch, steps).callback_metrics for steps in (1, 80))
    assert last["val/loss"].item() < 0.02
    headline = task.headline.of("val")
    values = [each[headline.name].item() for each in (first, last)]
    assert headline.better(*values[::-1])
    best = 1 if headline.mode == "max" or headline.name == "val/perplexity" else 0
    assert values[1] == pytest.approx(best, abs=0.15)


def test_every_parameter_is_trained(case) -> None:
    task, batch, _ = case
    task.training_step(batch, 0).backward()
    assert all(each.grad is not None and each.grad.any() for each in task.parameters())


def test_task_logs_its_metrics_of_each_split(case) -> None:
    task, batch, _ = case
    trainer = fit(task, batch, steps=1)
    for split in ("train", "val"):
        assert {f"{split}/{name}" for name in names(task)} <= set(trainer.callback_metrics)
    trainer.test(task, DataLoader([batch], batch_size=None), verbose=False)
    assert {f"test/{name}" for name in names(task)} == set(trainer.callback_metrics)


def test_test_tells_something_of_each_sample(case) -> None:
    task, batch, _ = case
    outputs = task.eval().test_step(batch, 0)
    assert outputs
    assert all(len(value) == len(batch[0]) for value in outputs.values())


def test_task_publishes_its_kind_and_headline(case) -> None:
    task, _, _ = case
    assert task.kind.isidentifier()
    assert isinstance(task.headline, Metric)
    assert not {metric.name for metric in task.metrics} & {task.headline.name}


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_run_continues_exactly_and_is_evaluated(task, train: Train, monkeypatch, capsys) -> None:
    words = [f"--model={task.__name__}", *CASES[task.__name__].run, "--trainer.max_epochs=2"]
    metrics = train(*words)
    with stop_at(monkeypatch, 14, task=task):
        train(*words)
    main(["--ckpt_path=last"])
    assert state(1) == state(0)
    capsys.readouterr()
    evaluate(["checkpoints/version_0"])
    name = task.headline.of("test").name
    (look,) = [each for each in looks(Path()) if each["by"] == "src.evaluate"]
    assert look["metrics"][name] == pytest.approx(metrics[name], rel=1e-5)
    capsys.readouterr()
    compare(["version_0", "version_1"])
    assert "For these very networks, version_1 minus version_0 is 0" in capsys.readouterr().out


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_training_ends_where_the_headline_is_good_enough(task, train: Train) -> None:
    words = [f"--model={task.__name__}", *CASES[task.__name__].run, "--trainer.max_epochs=9"]
    easy = 1000 if task.headline.mode == "min" else 1e-4
    name = task.headline.of("val").name
    metrics = train(*words, f"--target={name}={easy}", f"--best.monitor={name}")
    assert metrics["epochs"] == 1
    assert f"{name}_best" in metrics
