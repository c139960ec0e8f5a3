"""What a configuration describes, made without a Trainer."""

import os
import signal
import sys
import threading
from argparse import ArgumentError
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import torch
from jsonargparse import Namespace
from lightning.pytorch import LightningDataModule, LightningModule
from torch import Tensor

from src.engine.checkpoints.published import link
from src.engine.checkpoints.trusted import Trusted
from src.engine.checkpoints.weights import refuse_other_weights
from src.engine.console.explain import explain
from src.engine.console.parser import OneLineParser
from src.engine.seed import seed_generators

if sys.platform != "win32":
    import resource

_LONGEST = 300  # characters of a reason
_LONGEST_S = 60.0  # that a stranger's network may take to be made
_SEEDS = range(2**32)
# Bytes for all but the weights, and for a thread of torch; and how often the weights are held.
_SPARE, _OF_A_THREAD, _COPIES = 2**31, 2**28, 4


def build(
    config: Trusted, weights: Mapping[str, Tensor] | None = None
) -> tuple[LightningModule, LightningDataModule | None]:
    """Make the task and the data set that a configuration describes, without a Trainer.

    Its seed is set before, so that what draws random numbers while it is made draws the same.

    Args:
        config: Configuration of a checkpoint.
        weights: What the task shall hold, by name; of a stranger's, a task of other sizes is
            refused before it takes any memory.

    Returns:
        The task, with those weights or its first ones; and the data set, None if the task has its
        own loaders.

    Raises:
        ValueError: The configuration does not fit the classes of this code, or the weights.
    """
    parser = OneLineParser(exit_on_error=False)
    parser.add_lightning_class_args(LightningModule, "model", subclass_mode=True)
    parts = [name for name in ("model", "data") if config.content.get(name)]
    if "data" in parts:
        parser.add_lightning_class_args(LightningDataModule, "data", subclass_mode=True)
        link(parser, config.content, ())
    try:
        parsed = config.parse(parser, only=parts)
    except ArgumentError as error:
        reason = explain(str(error))[:_LONGEST]
        raise ValueError(f"the checkpoint is of other code than this: {reason}") from error
    seed = config.content.get("seed_everything")
    if type(seed) is int and seed in _SEEDS:
        seed_generators(seed)
    if weights is None or config.own:
        made = _make(parser, parsed)
    else:
        made = _make_bounded(parser, parsed, weights)
    if weights is not None:
        refuse_other_weights(made.model, weights)
        made.model.load_state_dict(weights)
    return made.model, made.get("data")


def _make(parser: OneLineParser, parsed: Namespace) -> Any:
    made = parser.instantiate(parsed)
    made.model.configure_model()  # where a module may make its layers
    return made


def _make_bounded(parser: OneLineParser, parsed: Namespace, weights: Mapping[str, Tensor]) -> Any:
    """Make a stranger's task and data set in about the memory that the weights take."""
    size = sum(tensor.nbytes for tensor in weights.values())
    spare = _SPARE + _OF_A_THREAD * (os.cpu_count() or 1)
    try:
        with _memory_limit(spare + _COPIES * size), _time_limit(_LONGEST_S):
            with torch.device("meta"), suppress(NotImplementedError, RuntimeError):
                refuse_other_weights(_make(parser, parsed.clone()).model, weights)
            return _make(parser, parsed)
    except (MemoryError, TimeoutError) as error:
        raise ValueError("the checkpoint describes more than its weights have room for") from error


@contextmanager
def _memory_limit(spare: int) -> Iterator[None]:
    """Let this process take only so many more bytes, where the system can tell and limit it."""
    statm = Path("/proc/self/statm")
    if not statm.is_file():
        yield
        return
    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = int(statm.read_text().split()[0]) * resource.getpagesize() + spare
    limits = [value for value in (limit, before, hard) if value != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, hard))


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Let a piece of work take only so long, where the system has an alarm."""

    def stop(*_: Any) -> NoReturn:
        raise TimeoutError(f"it took over {seconds:g} s")

    if threading.current_thread() is not threading.main_thread() or sys.platform == "win32":
        yield
        return
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
