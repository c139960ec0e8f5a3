import csv
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import (
    CSVLogger,
    Logger,
    MLFlowLogger,
    TensorBoardLogger,
    WandbLogger,
)
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from src.engine.files.run import Run
from src.engine.records.heartbeat import Heartbeat
from src.engine.records.run_logger import (
    RunLogger,
    continue_loggers,
    log_hyperparams,
    log_image,
    log_results,
    picture_folder,
    tensorboard_of,
    write_picture,
)
from src.train import main
from tests.conftest import Train


def test_epoch_is_no_curve(tmp_path: Path) -> None:
    logger = RunLogger(tmp_path)
    logger.log_metrics({"train/loss": 0.5, "epoch": 3}, step=7)
    logger.finalize("success")
    events = EventAccumulator(logger.log_dir).Reload()
    assert events.Tags()["scalars"] == ["train/loss"]
    assert events.Scalars("train/loss")[0].step == 7


def trainer_with(*loggers: Logger) -> Trainer:
    return Trainer(accelerator="cpu", logger=loggers, enable_checkpointing=False)


@pytest.mark.parametrize("kind", [CSVLogger, TensorBoardLogger])
def test_logger_has_the_number_of_the_run(tmp_path: Path, kind: type) -> None:
    logger, chosen = kind(tmp_path), kind(tmp_path, version=3)
    for each in (logger, chosen):
        continue_loggers(trainer_with(each), Run(tmp_path, 7), step=None)
    assert (logger.version, chosen.version) == (7, 3)


