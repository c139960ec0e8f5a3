"""Which value of a metric is best, and who must know it."""

import json
from pathlib import Path
from types import SimpleNamespace as Fake
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.demos.boring_classes import BoringModel
from torch import Tensor
from torch.utils.data import DataLoader
from torchmetrics import MeanAbsoluteError, MeanSquaredError, MetricCollection, R2Score, SumMetric

from src.engine.checkpoints.checkpoint_file import read_checkpoint
from src.engine.records.known_metrics import KnownMetrics, validated
from src.engine.records.metric import Metric
from src.tasks import ClassificationTask
from src.train import main
from tests.bare_trainer import bare_trainer
from tests.conftest import Train
from tests.test_train import refusal_of

RMSE = "--model=tests.rmse_task.RmseTask", "--trainer.max_epochs=2"
QUIET = "--trainer.enable_model_summary=false"
LOGS, STATES = Path("lightning_logs/version_0"), Path("checkpoints/version_0")


class Judged(LightningModule):
    """Logs metrics in all ways that Lightning has."""

    def __init__(self) -> None:
        super().__init__()
        self.rmse = MeanSquaredError(squared=False)
        self.both = MetricCollection({"r2": R2Score(), "mae": MeanAbsoluteError()}, prefix="val/")
        self.sum = SumMetric()

    def validation_step(self, batch: Tensor, batch_idx: int, dataloader_idx: int = 0) -> None:
        self.log("train/loss", batch.sum())
        self.rmse(batch, 2 * batch)
        self.log("val/rmse", self.rmse, on_step=True, on_epoch=True)
        self.both(batch, 2 * batch)
        self.log_dict(self.both)
        self.sum(batch)
        self.log("val/sum", self.sum)


def loader() -> DataLoader:
    return DataLoader(torch.arange(6.0), batch_size=3)


@pytest.mark.parametrize("loaders", [1, 2])
def test_metric_that_is_logged_tells_which_value_is_best(loaders: int) -> None:
    known = KnownMetrics(task := Judged())
    trainer = bare_trainer(callbacks=[known])
    trainer.validate(task, [loader() for _ in range(loaders)], verbose=False)
    ending = "/dataloader_idx_1" if loaders > 1 else ""
    modes = {"val/rmse": "min", "val/rmse_epoch": "min", "val/r2": "max", "val/mae": "min"}
    for name, mode in modes.items():
        assert name + ending in trainer.callback_metrics
        assert known.get(name + ending) == Metric(name + ending, mode)
    assert known.get("val/sum" + ending) is known.get("train/loss") is known.headline is None


def test_task_tells_what_it_publishes() -> None:
    known = KnownMetrics(ClassificationTask)
    assert known.headline == known.get("val/acc") == Metric("val/acc", "max", "percent")
    name = "test/loss/dataloader_idx_0"
    assert known.get(name) == Metric(name, "min")
    assert known.get("val/f1") is None


def test_word_of_the_user_is_taken() -> None:
    known = KnownMetrics(ClassificationTask)
    known.say("val/f1", "max")
    known.say("val/acc", "max")
    assert known.get("val/f1") == Metric("val/f1", "max")
    assert known.get("val/acc").format == "percent"


def test_only_what_a_validation_logs_is_of_it() -> None:
    def result(name: str) -> Any:
        return Fake(meta=Fake(name=name), value=0)

    logged = {name: result(name) for name in ("x", "val_y")}
    names = ("x", "val_y/dataloader_idx_1", "val_z", "x_step")
    values = {name: torch.tensor(0.5) for name in names}
    trainer = Fake(_results=logged, callback_metrics=values)
    assert validated(trainer) == {"x": 0.5, "val_y/dataloader_idx_1": 0.5}
    assert validated(Fake(_results=None, callback_metrics=values)) == {}


