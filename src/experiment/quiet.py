"""Messages of the libraries that say nothing about the run at hand."""

import logging
import warnings

_WARNINGS = [
    # Reading a batch is one indexing operation; worker processes would only cost time.
    ".*does not have many workers.*",
    # The task logs at the end of an epoch, too.
    ".*smaller than the logging interval",
    # Without validation there is no best state, and the table names none.
    ".*could not find the monitored key",
    # A run that goes on writes into its own folder.
    "Checkpoint directory .* exists and is not empty",
    # Lightning 2.6 on torch 2.15.
    ".*treespec, LeafSpec.*",
]


def silence_known_noise() -> None:
    """Hide warnings with a known, harmless cause and advertisements."""
    for message in _WARNINGS:
        warnings.filterwarnings("ignore", message)
    # A resumed run logs the steps after its checkpoint again; readers of events are told so.
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(f"{name}.utilities.rank_zero").addFilter(_is_no_advertisement)


def _is_no_advertisement(record: logging.LogRecord) -> bool:
    return "Tip:" not in record.getMessage()
