import csv
from pathlib import Path

import pytest
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from src.experiment.run import Run
from src.experiment.run_logger import RunLogger, continue_loggers


def test_epoch_is_no_curve(tmp_path: Path) -> None:
    logger = RunLogger(tmp_path)
    logger.log_metrics({"train/loss": 0.5, "epoch": 3}, step=7)
    logger.finalize("success")
    events = EventAccumulator(logger.log_dir).Reload()
    assert events.Tags()["scalars"] == ["train/loss"]
    assert events.Scalars("train/loss")[0].step == 7


def trainer_with(logger: CSVLogger | TensorBoardLogger) -> Trainer:
    return Trainer(accelerator="cpu", logger=logger, enable_checkpointing=False)


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
