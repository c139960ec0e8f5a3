import copy
import json
import os
from enum import StrEnum
from pathlib import Path
from types import SimpleNamespace as Fake

import pytest
from jsonargparse import ActionConfigFile
from lightning.pytorch.callbacks import Timer

from src.engine.checkpoints.best_checkpoint import BestCheckpoint
from src.engine.console.parser import OneLineParser
from src.engine.records.changes import Change
from src.engine.records.config_file import settings
from src.engine.records.known_metrics import KnownMetrics
from src.engine.records.ledger import config_digest
from src.engine.records.metric import Metric
from src.engine.records.save_config import (
    SaveConfig,
    _hyperparameters,
    _repaired,
    dump,
    dump_default,
)


def test_hyperparameters_are_flat_and_plain() -> None:
    config = {
        "seed_everything": 1,
        "data": {
            "class_path": "src.data.MNISTDataModule",
            "init_args": {"batch_size": 100, "num_workers": 2},
        },
        "model": {
            "class_path": "src.tasks.ClassificationTask",
            "init_args": {
                "optimizer": {
                    "class_path": "torch.optim.Adam",
                    "init_args": {"betas": [0.9, 0.99]},
                },
                "scheduler": None,
            },
        },
        "trainer": {
            "max_epochs": 2,
            "max_steps": -1,
            "precision": None,
            "accumulate_grad_batches": 1,
            "devices": "auto",
        },
        "best": {"monitor": "val/acc"},
    }
    assert _hyperparameters(json.dumps(config)) == {
        "data": "src.data.MNISTDataModule",
        "data.batch_size": 100,
        "model": "src.tasks.ClassificationTask",
        "model.optimizer": "torch.optim.Adam",
        "model.optimizer.betas": "[0.9, 0.99]",
        "seed_everything": 1,
        "trainer.accumulate_grad_batches": 1,
        "trainer.max_epochs": 2,
        "trainer.max_steps": -1,
    }


CONFIG = """
seed_everything: 3
target: val/acc=0.9
data: {class_path: a.Data, init_args: {data_dir: here, batch_size: 5}}
model: {class_path: a.Task, init_args: {api_key: hunter2X}}
trainer: {max_epochs: 2, max_steps: -1, precision: null, accumulate_grad_batches: 1}
"""
SESSION = {
    **{"began": "b", "changes": []},
    "inputs": {"weights": "w", "threads": "1"},
    "git": {"commit": "c0", "status": "", "diff": ""},
}


@pytest.fixture
def session(monkeypatch) -> dict:
    """Provenance of each session that begins."""
    new = copy.deepcopy(SESSION)

    def provenance(trainer, data, weights: str) -> dict:
        assert data == "the data"
        return copy.deepcopy(new) | {"inputs": new["inputs"] | {"weights": weights}}

    monkeypatch.setattr("src.engine.records.save_config.provenance", provenance)
    return new


def trainer_of(**more) -> Fake:
    connector = Fake(dump_checkpoint=lambda weights_only: {"whole": not weights_only})
    known = {"datamodule": "the data", "is_global_zero": True, "loggers": []}
    return Fake(**known | {"_checkpoint_connector": connector} | more)


def test_new_run_is_written_down(tmp_path: Path, session: dict, capsys) -> None:
    record = SaveConfig(CONFIG, tmp_path, "w", "mine")
    record.default = record.config.replace("max_epochs: 2", "max_epochs: 1").replace(
        "here", "there"
    )
    record.default += "of_another_class: 1\n"
    record.changes = [Change("model.api_key", "hunter2X", "hunter3X"), Change("a", 1, 2)]
    record.on_train_start(trainer_of(), None)
    session |= {"group": "mine", "changes": [["model.api_key", "***", "***"], ["a", 1, 2]]}
    assert json.loads((tmp_path / "provenance.json").read_text()) == record.sessions == [session]
    overview = json.loads((tmp_path / "run.json").read_text())
    assert overview == {
        **{"group": "mine", "pid": os.getpid(), "began": "b", "commit": "c0", "seed": 3},
        **{"uncommitted": False, "target": "val/acc=0.9", "changed": {"trainer.max_epochs": 2}},
        **{"headline": None, "metrics": {}, "curve_notes": {}},
        "config": config_digest(settings(record.config) | {"weights": "w"}),
    }
    assert capsys.readouterr().err == ""


