from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace as Fake

import pytest
import torch
import yaml
from lightning.pytorch import Callback
from lightning.pytorch.demos.boring_classes import BoringModel
from torch.optim.lr_scheduler import ConstantLR, MultiStepLR, SequentialLR

from src.engine.checkpoints.checkpoint_file import read_checkpoint
from src.engine.console.failure import UsageError
from src.engine.exact.apply_changes import ApplyChanges
from src.engine.records.changes import Change
from src.train import main
from tests.conftest import Train
from tests.test_exact_resume import curves


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


MORE = ["--ckpt_path=last", "--trainer.max_epochs=2"]


def optimizer() -> dict:
    return read_checkpoint("checkpoints/version_0/last.ckpt")["optimizer_states"][0][
        "param_groups"
    ][0]


def test_learning_rate_of_the_command_wins(train: Train) -> None:
    train("--trainer.max_epochs=1", "--model.scheduler=null")
    main([*MORE, "--model.optimizer.lr=0.25", "--model.optimizer.betas=[0.5, 0.6]"])
    assert optimizer()["lr"] == 0.25
    assert optimizer()["betas"] == (0.5, 0.6)
    assert {value for step, value in curves()["train/lr"] if step > 11} == {0.25}
    config = yaml.safe_load(Path("lightning_logs/version_0/config.yaml").read_text())
    assert config["model"]["init_args"]["optimizer"]["init_args"]["lr"] == 0.25


def test_schedule_takes_the_new_rate_and_its_own_settings(train: Train) -> None:
    step_lr = "--model.scheduler=StepLR", "--model.scheduler.step_size=1"
    train("--trainer.max_epochs=1", *step_lr)
    main([*MORE, "--model.optimizer.lr=0.5", "--model.scheduler.gamma=0.5"])
    # A tenth after the first epoch, by the old gamma; half of that after the second.
    assert optimizer()["lr"] == pytest.approx(0.5 * 0.1 * 0.5)


def trainer_of(*groups: dict, schedulers: Sequence[object] = (), **more) -> Fake:
    configs = [Fake(scheduler=scheduler) for scheduler in schedulers]
    optimizers = [Fake(param_groups=[group]) for group in groups]
    return Fake(**{"optimizers": optimizers, "lr_scheduler_configs": configs} | more)


def go_on(before: dict, now: dict, saved: dict, *changed: tuple) -> dict:
    """Let a run, whose optimizer was configured as `before`, go on configured as `now`."""
    content: dict = {}
    first = ApplyChanges()
    first.on_fit_start(trainer_of({"params": [], **before}), None)
    first.on_save_checkpoint(None, None, content)
    callback = ApplyChanges([Change(*each) for each in changed or [("model.x", 1, 2)]])
    callback.on_load_checkpoint(Fake(training=True), None, content)
    callback.on_fit_start(trainer_of({"params": [], **now}), None)
    callback.on_train_start(trainer_of(saved), None)
    return saved


def test_setting_that_cannot_take_effect_is_refused() -> None:
    for name in ("model.optimizer.foo", "model.scheduler.x"):
        with pytest.raises(UsageError, match=f"^--{name} cannot change in the middle of a run: "):
            go_on({"lr": 1}, {"lr": 1}, {"lr": 1}, (name, 1, 2))


def test_change_that_no_older_checkpoint_can_judge_is_refused() -> None:
    callback = ApplyChanges([Change("model.lr", 1, 2)])
    callback.on_load_checkpoint(Fake(training=True), None, {})
    with pytest.raises(UsageError, match=r"^--model\.lr .* a run, which an older version began"):
        callback.on_train_start(trainer_of({"lr": 1}), None)


@pytest.mark.parametrize(
    ("before", "now", "saved", "after"),
    [
        ({"lr": 0.1}, {"lr": 0.5}, {"lr": 0.1}, {"lr": 0.5}),
        ({"lr": 0.1}, {"lr": 0.5}, {"lr": 0.02}, {"lr": 0.1}),  # a module that moved it itself
        (
            {"lr": 0.1, "initial_lr": 0.1},
            {"lr": 0.5, "initial_lr": 0.5},
            {"lr": 0.05, "initial_lr": 0.1},
            {"lr": 0.25, "initial_lr": 0.5},
        ),
        (
            {"lr": 0.0, "initial_lr": 0.1},  # a schedule that begins at zero
            {"lr": 0.0, "initial_lr": 0.2},
            {"lr": 0.1, "initial_lr": 0.1},
            {"lr": 0.2, "initial_lr": 0.2},
        ),
        ({"lr": 0.0}, {"lr": 0.5}, {"lr": 0.0}, {"lr": 0.5}),
        ({"lr": 0.1}, {"lr": 0.1}, {"lr": 0.02}, {"lr": 0.02}),
    ],
)
def test_rate_is_scaled_as_its_schedule_has_it(
    before: dict, now: dict, saved: dict, after: dict
) -> None:
    assert go_on(before, now, saved) == pytest.approx(after)


