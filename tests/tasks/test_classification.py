from functools import partial

import pytest
import torch
from lightning.pytorch import Callback, LightningDataModule
from lightning.pytorch.callbacks import ModelPruning
from lightning.pytorch.cli import ReduceLROnPlateau
from lightning.pytorch.loggers.logger import DummyLogger
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader

from src.batch import Batch
from src.models import CNN
from src.tasks import ClassificationTask, OneCycle
from tests.bare_trainer import bare_trainer
from tests.conftest import Train


class Recorder(Callback):
    """Keep what was logged after each batch, and the learning rate."""

    def __init__(self) -> None:
        self.logged: list[dict[str, float]] = []
        self.lr: list[float] = []

    def on_train_batch_start(self, trainer, *args) -> None:
        self.lr.append(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_epoch_end(self, trainer, *args) -> None:
        self.logged.append({key: float(value) for key, value in trainer.logged_metrics.items()})


def fit(task: ClassificationTask, batches: list[Batch], callbacks=(), **settings) -> Recorder:
    recorder = Recorder()
    settings = {"log_every_n_steps": 50, **settings}
    trainer = bare_trainer(callbacks=[recorder, *callbacks], **settings)
    trainer.fit(task, DataLoader(batches, batch_size=None), DataLoader(batches, batch_size=None))
    return recorder


def sgd(lr: float) -> partial:
    return partial(torch.optim.SGD, lr=lr)


def test_train_metrics_are_means_over_images(batch: Batch) -> None:
    task = ClassificationTask(CNN(), optimizer=sgd(0.0))
    small = Batch(batch.image[:5], batch.label[:5])
    fit(task, [batch, small])
    both = Batch(torch.cat([batch.image, small.image]), torch.cat([batch.label, small.label]))
    logits = task(both.image)
    expected = torch.nn.functional.cross_entropy(logits, both.label)
    logged = task.trainer.callback_metrics
    torch.testing.assert_close(logged["train/loss"], expected)
    accuracy = (logits.argmax(1) == both.label).float().mean()
    torch.testing.assert_close(logged["train/acc"], accuracy)
    torch.testing.assert_close(logged["val/loss"], expected)


def test_optimizer_that_computes_a_step_many_times_counts_it_once(batch: Batch) -> None:
    torch.manual_seed(0)
    task = ClassificationTask(CNN(), optimizer=partial(torch.optim.LBFGS, max_iter=4))
    before = torch.nn.functional.cross_entropy(task(batch.image), batch.label)
    fit(task, [batch])
    logged = task.trainer.callback_metrics
    torch.testing.assert_close(logged["train/loss"], before)
    assert logged["val/loss"] < before


def test_weights_are_pruned(batch: Batch) -> None:
    task = ClassificationTask(CNN(), optimizer=sgd(0.1))
    pruning = ModelPruning("l1_unstructured", amount=0.5, make_pruning_permanent=True)
    fit(task, [batch], callbacks=[pruning])
    weights = [value for name, value in task.named_parameters() if name.endswith("weight")]
    zeros = sum(int((weight == 0).sum()) for weight in weights)
    assert zeros / sum(map(torch.numel, weights)) == pytest.approx(0.5, abs=0.01)


def test_label_smoothing_changes_training_loss_only(batch: Batch) -> None:
    task = ClassificationTask(CNN(), optimizer=sgd(0.0), label_smoothing=0.5)
    fit(task, [batch])
    logged, logits = task.trainer.callback_metrics, task(batch.image)
    smooth = torch.nn.functional.cross_entropy(logits, batch.label, label_smoothing=0.5)
    torch.testing.assert_close(logged["train/loss"], smooth)
    torch.testing.assert_close(
        logged["val/loss"], torch.nn.functional.cross_entropy(logits, batch.label)
    )


@pytest.mark.parametrize("balanced", [True, False])
def test_class_weight_changes_training_loss_only(batch: Batch, balanced: bool) -> None:
    count = torch.arange(10)  # of one class there is nothing
    weight = 45 / (10 * count.clamp(min=1))
    given = "balanced" if balanced else weight.tolist()
    task = ClassificationTask(CNN(), optimizer=sgd(0.0), class_weight=given)
    loader = DataLoader([batch], batch_size=None)
    data = LightningDataModule.from_datasets()
    data.train_dataloader, data.val_dataloader, data.class_counts = (
        lambda: loader,
        lambda: loader,
        count,
    )
    bare_trainer().fit(task, data)
    logged, logits = task.trainer.callback_metrics, task(batch.image)
    cross_entropy = torch.nn.functional.cross_entropy
    torch.testing.assert_close(logged["train/loss"], cross_entropy(logits, batch.label, weight))
    torch.testing.assert_close(logged["val/loss"], cross_entropy(logits, batch.label))
    assert "loss_fn.weight" not in task.state_dict()


@pytest.mark.parametrize("sampler", [True, False])
def test_classes_that_are_balanced_twice_are_told(batch: Batch, capsys, sampler: bool) -> None:
    data = LightningDataModule.from_datasets()
    loader = DataLoader([batch], batch_size=None)
    data.train_dataloader, data.val_dataloader = lambda: loader, lambda: loader
    data.class_counts, data.balanced_sampler = torch.arange(10), sampler
    bare_trainer().fit(ClassificationTask(CNN(), class_weight="balanced"), data)
    assert ("corrected twice" in capsys.readouterr().err) == sampler


def test_balanced_weights_without_counts_are_refused(batch: Batch) -> None:
    with pytest.raises(ValueError, match="needs a data module that publishes class_counts"):
        fit(ClassificationTask(CNN(), class_weight="balanced"), [batch])


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({"max_epochs": 2}, 8),
        ({"max_epochs": 2, "accumulate_grad_batches": 3}, 4),
        ({"max_epochs": 2, "max_steps": 5}, 5),
        ({"max_epochs": 2, "limit_train_batches": 3}, 6),
    ],
)
def test_one_cycle_ends_with_the_training(batch: Batch, settings: dict, steps: int) -> None:
    cycle = partial(OneCycle, warmup=0.0, end=0.0, anneal="linear")
    task = ClassificationTask(CNN(), optimizer=sgd(0.8), scheduler=cycle)
    recorder = fit(task, [batch] * 4, **settings)
    assert task.trainer.global_step == steps
    assert task.lr_schedulers().get_last_lr() == [pytest.approx(0.0)]
    assert max(recorder.lr) == 0.8


