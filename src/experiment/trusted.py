"""What the configuration in a checkpoint may name: parts of a training, and no other code."""

import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import yaml
from lightning.fabric.plugins import CheckpointIO, ClusterEnvironment, Precision
from lightning.pytorch import Callback, LightningDataModule
from lightning.pytorch.accelerators import Accelerator
from lightning.pytorch.loggers import Logger
from lightning.pytorch.plugins import LayerSync
from lightning.pytorch.profilers import Profiler
from lightning.pytorch.strategies import Strategy
from torch import nn
from torch.optim.lr_scheduler import LRScheduler

_PARTS = (
    nn.Module,
    torch.optim.Optimizer,
    LRScheduler,
    LightningDataModule,
    *(Accelerator, Callback, CheckpointIO, ClusterEnvironment, LayerSync),
    *(Logger, Precision, Profiler, Strategy),
)
_MAKERS = ("src.", "torchvision.models.")  # whose functions make parts
_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


def read_trusted(config: Any, words: list[str]) -> dict[str, Any]:
    """Read the configuration in a checkpoint, if it can do no more than build a training.

    A checkpoint comes from anywhere, and what a configuration names is called.

    Args:
        config: What the checkpoint holds as its configuration.
        words: Words of the user's command; what they name is trusted.

    Returns:
        The configuration in plain types; nothing that it names has been called.

    Raises:
        ValueError: It is no configuration, or names something else than networks, optimizers,
            schedules, data sets, tasks and parts of the Trainer.
    """
    try:
        content = yaml.safe_load(config) if isinstance(config, str) else None
    except yaml.YAMLError:
        content = None
    if not isinstance(content, dict) or "config" in content:
        raise ValueError("the checkpoint holds no configuration: give another one")
    for key, text in _texts(content):
        if not any(text in word for word in words) and not _is_harmless(key, text):
            raise ValueError(
                f"the checkpoint names {text}, which is no part of a training and was not called; "
                "if you trust it, name it in the command, too"
            )
    return content


def _texts(content: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(content, dict):
        for name, inner in content.items():
            yield from _texts(inner, str(name))
    elif isinstance(content, list):
        for inner in content:
            yield from _texts(inner)
    elif isinstance(content, str):
        yield key, content


def _is_harmless(key: str, text: str) -> bool:
    if _NAME.fullmatch(text):
        return _is_part(text, must_be=key == "class_path")
    # A part may also be described in a text, or in a file that the text names.
    return "class_path" not in text and "class_path" not in _content(text)


def _is_part(name: str, must_be: bool) -> bool:
    try:
        item = pkgutil.resolve_name(name)
    except Exception:
        return not must_be  # the name of a file or a metric, perhaps
    if isinstance(item, type):
        return issubclass(item, _PARTS)
    return not callable(item) or name.startswith(_MAKERS)


def _content(text: str) -> str:
    try:
        return Path(text).read_text(errors="replace")
    except (OSError, ValueError):
        return ""