def test_only_settings_that_were_configured_otherwise_are_set() -> None:
    before, now = {"betas": (0.9, 0.99), "decay": 0}, {"betas": (0.5, 0.6), "decay": 0, "fn": print}
    saved = {"betas": (0.9, 0.99), "decay": 0.3, "fn": None}
    assert go_on(before, now, {**saved}) == saved | {"betas": (0.5, 0.6)}
    assert go_on(before, now, {**saved}, ("trainer.max_epochs", 1, 2)) == saved


class Net(BoringModel):
    """A module with names of its own for what it gives to optimizer and schedules."""

    def __init__(self, speed: float = 0.1, first: int = 2, drops: Sequence[int] = (50,)) -> None:
        super().__init__()
        self.speed, self.first, self.drops = speed, first, drops

    def configure_optimizers(self) -> dict:
        optimizer = torch.optim.SGD(self.parameters(), lr=torch.tensor(self.speed))
        constant = ConstantLR(optimizer, 1, 1)
        later = MultiStepLR(optimizer, self.drops, gamma=0.5)
        schedule = SequentialLR(optimizer, [constant, later], [self.first])
        return {"optimizer": optimizer, "lr_scheduler": schedule}


@pytest.mark.usefixtures("empty")
def test_settings_of_any_module_reach_optimizer_and_schedules() -> None:
    words = ["--trainer.limit_train_batches=1", "--trainer.logger=false"]
    main([f"--model={__name__}.Net", "--trainer.max_epochs=1", *words])
    main([*MORE, "--model.speed=0.5", "--model.drops=[0,1]", "--trainer.max_epochs=5"])
    content = read_checkpoint("checkpoints/version_0/last.ckpt")
    (saved,) = content["lr_schedulers"]
    assert dict(saved["_schedulers"][1]["milestones"]) == {0: 1, 1: 1}
    assert float(optimizer()["lr"]) == 0.5 * 0.5**2


class Stopper(Callback):
    def __init__(self) -> None:
        self.patience, self.mode = 3, "saved"


def apply(trainer: Fake, *changed: tuple) -> None:
    ApplyChanges([Change(*each) for each in changed]).on_train_start(trainer, None)


def test_callback_gets_what_the_command_changes_alone() -> None:
    one, other = Stopper(), Callback()
    name = "a.b.Stopper"
    before = [{"class_path": name, "init_args": {"patience": 3, "mode": "min"}}]
    now = [{"class_path": "a.Other"}]
    now += [{"class_path": name, "init_args": {"patience": 5, "mode": "min", "unknown": 1}}]
    apply(trainer_of(callbacks=[other, one]), ("trainer.callbacks", before, now))
    assert vars(one) == {"patience": 5, "mode": "saved"}
    assert vars(other) == {}
    apply(trainer_of(callbacks=[one]), ("trainer.callbacks", True, now))
    assert one.mode == "min"
    apply(trainer_of(callbacks=[one]), ("trainer.callbacks", now, None))
    assert one.mode == "min"


@pytest.mark.parametrize(
    ("training", "ended", "changed", "stops"),
    [
        (True, True, [], True),
        (True, False, [], False),
        (True, None, [], False),
        (True, True, [Change("trainer.max_epochs", 1, 2)], False),
        (False, True, [], "unset"),
    ],
)
def test_run_that_ended_by_itself_has_ended_unless_its_end_moves(
    training: bool, ended: bool | None, changed: list[Change], stops: object
) -> None:
    trainer = Fake(training=training, should_stop="unset")
    content = {} if ended is None else {"ended": ended}
    ApplyChanges(changed).on_load_checkpoint(trainer, None, content)
    assert trainer.should_stop == stops
