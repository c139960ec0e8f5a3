"""Settings of a checkpoint that reach out of its run: kept inside, or refused."""

import os
import re
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, OnExceptionCheckpoint

from src.engine.checkpoints.allowed import find_allowed, is_model_function
from src.engine.checkpoints.spelled import class_parts
from src.engine.files.run import LOGS, Run
from src.engine.lightning_compat import callbacks_of, profiler_of

_FETCHED = {"weights", "weights_backbone", "pretrained", "pretrained_backbone"}
_LOGGER_KEPT = {"default_hp_metric", "flush_logs_every_n_steps", "log_graph", "prefix"}
_TEXTS = {  # of the Trainer's settings that else are classes
    "accelerator": {"auto", "cpu", "cuda", "gpu", "mps"},
    "callbacks": set(),
    "logger": set(),
    "plugins": set(),
    "profiler": {"advanced", "pytorch", "simple"},
    "strategy": {
        *("auto", "ddp", "ddp_find_unused_parameters_false", "ddp_find_unused_parameters_true"),
        *("ddp_static_graph", "fsdp", "fsdp_cpu_offload", "single_device"),
    },
}
# Name of a file, with values of metrics in it; other formats than these can spell anything.
_FILE = re.compile(r"(?:[\w .=-]|\{[\w/-]+(?::0?\d?(?:\.\d)?[defg]?)?\})+")
_HERE = "."


def confine(content: dict[str, Any], run: Run | None) -> None:
    """Let records, profiles and states go to the run's own folders, and nothing be fetched.

    Args:
        content: Configuration of a checkpoint that is not the user's own; is changed.
        run: The run that goes on; None if it will be a new one in the working directory.

    Raises:
        ValueError: It asks for what would be fetched, or for a file outside.
    """
    for part in class_parts(content):
        _refuse_reaching(part)
    trainer = content.get("trainer") or {}
    _refuse_texts(trainer)
    # The second uploads; a run with the third has no folders, and leaves no checkpoint.
    for name in ("default_root_dir", "model_registry", "fast_dev_run"):
        if name in trainer:
            trainer[name] = False if name == "fast_dev_run" else None
    for part in class_parts(trainer.get("logger")):
        given = _arguments(part)
        part.pop("dict_kwargs", None)
        kept = {name: value for name, value in given.items() if name in _LOGGER_KEPT}
        part["init_args"] = {"save_dir": str(run.root) if run else _HERE, "name": LOGS, **kept}
    for part in class_parts([trainer.get("profiler"), trainer.get("callbacks")]):
        own = part.get("init_args") or {}
        if own.get("dirpath") is not None:
            own["dirpath"] = _HERE


def keep_inside(trainer: Trainer, run: Run) -> None:
    """Give callbacks and profiler that a checkpoint names the run's own folders.

    Args:
        trainer: Trainer that was made of a confined configuration.
        run: Its run.
    """
    for callback in callbacks_of(trainer):
        kinds = ModelCheckpoint | OnExceptionCheckpoint
        if isinstance(callback, kinds) and _is_open(callback.dirpath):
            callback.dirpath = str(run.checkpoint_dir)
    profiler = profiler_of(trainer)
    if _is_open(getattr(profiler, "dirpath", None)):
        profiler.dirpath = run.log_dir


def find_data(content: dict[str, Any], data_dir: str | None, run: Run | None) -> None:
    """Set the folder of the data set: the user's, the run's from here, or the run's in its root.

    Args:
        content: Configuration; is changed.
        data_dir: The user's; None is none.
        run: The run, if its folders are known.
    """
    part = content.get("data")
    if not isinstance(part, dict):
        return
    settings = part["init_args"] = part.get("init_args") or {}
    before = settings.get("data_dir")
    if data_dir is not None:
        settings["data_dir"] = data_dir
    elif run and isinstance(before, str) and not Path(before).exists():
        inside = run.root / before
        settings["data_dir"] = str(inside) if inside.exists() else before


def forbid_download(data: Any) -> bool:
    """Let a data set only read what is in its folder, which a checkpoint has named.

    Args:
        data: Data set; one that fetches has `download`.

    Returns:
        Whether it is such a one.
    """
    if not hasattr(data, "download"):
        return False
    data.download = False
    return True


def _refuse_texts(trainer: dict[str, Any]) -> None:
    for name, known in _TEXTS.items():
        values = trainer.get(name)
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, str) and value not in known:
                told = f"one of {', '.join(sorted(known))}" if known else "none"
                raise ValueError(
                    f"trainer.{name} in the checkpoint is a text, {value!r:.80}; it may be {told}"
                )


def _refuse_reaching(part: dict[str, Any]) -> None:
    given = _arguments(part)
    item = find_allowed(part["class_path"])
    if item is not None and is_model_function(item):
        for name in _FETCHED & given.keys():
            if given[name]:
                raise ValueError(
                    f"the checkpoint asks {part['class_path']} for {name}={given[name]!r:.80}: "
                    "nothing is fetched for one (docs/security.md)"
                )
    file = given.get("filename")
    if isinstance(file, str) and (_FILE.fullmatch(file) is None or file == os.pardir):
        raise ValueError(
            f"the checkpoint names the file {file:.80}, which may be outside of its run"
        )
    if part["class_path"].startswith("src.") and given.get("compile"):
        part["init_args"]["compile"] = None  # the compiler writes elsewhere


def _arguments(part: dict[str, Any]) -> dict[str, Any]:
    parts = (part.get("init_args"), part.get("dict_kwargs"))
    return {name: value for each in parts if isinstance(each, dict) for name, value in each.items()}


def _is_open(folder: Any) -> bool:
    return folder is None or Path(folder).resolve() == Path(_HERE).resolve()