def test_one_cycle_without_an_end_is_refused(batch: Batch) -> None:
    task = ClassificationTask(CNN(), scheduler=OneCycle)
    with pytest.raises(ValueError, match="OneCycle must know the end"):
        fit(task, [batch], max_epochs=-1)


def test_other_schedulers_step_once_an_epoch(batch: Batch) -> None:
    halve = partial(torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.5)
    task = ClassificationTask(CNN(), optimizer=sgd(0.8), scheduler=halve)
    recorder = fit(task, [batch] * 2, max_epochs=2)
    assert recorder.lr == [0.8, 0.8, 0.4, 0.4]


def test_scheduler_may_step_with_every_batch(batch: Batch) -> None:
    halve = partial(torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.5)
    task = ClassificationTask(CNN(), optimizer=sgd(0.8), scheduler=halve, scheduler_interval="step")
    assert fit(task, [batch] * 3).lr == [0.8, 0.4, 0.2]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("OneCycleLR", {"max_lr": 0.8, "total_steps": 4}),
        ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.8, "step_size_up": 2}),
    ],
)
def test_schedule_that_counts_steps_steps_with_every_batch(
    kind: str, options: dict[str, float], batch: Batch
) -> None:
    scheduler = partial(getattr(torch.optim.lr_scheduler, kind), cycle_momentum=False, **options)
    task = ClassificationTask(CNN(), optimizer=sgd(0.1), scheduler=scheduler)
    assert len(set(fit(task, [batch] * 3).lr)) == 3


def test_plateau_scheduler_watches_the_validation_loss(batch: Batch) -> None:
    plateau = partial(torch.optim.lr_scheduler.ReduceLROnPlateau, patience=0, eps=0.0)
    task = ClassificationTask(CNN(), optimizer=sgd(1e-20), scheduler=plateau)
    assert fit(task, [batch], max_epochs=3).lr == pytest.approx([1e-20, 1e-20, 1e-21])


def test_plateau_scheduler_may_watch_another_metric() -> None:
    task = ClassificationTask(CNN(), scheduler=partial(ReduceLROnPlateau, monitor="val/acc"))
    assert task.configure_optimizers()["lr_scheduler"]["monitor"] == "val/acc"


@pytest.mark.parametrize(
    ("kind", "name"), [("StepLR", "step_size"), ("CosineAnnealingLR", "T_max")]
)
def test_schedule_that_would_divide_by_zero_is_refused(kind: str, name: str) -> None:
    scheduler = partial(getattr(torch.optim.lr_scheduler, kind), **{name: 0})
    with pytest.raises(ValueError, match=f"^{name} must be at least 1, got 0$"):
        ClassificationTask(CNN(), scheduler=scheduler).configure_optimizers()


