"""Messages of the libraries that say nothing about the run at hand."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_WARNINGS = [
    # Reading a batch is one indexing operation; worker processes would only cost time.
    ".*does not have many workers.*",
    # The task logs at the end of an epoch, too.
    ".*smaller than the logging interval",
    # A run that continues writes into its own folder.
    "Checkpoint directory .* exists and is not empty",
    # They are made resumable, or a line of our own says what is not exact.
    ".*your dataloader is not resumable",
    # Said in a line of our own.
    ".*newer than your current",
    # Metrics of torchmetrics are joined over the processes already.
    ".*sync_dist=True.*",
    # Lightning 2.6 on torch 2.15.
    ".*treespec, LeafSpec.*",
]
# Advertisements, what the records of the run have, the end and the limits that the configuration
# set, and the file that a line of our own has named. A GPU that is not used is told in a warning.
_MESSAGES = (
    *("Tip:", "TPU available", "GPU available", "Seed set to", "`Trainer(", "Restor"),
    *("`Trainer.fit` stopped: `max_", "Loaded model"),
)


def silence_known_noise() -> None:
    """Hide warnings with a known, harmless cause, and messages that tell no one anything."""
    for message in _WARNINGS:
        warnings.filterwarnings("ignore", message)
    # Of files with odd tags, or larger than most; one that cannot be used is named.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    # A resumed run logs the steps after its checkpoint again; readers of events are told so.
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    for name in ("lightning.pytorch", "lightning.fabric"):
        for part in ("rank_zero", "seed"):
            logging.getLogger(f"{name}.utilities.{part}").addFilter(_says_something)


@contextmanager
def quiet() -> Iterator[None]:
    """Hide what Lightning says of each Trainer."""
    logger = logging.getLogger("lightning.pytorch")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)


def _says_something(record: logging.LogRecord) -> bool:
    return not any(noise in record.getMessage() for noise in _MESSAGES)