def test_metrics_file_is_cut_at_the_step_and_continued(tmp_path: Path) -> None:
    first = CSVLogger(tmp_path, version=0)
    for step in range(6):
        first.log_metrics({"loss": step / 4} | ({"acc": 0.1} if step % 2 else {}), step)
    first.save()
    second = CSVLogger(tmp_path)
    continue_loggers(trainer_with(second), Run(tmp_path, 0), step=4)
    for step in range(4, 7):
        second.log_metrics({"loss": -step, "new": 1.0}, step)
    second.save()
    text = Path(first.log_dir, "metrics.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()))
    assert [int(row["step"]) for row in rows] == list(range(7))
    assert [float(row["loss"]) for row in rows] == [0, 0.25, 0.5, 0.75, -4, -5, -6]
    assert [row["acc"] for row in rows] == ["", "0.1", "", "0.1", "", "", ""]


def test_chosen_board_forgets_what_came_later(tmp_path: Path) -> None:
    logger = TensorBoardLogger(tmp_path)
    continue_loggers(trainer_with(logger), Run(tmp_path, 0), step=4)
    assert logger._kwargs == {"purge_step": 4}


class Wandb(WandbLogger):
    """W&B's logger without its package; keeps the command that it would show."""

    def __init__(self, name: str | None = None, new: str = "new") -> None:
        self._id, self._wandb_init, self._experiment = name, {"id": name}, None
        self.new, self.command = new, []

    @property
    def experiment(self) -> Any:
        self.command = sys.argv
        return SimpleNamespace(id=self._wandb_init["id"] or self.new)


class Mlflow(MLFlowLogger):
    """MLflow's logger without its package, for a service that has some runs."""

    def __init__(self, runs: dict[str, dict[str, str]], name: str | None = None) -> None:
        self._run_id, self.runs, self.tags, self.logged = name, runs, {}, []

    @property
    def experiment(self) -> Any:
        if self._run_id is None:
            self._run_id = f"run{len(self.runs)}"
            self.runs[self._run_id] = {}
        params = self.runs[self._run_id]
        run = SimpleNamespace(data=SimpleNamespace(params=params))
        set_tag = lambda _, name, value: self.tags.update({name: value})  # noqa: E731
        return SimpleNamespace(get_run=lambda _: run, set_tag=set_tag)


def test_run_has_its_names_in_services_when_it_goes_on(tmp_path: Path) -> None:
    run, runs = Run(tmp_path, 0), {}
    continue_loggers(trainer_with(Wandb(), Mlflow(runs), Wandb(new="other")), run, step=None)
    known = {"Wandb": ["new", "other"], "Mlflow": ["run0"]}
    assert json.loads((run.log_dir / "loggers.json").read_text()) == known
    again = Wandb(new="x"), Mlflow(runs), Wandb(new="y"), Wandb(new="z")
    continue_loggers(trainer_with(*again), run, step=4)
    assert [logger._wandb_init["id"] for logger in again if isinstance(logger, Wandb)] == [
        *("new", "other", None)
    ]
    assert (again[0].version, again[1].version, [*runs]) == ("new", "run0", ["run0"])
    known["Wandb"].append("z")
    assert json.loads((run.log_dir / "loggers.json").read_text()) == known


def test_other_logger_does_not_make_a_run_forget_its_names(tmp_path: Path) -> None:
    run = Run(tmp_path, 0)
    for logger, step in ((Wandb(), None), (Mlflow({}), 4), (CSVLogger(tmp_path), 5)):
        continue_loggers(trainer_with(logger), run, step)
    known = {"Wandb": ["new"], "Mlflow": ["run0"]}
    assert json.loads((run.log_dir / "loggers.json").read_text()) == known


def test_name_that_the_user_gives_is_taken(tmp_path: Path) -> None:
    run, runs = Run(tmp_path, 0), {"a": {}}
    continue_loggers(trainer_with(Wandb(), Mlflow(runs)), run, step=None)
    board, table = Wandb("mine"), Mlflow(runs, "a")
    continue_loggers(trainer_with(board, table), run, step=4)
    assert (board._id, table._run_id) == ("mine", "a")


@pytest.mark.parametrize("name", ["../x", "", "a b", "x" * 129, 5, None, ["a"]])
def test_name_from_elsewhere_is_a_plain_word_or_refused(tmp_path: Path, name: Any) -> None:
    run = Run.new(tmp_path)
    (run.log_dir / "loggers.json").write_text(json.dumps({"Wandb": [name]}))
    with pytest.raises(ValueError, match=r"loggers\.json is damaged"):
        continue_loggers(trainer_with(Wandb()), run, step=4)


def test_service_is_not_shown_the_secrets_of_a_command(tmp_path: Path, monkeypatch) -> None:
    words = ["train", "--data.api_key=hunter2X", "--trainer.max_epochs=1"]
    monkeypatch.setattr(sys, "argv", words)
    logger = Wandb()
    continue_loggers(trainer_with(logger), Run(tmp_path, 0), step=None)
    assert logger.command == ["train", "--data.api_key=***", "--trainer.max_epochs=1"]
    assert sys.argv is words


def test_run_that_mlflow_has_not_begins_anew(tmp_path: Path, capsys) -> None:
    run, runs = Run(tmp_path, 0), {"a": {}}
    continue_loggers(trainer_with(Mlflow(runs, "a")), run, step=None)
    runs.pop("a")
    logger = Mlflow(runs)
    continue_loggers(trainer_with(logger), run, step=4)
    assert logger.run_id == "run0"
    assert "note: MLflow does not have the run so far, a new one begins" in capsys.readouterr().err


def test_changed_parameter_is_a_tag_of_mlflow(tmp_path: Path, monkeypatch) -> None:
    logger, logged = Mlflow({"a": {"lr": "0.1", "epochs": "4", "text": "x" * 250}}, "a"), []
    monkeypatch.setattr(MLFlowLogger, "log_hyperparams", lambda _, params: logged.append(params))
    continue_loggers(trainer_with(logger), Run(tmp_path, 0), step=4)
    logger.log_hyperparams({"lr": 0.1, "epochs": 44, "text": "x" * 300, "model": {"width": 8}})
    assert logged == [{"model/width": 8}]
    assert logger.tags == {"epochs": "44"}


LOGGED = [4, 9, 10, 14, 19, 21, 24, 29, 32]  # steps of three epochs


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of what MLflow is built on
def test_run_is_the_same_in_mlflow_when_it_goes_on(train: Train, tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    uri = f"sqlite:///{tmp_path}/runs.db"
    words = "--trainer.logger=MLFlowLogger", f"--trainer.logger.tracking_uri={uri}"
    train("--trainer.max_epochs=2", *words, observed=True)
    main(["--ckpt_path=last", "--trainer.max_epochs=3"])
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    (run,) = client.search_runs([client.get_experiment_by_name("lightning_logs").experiment_id])
    history = client.get_metric_history(run.info.run_id, "train/loss")
    assert [point.step for point in history] == LOGGED
    assert run.data.params["trainer.max_epochs"] == "2"
    assert run.data.tags["trainer.max_epochs"] == "3"
    assert {"test/acc", "val/acc_best"} <= run.data.metrics.keys()
    assert run.info.status == "FINISHED"
    files = [file.path for file in client.list_artifacts(run.info.run_id, "test")]
    assert files == ["test/images.png", "test/predictions.png"]
    assert Path("lightning_logs/version_0/curves.png").is_file()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of what W&B is built on
def test_run_is_the_same_in_wandb_when_it_goes_on(train: Train, monkeypatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    train("--trainer.max_epochs=1", "--trainer.logger=WandbLogger", observed=True)
    main(["--ckpt_path=last", "--trainer.max_epochs=2"])
    folders = sorted(Path("wandb").glob("offline-run-*"))
    names = {folder.name.rpartition("-")[2] for folder in folders}
    known = json.loads(Path("lightning_logs/version_0/loggers.json").read_text())
    assert known == {"WandbLogger": [*names]}
    assert len(folders) == 2
    for folder in folders:
        pictures = {file.name.partition("_")[0] for file in folder.glob("files/media/images/*/*")}
        assert {"images", "predictions"} <= pictures
    assert Path("lightning_logs/version_0/curves.png").is_file()


PICTURE = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)


class Kept(Logger):
    """Keeps what it is told; takes no pictures."""

    name, version = "kept", "0"

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def log_metrics(self, metrics, step=None) -> None:
        self.calls.append((dict(metrics), step))

    def log_hyperparams(self, params) -> None:
        self.calls.append(params)

    def finalize(self, status: str) -> None:
        self.calls.append(status)


class Broken(Kept):
    """Fails at the end of a run."""

    def log_metrics(self, metrics, step=None) -> None:
        raise RuntimeError("no\nconnection")


def trainer_of(*loggers: Logger, **more) -> Any:
    known = {"is_global_zero": True, "logged_metrics": {}, "global_step": 7, "callbacks": []}
    return SimpleNamespace(loggers=loggers, **known | more)


def test_picture_is_shown_by_each_logger_that_takes_pictures(tmp_path: Path, capsys) -> None:
    board, table = TensorBoardLogger(tmp_path / "board"), CSVLogger(tmp_path, "table")
    log_image(trainer_of(Kept(), board, table), "test/x", PICTURE, 5)
    board.finalize("success")
    (shown,) = EventAccumulator(board.log_dir).Reload().Images("test/x")
    assert (shown.step, shown.width, shown.height) == (5, 4, 3)
    assert np.array_equal(Image.open(Path(table.log_dir, "test_x.png")), PICTURE)
    assert capsys.readouterr().err == ""


def test_logger_that_fails_does_not_end_a_run(tmp_path: Path, monkeypatch, capsys) -> None:
    board, kept = TensorBoardLogger(tmp_path), Kept()
    monkeypatch.setattr(board, "_experiment", object())  # without add_image
    log_image(trainer_of(board), "test/x", PICTURE, 5)
    log_results(trainer_of(Broken(), kept), {"val/x_best": 0.5})
    assert kept.calls == [({"val/x_best": 0.5}, 7), "success"]
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("note: TensorBoardLogger did not take test/x (AttributeError: ")
    assert second == r"note: Broken did not take results (RuntimeError: no\nconnection)"


def test_settings_reach_every_logger() -> None:
    loggers = [Kept(), Kept()]
    log_hyperparams(trainer_of(*loggers), {"lr": 0.1})
    assert [logger.calls for logger in loggers] == [[{"lr": 0.1}]] * 2


def test_results_are_told_once(tmp_path: Path) -> None:
    kept, board = Kept(), TensorBoardLogger(tmp_path)
    log_results(
        trainer_of(kept, board, logged_metrics={"test/x": 0.25}), {"test/x": 0.25, "best": 0.5}
    )
    assert kept.calls == [({"best": 0.5}, 7), "success"]
    events = EventAccumulator(board.log_dir).Reload()
    assert events.Scalars("best")[0].step == 7
    assert events.Scalars("test/x")[0].value == 0.25


def test_process_that_does_not_write_tells_nothing(tmp_path: Path) -> None:
    kept, table = Kept(), CSVLogger(tmp_path)
    trainer = trainer_of(kept, table, is_global_zero=False, callbacks=[Heartbeat(tmp_path)])
    log_image(trainer, "test/x", PICTURE, 5)
    log_hyperparams(trainer, {"lr": 0.1})
    log_results(trainer, {"best": 0.5})
    assert (kept.calls, [*tmp_path.iterdir()], picture_folder(trainer)) == ([], [], None)


def test_board_is_found_among_other_loggers(tmp_path: Path) -> None:
    board = TensorBoardLogger(tmp_path)
    assert tensorboard_of(Trainer(logger=[CSVLogger(tmp_path), board], accelerator="cpu")) is board
    assert tensorboard_of(Trainer(logger=CSVLogger(tmp_path), accelerator="cpu")) is None


@pytest.mark.parametrize("writes", [True, False])
def test_first_board_is_that_of_the_process_that_writes(tmp_path: Path, writes: bool) -> None:
    boards = [TensorBoardLogger(tmp_path / name) for name in "ab"]
    assert tensorboard_of(trainer_of(*boards, is_global_zero=writes)) is (
        boards[0] if writes else None
    )


def test_pictures_lie_beside_the_events_or_among_the_records(tmp_path: Path) -> None:
    board, run = TensorBoardLogger(tmp_path), Heartbeat(tmp_path / "run")
    assert picture_folder(trainer_of(board, callbacks=[run])) == Path(board.log_dir)
    assert picture_folder(trainer_of(CSVLogger(tmp_path), callbacks=[run])) == tmp_path / "run"
    assert picture_folder(trainer_of()) is None


def test_picture_replaces_a_link_at_its_place(tmp_path: Path) -> None:
    (tmp_path / "x.png").symlink_to(tmp_path / "outside")
    write_picture(tmp_path / "x.png", PICTURE)
    assert not (tmp_path / "outside").exists()
    assert np.array_equal(Image.open(tmp_path / "x.png"), PICTURE)
