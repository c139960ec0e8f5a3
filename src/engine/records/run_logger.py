"""The loggers of a run: what they are told, and how they go on where it goes on."""

import csv
import io
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import (
    CometLogger,
    CSVLogger,
    Logger,
    MLFlowLogger,
    TensorBoardLogger,
    WandbLogger,
)
from lightning.pytorch.loggers.csv_logs import ExperimentWriter
from numpy.typing import NDArray
from PIL import Image
from typing_extensions import override

from src.engine.console.note import note
from src.engine.files.atomic_write import write_atomic, write_json
from src.engine.files.links import refuse_links
from src.engine.files.reading import read_json
from src.engine.files.run import Run
from src.engine.files.shape import LOGGERS
from src.engine.lightning_compat import (
    callbacks_of,
    continue_csv,
    continue_mlflow,
    continue_wandb,
    flat_params,
    purge_from,
    set_version,
)
from src.engine.records.heartbeat import Heartbeat
from src.engine.records.masked_settings import masked_words

Picture = NDArray[np.uint8]

_LONGEST = 250  # characters of a value, to which Lightning cuts what it gives to MLflow


class RunLogger(TensorBoardLogger):
    """Lightning's TensorBoardLogger without the curve of the epoch, which would open the page."""

    @override
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        super().log_metrics({k: v for k, v in metrics.items() if k != "epoch"}, step)


def continue_loggers(trainer: Trainer, run: Run, step: int | None) -> None:
    """Give the loggers that a user chose the number of the run, and what they have of it so far.

    Args:
        trainer: Trainer of the run.
        run: Its folders.
        step: Optimizer step at which it continues; what was logged later is forgotten where a
            logger can forget. None begins.

    Raises:
        ValueError: A link in the folder of a logger leads elsewhere, or what the run has written
            of its loggers is damaged.
    """
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger | CSVLogger):
            set_version(logger, run.version)
        if step is None or not trainer.is_global_zero:
            continue
        if logger.log_dir:
            refuse_links(Path(logger.log_dir))
        if isinstance(logger, TensorBoardLogger):
            purge_from(logger, step)
        elif isinstance(logger, CSVLogger):
            names = _cut(Path(logger.log_dir) / ExperimentWriter.NAME_METRICS_FILE, step)
            continue_csv(logger, names)
    if trainer.is_global_zero:
        _continue_services(trainer.loggers, run.log_dir / "loggers.json")


def log_image(trainer: Trainer, name: str, picture: Picture, step: int) -> None:
    """Show a picture in every logger of a run that can take one.

    Args:
        trainer: Trainer of the run.
        name: Split and what is shown, such as `test/mistakes`.
        picture: Red, green and blue, `(H, W, 3)`, `uint8`.
        step: Optimizer step that it belongs to.
    """
    _each(trainer, name, lambda logger: _show(logger, name, picture, step))


def log_hyperparams(trainer: Trainer, settings: dict[str, Any]) -> None:
    """Tell every logger of a run its settings.

    Args:
        trainer: Trainer of the run.
        settings: Values by dotted name; none of them may be secret.
    """
    for logger in trainer.loggers if trainer.is_global_zero else ():
        logger.log_hyperparams(settings)


def log_results(trainer: Trainer, results: Mapping[str, float]) -> None:
    """Tell every logger of a run what it reached, and let none keep anything in memory.

    Args:
        trainer: Trainer of the run.
        results: Metrics by name, which TensorBoard shows beside the settings.
    """
    known = trainer.logged_metrics  # of the test, which all loggers have
    new = {name: value for name, value in results.items() if name not in known}

    def close(logger: Logger) -> None:
        if isinstance(logger, TensorBoardLogger):
            logger.log_hyperparams(logger.hparams, dict(results), trainer.global_step)
        elif new:
            logger.log_metrics(new, trainer.global_step)
            logger.save()
        logger.finalize("success")  # else what is still queued dies with the process
        if isinstance(logger, WandbLogger):
            logger.experiment.finish()  # else the next run of this process would be added to it

    _each(trainer, "results", close)


def tensorboard_of(trainer: Trainer) -> TensorBoardLogger | None:
    """Find the TensorBoard logger of a run.

    Args:
        trainer: Trainer of the run.

    Returns:
        The first one, or None: on a process that does not write, or if there is none.
    """
    boards = [logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]
    return boards[0] if boards and trainer.is_global_zero else None


