from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from src.engine.records.heartbeat import Heartbeat
from src.engine.records.loggers import (
    log_hyperparams,
    log_image,
    log_results,
    picture_folder,
    tensorboard_of,
    write_picture,
)

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
