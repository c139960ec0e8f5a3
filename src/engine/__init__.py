"""What a run is, for any LightningModule; published here is what the rooms may use of it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from src.engine.console.failure import UsageError as UsageError
    from src.engine.console.note import note as note
    from src.engine.console.printable import printable as printable
    from src.engine.exact.exact_loader import ExactLoader as ExactLoader
    from src.engine.files.atomic_write import write_atomic as write_atomic
    from src.engine.jobs.machine import processors as processors
    from src.engine.lightning_compat import callbacks_of as callbacks_of
    from src.engine.lightning_compat import logs_at as logs_at
    from src.engine.lightning_compat import next_position as next_position
    from src.engine.records.metric import Metric as Metric
    from src.engine.records.run_logger import log_image as log_image
    from src.engine.records.run_logger import picture_folder as picture_folder
    from src.engine.records.run_logger import tensorboard_of as tensorboard_of
    from src.engine.records.run_logger import write_picture as write_picture
    from src.engine.records.totals import count_samples as count_samples
    from src.engine.seed import derive_seed as derive_seed
    from src.engine.seed import run_seed as run_seed
    from src.engine.seed import seed_generators as seed_generators

_PUBLISHED = {  # loaded when it is asked for: who reads records waits for no torch
    "ExactLoader": "src.engine.exact.exact_loader",
    "Metric": "src.engine.records.metric",
    "UsageError": "src.engine.console.failure",
    "tensorboard_of": "src.engine.records.run_logger",
    "callbacks_of": "src.engine.lightning_compat",
    "count_samples": "src.engine.records.totals",
    "derive_seed": "src.engine.seed",
    "log_image": "src.engine.records.run_logger",
    "logs_at": "src.engine.lightning_compat",
    "next_position": "src.engine.lightning_compat",
    "note": "src.engine.console.note",
    "picture_folder": "src.engine.records.run_logger",
    "printable": "src.engine.console.printable",
    "processors": "src.engine.jobs.machine",
    "run_seed": "src.engine.seed",
    "seed_generators": "src.engine.seed",
    "write_atomic": "src.engine.files.atomic_write",
    "write_picture": "src.engine.records.run_logger",
}


def __getattr__(name: str) -> Any:
    if name not in _PUBLISHED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLISHED[name]), name)