def picture_folder(trainer: Trainer) -> Path | None:
    """Tell where a run keeps its pictures as files.

    Args:
        trainer: Trainer of the run.

    Returns:
        The folder of TensorBoard's events, else that of the run's records; None on a process that
        does not write, or if the run has no folder.
    """
    if logger := tensorboard_of(trainer):
        return Path(logger.log_dir)
    callbacks = callbacks_of(trainer) if trainer.is_global_zero else []
    return next((each.folder for each in callbacks if isinstance(each, Heartbeat)), None)


def write_picture(path: Path, picture: Picture) -> None:
    """Write a picture as a PNG file; a link at its place is replaced, not followed.

    Args:
        path: File to write.
        picture: Red, green and blue, `(H, W, 3)`, `uint8`.
    """
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    write_atomic(path, buffer.getbuffer(), sync=False)


def _each(trainer: Trainer, what: str, tell: Callable[[Logger], None]) -> None:
    """Tell each logger of a run something; one that fails does not end the run."""
    for logger in trainer.loggers if trainer.is_global_zero else ():
        try:
            tell(logger)
        except Exception as error:  # each service has its own
            kind = type(logger).__name__
            note(f"{kind} did not take {what} ({type(error).__name__}: {error})")


def _show(logger: Logger, name: str, picture: Picture, step: int) -> None:
    """Show a picture in a logger; one of another kind takes none."""
    if isinstance(logger, TensorBoardLogger):
        logger.experiment.add_image(name, picture, step, dataformats="HWC")
    elif isinstance(logger, WandbLogger):
        logger.log_image(name, [picture], step)
    elif isinstance(logger, MLFlowLogger):
        logger.experiment.log_image(str(logger.run_id), picture, f"{name}.png")
    elif isinstance(logger, CometLogger):
        logger.experiment.log_image(picture, name, step=step)
    elif isinstance(logger, CSVLogger):
        write_picture(Path(logger.log_dir, f"{name.replace('/', '_')}.png"), picture)


def _continue_services(loggers: list[Logger], path: Path) -> None:
    """Open the loggers that give their runs names of their own, and remember these."""
    known: dict[str, list[str]] = read_json(path, LOGGERS) or {}
    found: dict[str, list[str]] = {}
    for logger in loggers:
        if isinstance(logger, WandbLogger | MLFlowLogger):
            names = found.setdefault(type(logger).__name__, [])
            before = known.get(type(logger).__name__, [])[len(names) :]
            names.append(_open(logger, before[0] if before else None))
    if found:
        write_json(path, known | found)


def _open(logger: WandbLogger | MLFlowLogger, name: str | None) -> str:
    """Open a logger, with the name of its run so far if the user gives none; tell the name."""
    if isinstance(logger, MLFlowLogger):
        return _open_mlflow(logger, name)
    if name:
        continue_wandb(logger, name)
    words = sys.argv
    sys.argv = [*words[:1], *masked_words(words[1:])]  # W&B shows the command to others
    try:
        return str(logger.experiment.id)
    finally:
        sys.argv = words


def _open_mlflow(logger: MLFlowLogger, name: str | None) -> str:
    if name:
        try:
            continue_mlflow(logger, name)
        except Exception as error:  # what it raises is known only where it is installed
            note(f"MLflow does not have the run so far, a new one begins there: {error}")
    began = logger.run_id  # of a run that goes on, or of a new one
    # MLflow refuses to change a parameter, and that would end the run.
    logger.log_hyperparams = partial(_log_new, logger)  # type: ignore[method-assign]
    return str(began)


def _log_new(logger: MLFlowLogger, params: Any) -> None:
    """Log parameters; one that MLflow has with another value becomes a tag."""
    known = logger.experiment.get_run(logger.run_id).data.params
    given = flat_params(params)
    new = {name: value for name, value in given.items() if name not in known}
    MLFlowLogger.log_hyperparams(logger, new)
    for name, value in given.items():
        if name not in new and known[name] != str(value)[:_LONGEST]:
            logger.experiment.set_tag(logger.run_id, name, str(value))


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
    write_atomic(path, text.getvalue().encode())
    return names