class Mode(StrEnum):
    A = "alpha"


class WithMode:
    def __init__(self, mode: Mode = Mode.A) -> None:
        pass


def test_member_of_an_enumeration_is_written_as_it_is_read() -> None:
    parser = OneLineParser()
    parser.add_class_arguments(WithMode, "x")
    written = settings(dump(parser, parser.parse_args(["--x.mode=A"])))
    assert parser.parse_args([f"--x.mode={written['x.mode']}"]).x.mode is Mode.A


def test_default_that_is_a_member_of_an_enumeration_is_written_as_its_text() -> None:
    parser = OneLineParser()
    parser.add_class_arguments(Timer, "timer")
    config = parser.parse_args(["--timer.duration=00:00:01:00"])
    assert settings(dump(parser, config))["timer.interval"] == "step"


@pytest.mark.parametrize(
    ("published", "kept"),
    [({"train/loss": "is smooth", "x": 1, 2: "y"}, {"train/loss": "is smooth"}), (["a"], {})],
)
def test_notes_of_a_task_are_written_down(tmp_path: Path, session, published, kept) -> None:
    record = SaveConfig(CONFIG, tmp_path)
    record.on_train_start(trainer_of(), Fake(curve_notes=published))
    assert json.loads((tmp_path / "run.json").read_text())["curve_notes"] == kept


def test_metrics_are_written_down_once_they_are_known(tmp_path: Path, session: dict) -> None:
    def told() -> tuple[str, dict]:
        overview = json.loads((tmp_path / "run.json").read_text())
        return overview["headline"], {
            name: each["mode"] for name, each in overview["metrics"].items()
        }

    record, name = SaveConfig(CONFIG, tmp_path), "val/x/dataloader_idx_1"
    record.known, record.best = KnownMetrics(None), BestCheckpoint(name)
    record.best.choose(record.known)
    record.on_validation_end(trainer_of(), None)  # of the sanity check: nothing is written yet
    assert not (tmp_path / "run.json").exists()
    record.on_train_start(trainer_of(), None)
    assert told() == (name, {})
    record.known.metrics["val/x"] = Metric("val/x", "min")
    record.on_validation_end(trainer_of(is_global_zero=False), None)
    assert told() == (name, {})
    record.on_validation_end(trainer_of(), None)
    assert told() == (name, {"val/x": "min", name: "min"})


def test_run_that_goes_on_began_as_it_did(tmp_path: Path, session: dict, capsys) -> None:
    record = SaveConfig(CONFIG, tmp_path)
    before = copy.deepcopy(SESSION) | {"group": "mine", "began": "a"}
    record.sessions = [before]
    session["inputs"]["threads"] = "2"
    session["git"] |= {"commit": "c1", "status": "M a"}
    record.on_train_start(trainer_of(), None)
    assert record.sessions == [before, session | {"group": "mine"}]
    overview = json.loads((tmp_path / "run.json").read_text())
    told = {"group": "mine", "began": "a", "commit": "c1", "uncommitted": True, "changed": None}
    assert overview | told == overview
    assert capsys.readouterr().err == (
        "note: since the checkpoint: threads 1 -> 2, commit c0 -> c1, uncommitted changes of the "
        "code; the samples come in the same order, the last bits may differ\n"
    )


