import json
from pathlib import Path

import pytest
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import (
    EarlyStopping,
    LearningRateFinder,
    ModelCheckpoint,
    TQDMProgressBar,
)
from lightning.pytorch.demos.boring_classes import BoringModel

from src.engine.checkpoints.best_checkpoint import BestCheckpoint
from src.engine.checkpoints.last_checkpoint import LastCheckpoint
from src.engine.exact.safe_point import SafePoint
from src.engine.records.ledger import looks
from src.engine.records.run_record import RunRecord
from src.engine.training.callbacks import add_callbacks, arrange
from src.engine.training.cli import TrainCLI
from src.train import DEFAULT, main
from tests.conftest import Train


def test_run_writes_what_lists_show(train: Train) -> None:
    train("--trainer.max_epochs=1", "--group=mine", "--seed_everything=5")
    overview = json.loads(Path("lightning_logs/version_0/run.json").read_text())
    assert (overview["group"], overview["seed"]) == ("mine", 5)
    assert overview["changed"]["trainer.max_epochs"] == 1
    assert overview["changed"]["data.batch_size"] == 20
    assert "seed_everything" not in overview["changed"]
    main(["--ckpt_path=last", "--trainer.max_epochs=2"])
    again = json.loads(Path("lightning_logs/version_0/run.json").read_text())
    assert again["group"] == "mine"
    assert again["began"] == overview["began"]
    assert again["changed"].get("trainer.max_epochs") is None


def test_seed_that_is_drawn_is_the_one_recorded(train: Train) -> None:
    train("--trainer.max_epochs=1", "--seed_everything=true")
    train("--trainer.max_epochs=1", "--seed_everything=true")
    first, second = RunRecord.all(Path())
    assert first.seed != second.seed
    assert first.seed == first.settings["seed_everything"]
    assert first.config == second.config


def test_each_test_is_a_look(train: Train) -> None:
    metrics = train("--trainer.max_epochs=1")
    train("--trainer.max_epochs=1", "--test=false")
    (look,) = looks(Path())
    assert look["metrics"]["test/acc"] == metrics["test/acc"]
    assert (look["run"], look["seed"], look["by"]) == ("version_0", 0, "src.train")
    assert look["config"] == RunRecord.find("version_0").config


def test_run_without_a_test_has_its_best_state_and_no_test_result(train: Train) -> None:
    metrics = train("--trainer.max_epochs=2", "--test=false")
    assert "val/acc_best" in metrics
    assert not any(name.startswith("test/") for name in metrics)
    assert Path("checkpoints/version_0/model.pt").is_file()


def names(trainer: Trainer) -> list[str]:
    return [type(callback).__name__ for callback in trainer.callbacks]


def test_state_is_saved_before_other_callbacks_act() -> None:
    best, last = BestCheckpoint(), LastCheckpoint()
    trainer = Trainer(accelerator="cpu", logger=False, callbacks=[best, last])
    arrange(trainer, best, last, actions=[act])
    first = trainer.callbacks[0]
    assert isinstance(first, SafePoint)
    called = [action.__name__ for action in (first.at_once, *first.actions)]
    assert called == ["save_if_validated", "save_if_due", "stop_if_told", "act"]


def act(trainer: Trainer, in_epoch: bool) -> None:
    raise AssertionError


def test_nothing_is_saved_without_checkpointing() -> None:
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    arrange(trainer, BestCheckpoint(), LastCheckpoint())
    assert [action.__name__ for action in trainer.callbacks[0].actions] == ["stop_if_told"]
    assert trainer.callbacks[0].at_once is None


def test_each_callback_has_its_place(finished: Train, monkeypatch) -> None:
    seen = []
    finished("--trainer.max_epochs=1")
    monkeypatch.setattr(TrainCLI, "fit", lambda cli: seen.append(names(cli.trainer)))
    monkeypatch.setattr(TrainCLI, "test", lambda cli: None)
    monkeypatch.setattr("src.engine.training.result.finish", lambda *_: "")
    main(["--ckpt_path=last", "--trainer.max_epochs=2", "--target=val/acc=0.9"])
    main(["--trainer.fast_dev_run=true"])
    exact = ["SafePoint", "ExactDataLoaders", "StepSeed", "EpochMetrics", "PlateauSteps"]
    first = [
        "KnownMetrics",
        *exact,
        "Flags",
        "ApplyChanges",
        "ModuleState",
        "FiniteGuard",
        "GracefulStop",
    ]
    writing = ["SaveConfig", "Heartbeat", "Target"]
    assert [each[: len(first)] for each in seen] == [first, first]
    assert seen[0][-3:] == writing
    assert not set(writing) & set(seen[1])


class Bringing(BoringModel):
    """A module that brings its callbacks along, as they are named here."""

    kinds = "stop"

    def configure_callbacks(self) -> list[Callback] | Callback:
        made = {"stop": EarlyStopping("x"), "bar": TQDMProgressBar(), "lr": MyFinder()}
        found = [made[kind] for kind in self.kinds.split()]
        assert self.trainer.max_epochs == 2
        return found[0] if len(found) == 1 else found


class MyFinder(LearningRateFinder):
    """One of the user's."""


def bring(kinds: str, *given: Callback) -> tuple[Trainer, list[Callback], BoringModel]:
    module = Bringing()
    module.kinds = kinds
    trainer = Trainer(accelerator="cpu", logger=False, max_epochs=2, callbacks=[*given])
    return trainer, add_callbacks(trainer, module), module


def test_callbacks_of_a_module_take_their_place_once() -> None:
    trainer, (stop,), module = bring("stop", EarlyStopping("y"), Callback())
    assert [each for each in trainer.callbacks if isinstance(each, EarlyStopping)] == [stop]
    assert names(trainer)[0] == "Callback"
    assert isinstance(trainer.callbacks[-1], ModelCheckpoint)
    assert module.configure_callbacks() == []


def test_bar_of_a_module_stays(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Bringing, "kinds", "stop bar")
    words = [f"--model={__name__}.Bringing", "--trainer.max_epochs=2"]
    cli = TrainCLI(DEFAULT, words)
    assert type(cli.trainer.progress_bar_callback) is TQDMProgressBar
    order = names(cli.trainer)
    assert order.index("GracefulStop") < order.index("EarlyStopping") < order.index("SaveConfig")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("--trainer.callbacks=BatchSizeFinder", "BatchSizeFinder changes a .* --data.batch_size"),
        ("--trainer.callbacks=LearningRateFinder", "LearningRateFinder changes .* src.sweep"),
        (f"--model={__name__}.Bringing", "MyFinder changes a setting after it has been recorded"),
    ],
)
def test_callback_that_changes_what_is_recorded_is_refused(
    word: str, said: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Bringing, "kinds", "lr")
    boring = f"--model={BoringModel.__module__}.BoringModel"
    with pytest.raises(ValueError, match=said):
        TrainCLI(DEFAULT, [boring, "--trainer.max_epochs=2", word])
    assert not list(tmp_path.iterdir())