def test_task_says_what_its_training_loss_includes() -> None:
    assert ClassificationTask(CNN()).curve_notes == {}
    smooth = ClassificationTask(CNN(), label_smoothing=0.1, class_weight=[1.0, 2.0]).curve_notes
    assert smooth["train/loss"].startswith("includes label smoothing and class weights, val/loss")
    weighted = ClassificationTask(CNN(), class_weight="balanced").curve_notes["train/loss"]
    assert weighted.startswith("includes class weights, val/loss does not")


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_impossible_label_smoothing_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=r"label_smoothing must be in \[0, 1\]"):
        ClassificationTask(CNN(), label_smoothing=share)


class Memory(DummyLogger):
    """Keep what reaches the logger."""

    def __init__(self) -> None:
        super().__init__()
        self.loss: list[float] = []
        self.lr: list[float] = []

    def log_metrics(self, metrics: dict, *args, **kwargs) -> None:
        self.loss += [metrics["train/loss"]] if "train/loss" in metrics else []
        self.lr += [metrics["train/lr"]] if "train/lr" in metrics else []


@pytest.mark.parametrize(
    ("every", "expected"), [(1, [0.8, 0.6, 0.4, 0.2]), (2, [0.6, 0.2]), (3, [0.4]), (0, [])]
)
def test_logged_learning_rate_is_that_of_the_step(batch: Batch, every: int, expected) -> None:
    cycle, memory = partial(OneCycle, warmup=0.0, anneal="linear"), Memory()
    task = ClassificationTask(CNN(), optimizer=sgd(0.8), scheduler=cycle)
    fit(task, [batch] * 4, logger=memory, log_every_n_steps=every)
    assert memory.lr == pytest.approx(expected)


@pytest.mark.parametrize(("every", "accumulate"), [(1, 1), (2, 1), (1, 2), (3, 1), (2, 2)])
def test_each_image_counts_once_in_what_is_logged(
    batch: Batch, every: int, accumulate: int
) -> None:
    task, memory = ClassificationTask(CNN(), optimizer=sgd(0.0)), Memory()
    batches = [Batch(batch.image * scale, batch.label) for scale in range(8)]
    settings = {"log_every_n_steps": every, "accumulate_grad_batches": accumulate}
    fit(task, batches, logger=memory, **settings)
    window = every * accumulate
    losses = [torch.nn.functional.cross_entropy(task(b.image), b.label).item() for b in batches]
    parts = [losses[start : start + window] for start in range(0, 8, window)]
    assert memory.loss == pytest.approx([sum(part) / len(part) for part in parts], rel=1e-4)


class NoWaiting(TorchDispatchMode):
    """Refuse to bring a value from the device to Python, which would wait for the device."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert func is not torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


def test_training_step_never_waits_for_the_device(batch: Batch) -> None:
    task = ClassificationTask(CNN())
    with NoWaiting():
        task.training_step(batch, 0)
    assert task.train_metrics.compute()["loss"] > 0


def test_default_optimizer_is_adam_of_the_notebook() -> None:
    optimizer = ClassificationTask(CNN()).configure_optimizers()
    assert isinstance(optimizer, torch.optim.Adam)
    assert optimizer.defaults["lr"] == 0.001


@pytest.mark.slow
def test_compiled_network_learns_the_same(batch: Batch) -> None:
    small = Batch(batch.image[:5], batch.label[:5])
    states = []
    for mode in (None, "default"):
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Flatten(), nn.Linear(784, 4), nn.BatchNorm1d(4), nn.Linear(4, 10)
        )
        task = ClassificationTask(network, optimizer=sgd(0.1), compile=mode)
        fit(task, [batch, small])
        states.append(task.state_dict())
        assert (task.network._compiled_call_impl is not None) == bool(mode)
    torch.testing.assert_close(*states)  # names, too


@pytest.mark.parametrize("weight", [[1.0, -1.0], [0.0, 1.0], [float("nan"), 1.0]])
def test_weight_of_a_class_is_above_zero(weight: list[float]) -> None:
    with pytest.raises(ValueError, match="class_weight must be finite and above 0"):
        ClassificationTask(CNN(), class_weight=weight)


def test_each_class_has_a_weight(train: Train, capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        train("--model.class_weight=[1.0,2.0]")
    assert stop.value.code == 2
    assert "error: class_weight has 2 weights for 10 classes" in capsys.readouterr().err
