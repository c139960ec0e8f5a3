"""What a stranger's configuration may say: in one way, once, and of its own run alone."""

import inspect
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, OnExceptionCheckpoint

from src.engine.files.nested import leaves
from src.engine.files.run import LOGS, Run
from src.engine.files.shape import misfit
from src.engine.lightning_compat import callbacks_of, profiler_of
from src.engine.records.config_file import read_own

_PART = {"class_path": str, "init_args?": (None, dict), "dict_kwargs?": (None, dict)}
_SHAPE = {
    "model": _PART,
    "data?": (None, _PART),
    **dict.fromkeys(("trainer?", "best?", "last?"), (None, dict)),
}
_PATH = re.compile(r"\.|\+$|^__")  # a path, an addition, or what jsonargparse keeps for itself
_DEEPEST = 5  # classes inside one another; the time to parse them grows by a factor for each
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
# The second uploads; a run with the third has no folders, and leaves no checkpoint.
_FORGOTTEN = {"default_root_dir": None, "model_registry": None, "fast_dev_run": False}
# Name of a file, with values of metrics in it; other formats than these can spell anything.
_FILE = re.compile(r"(?:[\w .=-]|\{[\w/-]+(?::0?\d?(?:\.\d)?[defg]?)?\})+")
_HERE = "."


def class_parts(content: Any) -> Iterator[dict[str, Any]]:
    """List the parts of a configuration that name a class, from the outside in.

    Args:
        content: Configuration in plain types, or a part of it.

    Yields:
        Each part with a `class_path`.
    """
    if isinstance(content, dict):
        if "class_path" in content:
            yield content
        content = [*content.values()]
    for inner in content if isinstance(content, list) else ():
        yield from class_parts(inner)


def confine(content: dict[str, Any], find: Callable[[str], Any], run: Run | None) -> None:
    """Let a configuration name what may be named, write to its run's folders and fetch nothing.

    Args:
        content: Configuration of a checkpoint that is not the user's own; is changed.
        find: Finds the class or function of a name, or refuses it.
        run: The run that goes on; None if it will be a new one in the working directory.

    Raises:
        ValueError: It is not written as a run writes it, or names or asks for what it may not.
    """
    _refuse_misfit(content, _SHAPE, "")
    _refuse_misspelled(content, "", 0)
    for part in class_parts(content):
        _refuse_doubled(part, find(part["class_path"]))
        _refuse_reaching(part)
    _forget_root(content.get("data"))
    trainer = content.get("trainer") or {}
    _refuse_texts(trainer)
    trainer |= {name: _FORGOTTEN[name] for name in _FORGOTTEN.keys() & trainer.keys()}
    for part in class_parts(trainer.get("logger")):
        kept = {name: value for name, value in _arguments(part).items() if name in _LOGGER_KEPT}
        part.pop("dict_kwargs", None)
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


def _refuse_misspelled(content: Any, where: str, depth: int) -> None:
    """Refuse spellings that jsonargparse understands and a look at the parts does not."""
    if isinstance(content, str) and _holds_a_class(content):
        raise ValueError(f"{where} in the checkpoint is a text that holds a class: give another")
    for value in content if isinstance(content, list) else ():
        _refuse_misspelled(value, where, depth)
    if not isinstance(content, dict):
        return
    if "class_path" in content:
        _refuse_misfit(content, _PART, where)
        depth += 1
        if depth > _DEEPEST:
            raise ValueError(f"{where} in the checkpoint has classes in over {_DEEPEST} levels")
    for key, value in content.items():
        if not _is_setting(key, content, where):
            raise ValueError(f"{key!r:.60} in the checkpoint is no name of a setting: give another")
        _refuse_misspelled(value, f"{where}.{key}".strip("."), depth)


def _is_setting(key: Any, content: dict[Any, Any], where: str) -> bool:
    if "class_path" in content:
        return key in ("class_path", "init_args", "dict_kwargs")
    free = "." in where and not where.endswith((".init_args", ".dict_kwargs"))
    if isinstance(key, str):
        return _PATH.search(key) is None and (free or key.isidentifier())
    return free and isinstance(key, int)


def _refuse_misfit(content: Any, shape: Any, where: str) -> None:
    if wrong := misfit(content, shape, where):
        raise ValueError(f"in the configuration of the checkpoint {wrong}: give another")


def _holds_a_class(text: str) -> bool:
    """Tell whether a text is YAML with a class or an anchor; a setting of any type takes it so."""
    if not any(sign in text for sign in ":?"):  # without one there is no key with a value
        return False
    try:
        for event in yaml.parse(text, yaml.SafeLoader):
            if getattr(event, "anchor", None) and not isinstance(event, yaml.AliasEvent):
                return True  # aliases may follow, which make a short text an endless structure
        content = read_own(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return False
    texts = [part for part in leaves(content) if isinstance(part, str) and part != text]
    return any("class_path" in part or _holds_a_class(part) for part in texts)


def _refuse_doubled(part: dict[str, Any], item: Any) -> None:
    """Refuse additional arguments that would take the place of those that a class names."""
    makers = [vars(each).get("__init__") for each in getattr(item, "__mro__", ())] or [item]
    named = {*(part.get("init_args") or {})}
    for maker in makers:
        with suppress(TypeError, ValueError):  # some are written in C
            named |= inspect.signature(maker).parameters.keys()
    for name in named & (part.get("dict_kwargs") or {}).keys():
        raise ValueError(f"{name} of {part['class_path']} in the checkpoint is in dict_kwargs")


def _refuse_reaching(part: dict[str, Any]) -> None:
    name, given = part["class_path"], _arguments(part)
    fetched = [key for key in _FETCHED & given.keys() if given[key]]
    if fetched and name.startswith("torchvision."):
        raise ValueError(
            f"the checkpoint asks {name} for {fetched[0]}={given[fetched[0]]!r:.80}: nothing is "
            "fetched for one (docs/security.md)"
        )
    file = given.get("filename")
    if isinstance(file, str) and (_FILE.fullmatch(file) is None or file == os.pardir):
        raise ValueError(
            f"the checkpoint names the file {file:.80}, which may be outside of its run"
        )
    if name.startswith("src.") and given.get("compile"):
        part["init_args"]["compile"] = None  # the compiler writes elsewhere


def _forget_root(data: Any) -> None:
    """Forget which folder a data set would read all files of: that is for the user to say."""
    for part in class_parts(data):
        for given in filter(None, (part.get("init_args"), part.get("dict_kwargs"))):
            if "root" in given:
                given["root"] = None


def _refuse_texts(trainer: dict[str, Any]) -> None:
    for name, known in _TEXTS.items():
        values = trainer.get(name)
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, str) and value not in known:
                told = f"one of {', '.join(sorted(known))}" if known else "none"
                raise ValueError(
                    f"trainer.{name} in the checkpoint is a text, {value!r:.80}; it may be {told}"
                )


def _arguments(part: dict[str, Any]) -> dict[str, Any]:
    return {**(part.get("init_args") or {}), **(part.get("dict_kwargs") or {})}


def _is_open(folder: Any) -> bool:
    return folder is None or Path(folder).resolve() == Path(_HERE).resolve()
