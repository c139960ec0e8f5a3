from pathlib import Path
from types import SimpleNamespace as Fake

import pytest
import yaml
from lightning.pytorch import Callback
from torch.optim.lr_scheduler import LRScheduler

from src.engine.checkpoints.checkpoint_file import read_checkpoint
from src.engine.exact.apply_changes import ApplyChanges
from src.engine.records.changes import Change
from src.train import main
from tests.conftest import Train
from tests.test_exact_resume import curves

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


def test_setting_that_cannot_take_effect_is_refused() -> None:
    trainer = Fake(optimizers=[Fake(param_groups=[{"lr": 1}])], lr_scheduler_configs=[])
    with pytest.raises(ValueError, match=r"--model\.optimizer\.foo cannot change"):
        ApplyChanges([Change("model.optimizer.foo", 1, 2)]).on_train_start(trainer, None)


def trainer_of(groups: list[dict], *schedulers: object, **more) -> Fake:
    configs = [Fake(scheduler=scheduler) for scheduler in schedulers]
    optimizers = [Fake(param_groups=[group]) for group in groups]
    return Fake(**{"optimizers": optimizers, "lr_scheduler_configs": configs} | more)


def apply(trainer: Fake, *changed: tuple) -> None:
    ApplyChanges([Change(*each) for each in changed]).on_train_start(trainer, None)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"lr": 0.1}, {"lr": 0.5}),
        ({"lr": 0.05, "initial_lr": 0.1}, {"lr": 0.25, "initial_lr": 0.5}),
        ({"lr": 0.0, "initial_lr": 0.0}, {"lr": 0.5, "initial_lr": 0.5}),
        ({"lr": 0.0}, {"lr": 0.5}),
    ],
)
def test_rate_is_scaled_as_its_schedule_has_it(before: dict, after: dict) -> None:
    scheduler = object.__new__(LRScheduler)
    scheduler.base_lrs = [0.1, 0.1]
    groups = [dict(before), dict(before)]
    apply(trainer_of(groups, scheduler, Fake(base_lrs=[1])), ("model.optimizer.lr", 0.1, 0.5))
    assert groups == [pytest.approx(after)] * 2
    assert scheduler.base_lrs == [0.5, 0.5]


def test_settings_of_optimizer_and_schedule_are_set() -> None:
    groups, scheduler = [{"betas": (0.9, 0.99), "decay": 0}], Fake(gamma=0.1)
    apply(
        trainer_of(groups, scheduler),
        ("model.optimizer.betas", [0.9, 0.99], [0.5, 0.6]),
        ("model.optimizer.decay", 0, 1),
        ("model.scheduler.gamma", 0.1, 0.2),
        ("data.num_workers", 0, 1),
    )
    assert groups == [{"betas": (0.5, 0.6), "decay": 1}]
    assert scheduler.gamma == 0.2
    with pytest.raises(ValueError, match=r"^--model\.scheduler\.x cannot change in the middle of"):
        apply(trainer_of([], scheduler), ("model.scheduler.x", 1, 2))


class Stopper(Callback):
    def __init__(self) -> None:
        self.patience, self.mode = 3, "saved"


def test_callback_gets_what_the_command_changes_alone() -> None:
    one, other = Stopper(), Callback()
    name = "a.b.Stopper"
    before = [{"class_path": name, "init_args": {"patience": 3, "mode": "min"}}]
    now = [{"class_path": "a.Other"}]
    now += [{"class_path": name, "init_args": {"patience": 5, "mode": "min", "unknown": 1}}]
    apply(trainer_of([], callbacks=[other, one]), ("trainer.callbacks", before, now))
    assert vars(one) == {"patience": 5, "mode": "saved"}
    assert vars(other) == {}
    apply(trainer_of([], callbacks=[one]), ("trainer.callbacks", True, now))
    assert one.mode == "min"
    apply(trainer_of([], callbacks=[one]), ("trainer.callbacks", now, None))
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