def test_validations_of_any_task_are_kept(train: Train) -> None:
    train(*RMSE)
    (first, second) = json.loads((LOGS / "progress.json").read_text())["validations"]
    assert first.keys() == {"step", "epoch", "seconds", "samples", "val/rmse", "val/x"}
    assert second["val/rmse"] < first["val/rmse"]


UNKNOWN = "which value of val/x is best is not known: "


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--best.monitor=val/x"], f"{UNKNOWN}say --best.mode max or --best.mode min"),
        (["--target=val/x=1"], f"{UNKNOWN}write --target 'val/x<=1' or '>='"),
        (
            ["--best.monitor=val/rmse", "--best.mode=max"],
            "val/rmse was said to be best at its highest value, and the metric says at its lowest",
        ),
        (
            ["--target=val/rmse>=1"],
            "val/rmse was said to be best at its highest value, and the metric says at its lowest",
        ),
        (
            [
                "--trainer.callbacks=EarlyStopping",
                "--trainer.callbacks.monitor=val/rmse",
                "--trainer.callbacks.mode=max",
            ],
            "EarlyStopping watches val/rmse with mode max, and its lowest value is best: give it "
            "mode min",
        ),
    ],
)
def test_direction_is_not_guessed(train: Train, capsys, words: list[str], said: str) -> None:
    code, line = refusal_of(capsys, lambda: train(*RMSE, *words))
    assert (code, line) == (2, f"error: {said}")
    assert not LOGS.exists()
    assert not STATES.exists()


def test_direction_is_not_guessed_without_a_sanity_check(train: Train, capsys) -> None:
    words = "--best.monitor=val/x", "--trainer.num_sanity_val_steps=0"
    code, line = refusal_of(capsys, lambda: train(*RMSE, *words))
    assert (code, line) == (2, f"error: {UNKNOWN}say --best.mode max or --best.mode min")
    assert not STATES.exists()


UNLOGGED = "val/lss is not logged in validation, only val/acc, val/loss"
LATER = "; if it comes later, give --trainer.num_sanity_val_steps 0"
EARLY = "--trainer.callbacks=EarlyStopping --trainer.callbacks.monitor=val/lss"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--best.monitor=val/lss", f"--best.monitor {UNLOGGED}{LATER}"),
        ("--best.monitor=val/lss --trainer.num_sanity_val_steps=0", f"--best.monitor {UNLOGGED}"),
        ("--target=val/lss<=0", f"--target {UNLOGGED}{LATER}"),
        (EARLY, f"EarlyStopping: monitor {UNLOGGED}{LATER}"),
    ],
)
def test_metric_that_no_validation_logs_is_refused(train, capsys, words: str, said: str) -> None:
    code, line = refusal_of(capsys, lambda: train(*words.split()))
    assert (code, line) == (2, f"error: {said}")
    assert not LOGS.exists()
    assert not STATES.exists()


