from pathlib import Path
from types import SimpleNamespace as Fake

import pytest
import yaml

from src.experiment.apply_changes import ApplyChanges
from src.experiment.changes import Change
from src.experiment.checkpoint_file import read_checkpoint
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
