"""A run goes on when nobody can read what it prints."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO, cast


class _Unattended:
    """Passes text on to a stream as long as there is something to take it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def unattended() -> Iterator[None]:
    """Let no output end a process: not a closed pipe or terminal, not a full disk of the log.

    Yields:
        Nothing.
    """
    before = {name: getattr(sys, name) or _nowhere() for name in ("stdout", "stderr")}
    for name, stream in before.items():
        setattr(sys, name, cast(TextIO, _Unattended(stream)))
    hang_up = getattr(signal, "SIGHUP", None)  # what a terminal sends when it is closed
    listens = hang_up and threading.current_thread() is threading.main_thread()
    handler = signal.signal(hang_up, signal.SIG_IGN) if hang_up and listens else None
    try:
        yield
    finally:
        if hang_up and listens:
            signal.signal(hang_up, handler)
        for name, stream in before.items():
            setattr(sys, name, stream)
            _let_go(stream)


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w")  # for the rest of the process


def _let_go(stream: TextIO) -> None:
    """Keep Python from trying once more at its end, and from failing for it."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