SILENT = "--model=lightning.pytorch.demos.boring_classes.BoringModel", "--trainer.max_epochs=1"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--best.monitor=val/lss", "--best.monitor val/lss"),
        ("--target=val/lss<=0", "--target val/lss"),
        (EARLY, "EarlyStopping: monitor val/lss"),
    ],
)
def test_metric_is_refused_where_nothing_is_logged(
    words: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    code, line = refusal_of(capsys, lambda: main([*SILENT, QUIET, *words.split()]))
    assert code == 2
    assert line.startswith(f"error: {said} is not logged")
    assert line.endswith(", nothing is")


class SilentAtFirst(BoringModel):
    def validation_step(self, batch: Any, batch_idx: int) -> Any:
        if not self.trainer.sanity_checking:
            self.log("val/x", 1.0)
        return super().validation_step(batch, batch_idx)


def test_module_may_keep_silent_in_the_sanity_check(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = f"--model={__name__}.SilentAtFirst"
    main([model, *SILENT[1:], QUIET, "--best.monitor=val/x", "--best.mode=max"])
    assert (STATES / "best.ckpt").is_file()


@pytest.mark.parametrize("name", ["EarlyStopping", "ModelCheckpoint", "--best.monitor"])
def test_metric_that_nobody_logs_is_refused_when_it_is_missed(train, capsys, name: str) -> None:
    own = f"--trainer.callbacks={name}", "--trainer.callbacks.monitor=lss"
    words = ["--best.monitor=lss"] if name.startswith("-") else own
    code, line = refusal_of(capsys, lambda: train("--trainer.max_epochs=1", *words))
    option = name if name.startswith("-") else f"{name}: monitor"
    logged = "train/acc, train/loss, train/lr, val/acc, val/loss"
    assert (code, line) == (2, f"error: {option} lss is not logged, only {logged}")


def test_checkpoint_of_the_user_that_misses_its_metric_says_so(train: Train) -> None:
    words = "--trainer.callbacks=ModelCheckpoint", "--trainer.callbacks.monitor=lss"
    with pytest.warns(UserWarning, match="'lss'.*could not find the monitored key"):
        train("--trainer.max_epochs=1", "--trainer.limit_val_batches=0", *words)


def test_target_of_any_metric_is_reached(train: Train) -> None:
    metrics = train(*RMSE, "--target=val/x>=12")
    assert (metrics["to_target_steps"], metrics["val/x"]) == (11, 12)
    metrics = train(*RMSE, "--target=val/rmse=100")
    assert metrics["to_target_steps"] == 11


WATCHERS = {
    "EarlyStopping": ["--trainer.callbacks=EarlyStopping", "--trainer.callbacks.monitor=val/acc"],
    "ModelCheckpoint": [
        "--trainer.callbacks=ModelCheckpoint",
        "--trainer.callbacks.monitor=val/acc",
        "--trainer.callbacks.filename=own",
    ],
    "ReduceLROnPlateau": [
        "--model.scheduler=lightning.pytorch.cli.ReduceLROnPlateau",
        "--model.scheduler.monitor=val/acc",
    ],
}


@pytest.mark.parametrize("watcher", WATCHERS)
def test_default_direction_of_a_watcher_is_refused_if_wrong(train, capsys, watcher: str) -> None:
    words = "--trainer.max_epochs=1", *WATCHERS[watcher]
    code, line = refusal_of(capsys, lambda: train(*words))
    assert (code, line) == (
        2,
        f"error: {watcher} watches val/acc with mode min, and its highest value is best: give it "
        "mode max",
    )
    assert not (LOGS / "progress.json").exists()
    assert not any(STATES.glob("*.ckpt"))


@pytest.mark.parametrize("watcher", WATCHERS)
def test_watcher_in_the_right_direction_trains(train: Train, watcher: str) -> None:
    where = "model.scheduler" if watcher == "ReduceLROnPlateau" else "trainer.callbacks"
    metrics = train("--trainer.max_epochs=1", *WATCHERS[watcher], f"--{where}.mode=max")
    assert metrics["epochs"] == 1


def test_direction_that_was_learned_is_kept_when_the_run_goes_on(train: Train) -> None:
    train(*RMSE, "--best.monitor=val/rmse")
    before = json.loads((LOGS / "run.json").read_text())
    assert (before["headline"], before["metrics"]["val/rmse"]["mode"]) == ("val/rmse", "min")
    main(["--ckpt_path=last", "--trainer.max_epochs=3", "--trainer.check_val_every_n_epoch=9"])
    again = json.loads((LOGS / "run.json").read_text())
    assert again["metrics"]["val/rmse"] == before["metrics"]["val/rmse"]  # no validation told it


def test_lowest_state_stays_the_best_when_the_run_goes_on(train: Train) -> None:
    best = train(*RMSE, "--best.monitor=val/rmse")["val/rmse_best"]
    main(["--ckpt_path=last", "--trainer.max_epochs=3", "--model.worse=true"])
    metrics = json.loads((LOGS / "metrics.json").read_text())
    assert metrics["val/rmse_best"] == best < metrics["val/rmse"]
    assert read_checkpoint(STATES / "best.ckpt")["global_step"] == 22
