"""Failures in one line, with the right exit code and nothing lost."""

import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import dropwhile
from pathlib import Path
from types import FrameType, TracebackType
from typing import Protocol

from src.engine.console.awake import awake
from src.engine.console.explain import explain
from src.engine.console.launcher import launched, speaks
from src.engine.console.lost import lost_process
from src.engine.console.masked import masked
from src.engine.console.printable import printable
from src.engine.console.shown import shown
from src.engine.console.slurm import requeue

USER_ERROR, RUN_ERROR = 2, 1  # exit codes
SIGNALS = [  # that end a run with its state saved
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name)
]
_SOURCE = Path(__file__).parents[2]


class UsageError(ValueError):
    """The user's input is wrong, which was noticed only when something ran."""


class RunStopped(BaseException):
    """A signal ended a run whose state is saved.

    Args:
        signum: Its number.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


class _Run(Protocol):  # see src.engine.files.run
    @property
    def has_state(self) -> bool: ...
    @property
    def resume_command(self) -> str: ...
    @property
    def log_dir(self) -> Path: ...
    @property
    def checkpoint_dir(self) -> Path: ...
    def discard_if_empty(self) -> None: ...
    def discard(self) -> None: ...
    def keep_traceback(self, text: str) -> Path | None: ...


@contextmanager
def one_line_failures(exit_code: int, debug: bool, run: _Run | None = None) -> Iterator[None]:
    """Turn an exception into one line on standard error and an exit code.

    The traceback goes to `traceback.txt` in the run's folder, unless it is the user's input that is
    refused; a run that wrote nothing gives its number back, and one that is refused before its
    first state leaves nothing.

    Args:
        exit_code: `USER_ERROR` while the command is read, `RUN_ERROR` while the run goes on.
        debug: Whether to let the exception pass, with its traceback.
        run: Folders of the run, if it has any.

    Yields:
        Nothing.

    Raises:
        SystemExit: Something failed, with `exit_code`, or a signal ended it, with 128 plus its
            number: 130 after Ctrl-C.
    """
    try:
        with _stopped_at_once(run):
            yield
    except (KeyboardInterrupt, RunStopped) as stop:
        signum = stop.signum if isinstance(stop, RunStopped) else signal.SIGINT
        _say_stopped(signum, run, continues=run is None or run.has_state)
        raise SystemExit(128 + signum) from None
    except Exception as error:
        refused = isinstance(error, UsageError)
        if run and refused and not run.has_state:
            run.discard()
        elif run:
            run.discard_if_empty()
        if debug:
            sys.excepthook = _say_traceback
            raise
        code = USER_ERROR if refused else exit_code
        _say_failed(error, code, run)
        raise SystemExit(code) from None


@contextmanager
def interrupts() -> Iterator[None]:
    """Pass Ctrl-C on; Lightning makes it an exit like any other failure."""
    try:
        yield
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from stop
        raise


@contextmanager
def _stopped_at_once(run: _Run | None) -> Iterator[None]:
    """Let a signal end the process where no training listens, also while a library waits."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python allows no handlers there
        return
    told = threading.Event()

    def stop(signum: int, _: FrameType | None) -> None:
        if not told.is_set():
            told.set()
            try:
                _say_stopped(signum, run, continues=bool(run and run.has_state))
                sys.stderr.flush()
            finally:
                os._exit(128 + signum)  # an exception could be swallowed by what is being imported

    numbers = [number for number in SIGNALS if number != signal.SIGINT]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        with awake(stop):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say_stopped(signum: int, run: _Run | None, continues: bool) -> None:
    if run:
        run.discard_if_empty()
    if speaks():
        end = requeue(signum) if continues else ""  # else it would begin anew, again and again
        if not end and run and run.has_state:
            end = _how_to_continue(run)
        how = f"; {end}" if end else ""
        print(f"\nstopped by {signal.Signals(signum).name}{how}", file=sys.stderr)


def _say_failed(error: Exception, exit_code: int, run: _Run | None) -> None:
    sentence = explain(str(error)) if exit_code == USER_ERROR else _located(error)
    if isinstance(error, ModuleNotFoundError) and "pip install" not in sentence:
        sentence += ": install the project with `make train`, then source .venv/bin/activate"
    print(f"error: {printable(masked(sentence))}", file=sys.stderr)
    if run and run.log_dir.is_dir():
        if not isinstance(error, UsageError):  # a run that is refused to go on has not failed
            _keep_traceback(error, run)
        if run.has_state:
            print(_how_to_continue(run), file=sys.stderr)


def _keep_traceback(error: Exception, run: _Run) -> None:
    if file := run.keep_traceback(masked(_lines(error))):
        print(f"traceback: {shown(file)}", file=sys.stderr)


def _say_traceback(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    print(_lines(error), end="", file=sys.stderr)


def _lines(error: BaseException) -> str:
    """Write a traceback whose lines a terminal shows as they are."""
    lines = "".join(traceback.format_exception(error)).split("\n")
    return "\n".join(map(printable, lines))


def _how_to_continue(run: _Run) -> str:
    launch = launched()
    if not launch or launch.machines == 1:
        return f"continue with\n{run.resume_command}"
    seen = f"one that does not see {shown(run.checkpoint_dir)} needs a copy of it"
    how = f"continue on each machine as it was started ({seen}), on this one with"
    return f"{how}\n{run.resume_command}"


def _located(error: Exception) -> str:
    """Say what failed and, unless our own code explains it, at which of its lines."""
    if said := _by_worker(str(error)) or lost_process(error):
        return said
    text = " ".join(str(error).split()) or type(error).__name__
    if text.startswith("Expected more than 1 value per channel"):
        text += (
            ". Batch norm cannot take one sample: give the loader drop_last, or another batch size"
        )
    frames = traceback.extract_tb(error.__traceback__)[1:]  # without the `yield` above
    ours = [frame for frame in frames if _SOURCE in Path(frame.filename).parents]
    if isinstance(error, OSError) or not ours or ours[-1] is frames[-1]:
        return text
    return f"{type(error).__name__}: {text} ({Path(ours[-1].filename).name}:{ours[-1].lineno})"


def _by_worker(message: str) -> str:
    """Take what failed out of what torch says of a worker: all of its traceback."""
    worker = re.match(r"Caught \w+ in (DataLoader worker process \d+)\.\nOriginal", message)
    if not worker:
        return ""
    last = message.rpartition("Traceback (most recent call last):\n")[2]
    lines = dropwhile(lambda line: line.startswith(" "), last.splitlines())
    return f"{' '.join(' '.join(lines).split())} (in {worker[1]})"
