"""Parts of a measurement, each in a process of its own: one that fails or hangs loses no other."""

import json
import math
import multiprocessing
import os
import pkgutil
import re
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import IO, Any, Literal, NamedTuple

NO_TIME = "skipped: no time left"
Method = Literal["forkserver", "spawn"]
_until_s = math.inf


class Part(NamedTuple):
    """A part of a measurement, which prints its rows as JSON, one line each time.

    Attributes:
        name: What it is called.
        function: What to call, as `module:function`.
        args: What it is called with.
        least_s: Time without which it is not begun [s].
        limit_s: Time after which it is stopped; what it has printed by then counts [s].
    """

    name: str
    function: str
    args: Sequence[Any]
    least_s: float
    limit_s: float


def left_s() -> float:
    """Tell how much time the part that calls this has left [s]."""
    return _until_s - time.monotonic()


def run_parts(
    parts: Sequence[Part], until_s: float, log: IO[bytes], method: Method
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Run one part after the other while there is time.

    Args:
        parts: The most important first.
        until_s: When all must have ended, on `time.monotonic()` [s].
        log: Where all that they say goes.
        method: How their processes begin: as forks of one that has loaded what they need, or new.

    Yields:
        Name and result of each: `status`, `seconds` and `rows`.
    """
    for part in parts:
        left = until_s - time.monotonic()
        if left < part.least_s:
            yield part.name, {"status": NO_TIME, "seconds": 0.0, "rows": {}}
        else:
            yield part.name, run_part(part, min(left, part.limit_s), log, method)


def run_part(part: Part, limit_s: float, log: IO[bytes], method: Method) -> dict[str, Any]:
    """Run a part and end all that it has started.

    Args:
        part: What to run.
        limit_s: Time that it may take [s].
        log: Where what it says goes, besides its rows.
        method: How its process begins.

    Returns:
        `status` in one line, `seconds`, and `rows` as it printed them last.
    """
    began = time.monotonic()
    with tempfile.NamedTemporaryFile() as printed, tempfile.NamedTemporaryFile() as said:
        process = multiprocessing.get_context(method).Process(
            target=_run, args=(part, (printed.name, said.name), began + limit_s)
        )
        code = _end(process, limit_s)
        text, rows = said.read(), _last_whole_line(printed.read())
    seconds = time.monotonic() - began
    log.write(f"\n===== {part.name}, {seconds:.1f} s =====\n".encode() + text)
    log.flush()
    status = "done"
    if code is None:
        status = f"stopped after {limit_s:.0f} s"
    elif code:
        status = f"failed: {_last_words(text)}" if text.strip() else f"failed: exit code {code}"
    elif not rows:
        status = "failed: it found nothing"
    return {"status": status, "seconds": round(seconds, 1), "rows": rows}


def _run(part: Part, printed_said: tuple[str, str], until_s: float) -> None:
    global _until_s  # noqa: PLW0603, told once, in a process of its own
    _until_s = until_s
    come_loose(*printed_said)
    pkgutil.resolve_name(part.function)(*part.args)


def come_loose(printed: str, said: str) -> None:
    """Make a forked process one such as a user starts, in a group of its own.

    Args:
        printed: File to which its output is appended.
        said: File to which its standard error is appended.
    """
    multiprocessing.set_start_method(None, force=True)  # for workers of its own, as ever
    os.setsid()
    for stream, name in ((1, printed), (2, said)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)


def _end(process: multiprocessing.process.BaseProcess, limit_s: float) -> int | None:
    """Run a process and what it starts to their end; None is one that had to be stopped."""
    try:
        process.start()
        process.join(limit_s)
        return process.exitcode
    except (OSError, EOFError):  # the process that others are forked from has died
        return 1
    finally:
        if process.pid:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.join()


def _last_whole_line(printed: bytes) -> dict[str, Any]:
    whole = printed.rpartition(b"\n")[0]  # a process that is stopped may leave half a line
    rows: dict[str, Any] = json.loads(whole.rpartition(b"\n")[2] or b"{}")
    return rows


def _last_words(text: bytes) -> str:
    lines = [line.strip() for line in re.split(r"[\r\n]+", text.decode(errors="replace"))]
    return [line for line in lines if line][-1][:300]
