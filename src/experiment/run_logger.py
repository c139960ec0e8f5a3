"""The loggers of a run, which go on where it goes on."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from lightning.pytorch import Trainer
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter
from typing_extensions import override

from src.experiment.links import refuse_links
from src.experiment.whole_file import write_whole


class RunLogger(TensorBoardLogger):
    """Lightning's TensorBoardLogger without the curve of the epoch, which would open the page."""

    @override
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        super().log_metrics({k: v for k, v in metrics.items() if k != "epoch"}, step)


class _ContinuedWriter(ExperimentWriter):
    """Lightning's writer of `metrics.csv`, which appends to the file and does not delete it."""

    def __init__(self, log_dir: str, names: list[str]) -> None:
        super().__init__(log_dir)
        self.metrics_keys = names

    @override
    def _check_log_dir_exists(self) -> None:
        pass


def continue_loggers(trainer: Trainer, version: int, step: int | None) -> None:
    """Give the loggers that a user chose the number of the run, and its curves so far.

    Args:
        trainer: Trainer of the run.
        version: Number of the run.
        step: Optimizer step at which it continues; what was logged later is forgotten. None begins.

    Raises:
        ValueError: A link in the folder of a logger leads elsewhere.
    """
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger | CSVLogger) and logger._version is None:
            logger._version = version
        if step is None or not trainer.is_global_zero:
            continue
        if logger.log_dir:
            refuse_links(Path(logger.log_dir))
        if isinstance(logger, TensorBoardLogger):
            logger._kwargs.setdefault("purge_step", step)
        elif isinstance(logger, CSVLogger):
            names = _cut(Path(logger.log_dir) / ExperimentWriter.NAME_METRICS_FILE, step)
            logger._experiment = _ContinuedWriter(logger.log_dir, names)


def _cut(path: Path, step: int) -> list[str]:
    """Keep of a file of metrics the rows before a step; tell the names of its columns."""
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        rows = [row for row in reader if int(row["step"]) < step]
        names = [*(reader.fieldnames or [])]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode())
    return names
