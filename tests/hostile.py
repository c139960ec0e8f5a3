"""Checkpoints of a stranger, the commands that read them, and an eye on what a command does."""

import copy
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch
import yaml
from jsonargparse._stubs_resolver import get_stubs_resolver

from src import demo, evaluate, export, label_errors, predict, reproduce
from src import train as training

VERBS: dict[str, Callable[[str], None]] = {
    "predict": lambda ckpt: predict.main([ckpt, "picture.png"]),
    "evaluate": lambda ckpt: evaluate.main([ckpt]),
    "export": lambda ckpt: export.main([ckpt, "--format", "pt"]),
    "demo": lambda ckpt: demo.main([ckpt, "--port", "0"]),
    "label_errors": lambda ckpt: label_errors.main([ckpt, "--folds", "2"]),
    "reproduce": lambda ckpt: reproduce.main([ckpt]),
    "train": lambda ckpt: training.main(["--ckpt_path", ckpt, "--trainer.max_epochs", "3"]),
}
_REACHING = (
    *("os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "pty.spawn"),
    *("subprocess.Popen", "socket.connect", "socket.getaddrinfo", "urllib.Request"),
    *("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate"),
    *("os.chmod", "os.chown", "shutil.rmtree", "shutil.copyfile", "shutil.move", "sqlite3.connect"),
    *("cpython.run_file", "tempfile.mkdtemp", "tempfile.mkstemp"),
)
_LOOKING = ("import", "open", "os.listdir", "os.scandir")
_seen: list[tuple[str, tuple[Any, ...]]] | None = None


def _hear(event: str, args: tuple[Any, ...]) -> None:
    if _seen is not None and (event in _LOOKING or event in _REACHING):
        _seen.append((event, args))


get_stubs_resolver()  # asks Python for its version once, in a process of its own
sys.addaudithook(_hear)  # for the rest of the process: nothing can take it away


class Watched:
    """What happened while a command ran."""

    def __init__(self, events: list[tuple[str, tuple[Any, ...]]]) -> None:
        self.events = events

    @property
    def imported(self) -> set[str]:
        return {str(args[0]) for event, args in self.events if event == "import"}

    @property
    def opened(self) -> list[str]:
        return [str(args[0]) for event, args in self.events if event == "open"]

    @property
    def listed(self) -> list[str]:
        return [
            str(args[0]) for event, args in self.events if event.startswith(("os.list", "os.sc"))
        ]

    @property
    def reached(self) -> list[tuple[str, Any]]:
        """Give what left the process: files that were written or moved, processes, connections."""
        written = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        return [
            (event, args[0])
            for event, args in self.events
            if event in _REACHING
            or (event == "open" and isinstance(args[2], int) and args[2] & written)
        ]


@contextmanager
def watched() -> Iterator[Watched]:
    """Watch what this process does."""
    global _seen  # noqa: PLW0603  # an audit hook stays for good: there is only one
    _seen = []
    try:
        yield Watched(_seen)
    finally:
        _seen = None


def place(config: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Copy a configuration with another value at a place, such as `model/init_args/network`."""
    changed = copy.deepcopy(config)
    *parents, key = path.split("/")
    inner = changed
    for parent in parents:
        inner = inner[parent]
    inner[key] = value
    return changed


def forge(genuine: Path, target: Path, config: Any) -> str:
    """Write a checkpoint that is genuine but for its configuration."""
    text = config if isinstance(config, str) else yaml.safe_dump(config)
    torch.save(content_of(genuine) | {"config": text}, target)
    return str(target)


@cache
def content_of(checkpoint: Path) -> dict[str, Any]:
    """Read a checkpoint, only once: nobody changes what is returned."""
    content: dict[str, Any] = torch.load(checkpoint, weights_only=True)
    return content