def test_first_process_alone_writes_records(tmp_path: Path, session: dict) -> None:
    record, folder = SaveConfig(CONFIG, tmp_path / "records"), tmp_path / "records"
    record.on_train_start(trainer_of(is_global_zero=False), None)
    record.setup(trainer_of(is_global_zero=False), None, "fit")
    record.setup(trainer_of(), None, "test")
    assert (len(record.sessions), folder.exists()) == (1, False)


def test_configuration_is_written_and_logged_without_secrets(tmp_path: Path) -> None:
    logged, record = [], SaveConfig(CONFIG, tmp_path)
    task, data = (Fake(_hparams_initial={"api_key": "hunter2X", "a": 1}) for _ in range(2))
    trainer = trainer_of(datamodule=data, loggers=[Fake(log_hyperparams=logged.append)])
    record.setup(trainer, task, "fit")
    record.setup(trainer_of(datamodule=None), None, "fit")
    assert (tmp_path / "config.yaml").read_text() == record.config
    assert "hunter2X" not in record.config
    assert task._hparams_initial == data._hparams_initial == {"api_key": "***", "a": 1}
    (settings,) = logged
    assert settings["data.batch_size"] == 5
    assert "data.data_dir" not in settings


@pytest.mark.parametrize(
    ("stops", "early", "ended"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_checkpoint_has_what_the_run_is(
    tmp_path: Path, stops: bool, early: bool, ended: bool
) -> None:
    record = SaveConfig(CONFIG, tmp_path)
    trainer = Fake(fit_loop=Fake(_can_stop_early=early), should_stop=stops)
    keys = ("hyper_parameters", "datamodule_hyper_parameters")
    checkpoint = {key: {"api_key": "hunter2X"} for key in keys}
    record.on_save_checkpoint(trainer, None, checkpoint)
    masked = {key: {"api_key": "***"} for key in keys}
    assert checkpoint == masked | {"config": record.config, "provenance": [], "ended": ended}
    checkpoint = {}
    record.on_save_checkpoint(trainer, None, checkpoint)
    assert checkpoint.keys() == {"config", "provenance", "ended"}


def test_state_that_no_checkpoint_gives_back_is_refused(tmp_path: Path, session: dict) -> None:
    def dump(weights_only: bool) -> dict:
        assert weights_only is False
        return {"a": tmp_path}

    trainer = trainer_of(_checkpoint_connector=Fake(dump_checkpoint=dump))
    with pytest.raises(ValueError, match=r"^a in the checkpoint is a PosixPath"):
        SaveConfig(CONFIG, tmp_path).on_train_start(trainer, None)


def parser() -> OneLineParser:
    made = OneLineParser(exit_on_error=False)
    made.add_argument("--config", action=ActionConfigFile)
    for name in ("ckpt_path", "weights", "group", "seeds", "jobs", "trust", "debug", "api_key"):
        made.add_argument(f"--{name}", default=None)
    made.add_argument("--lr", type=float, default=0.1)
    return made


def test_configuration_is_written_without_its_secrets() -> None:
    config = parser().parse_args(["--lr", "0.5", "--api_key", "hunter2X"])
    text = dump(parser(), config)
    assert "lr: 0.5\n" in text
    assert "hunter2X" not in text


def test_default_has_no_option_of_the_command_alone(tmp_path: Path) -> None:
    (tmp_path / "default.yaml").write_text("lr: 0.25\n")
    text = dump_default(parser(), tmp_path / "default.yaml")
    assert text.splitlines() == ["api_key: null", "lr: 0.25"]


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_no_file_is_no_default(tmp_path: Path, name: str) -> None:
    assert dump_default(parser(), tmp_path / name) is None


def test_default_without_yaml_is_written_as_its_text() -> None:
    dumped = "a: 1\ndevice: Unable to serialize instance cpu\nb: 2\n"
    assert _repaired(dumped) == "a: 1\ndevice: cpu\nb: 2\n"
    with pytest.raises(ValueError, match="<x at 7> has no text"):
        _repaired("a: Unable to serialize instance <x at 7>\n")
