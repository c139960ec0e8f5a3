"""The one way in to the loggers of a run, whichever they are."""

import io
from collections.abc import Callable, Mapping
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
from numpy.typing import NDArray
from PIL import Image

from src.engine.console.note import note
from src.engine.files.atomic_write import write_atomic
from src.engine.lightning_compat import callbacks_of
from src.engine.records.heartbeat import Heartbeat

Picture = NDArray[np.uint8]


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
