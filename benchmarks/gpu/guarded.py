"""Parts of a measurement, each in a process of its own: one that fails or hangs loses no other."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any, NamedTuple

NO_TIME = "skipped: no time left"


class Part(NamedTuple):
    """A part of a measurement: a Python program that prints its rows as JSON, one line each time.

    Attributes:
        name: What it is called.
        words: The program, as words after `python`.
        least_s: Time without which it is not begun [s].
        limit_s: Time after which it is stopped; what it has printed by then counts [s].
    """

    name: str
    words: Sequence[str]
    least_s: float
    limit_s: float


def run_parts(
    parts: Sequence[Part], until_s: float, log: IO[bytes], env: Mapping[str, str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Run one part after the other while there is time.

    Args:
        parts: The most important first.
        until_s: When all must have ended, on `time.monotonic()` [s].
        log: Where all that they say goes.
        env: Their environment.

    Yields:
        Name and result of each: `status`, `seconds` and `rows`.
    """
    for part in parts:
        left_s = until_s - time.monotonic()
        if left_s < part.least_s:
            yield part.name, {"status": NO_TIME, "seconds": 0.0, "rows": {}}
        else:
            yield part.name, run_part(part, min(left_s, part.limit_s), log, env)


def run_part(part: Part, limit_s: float, log: IO[bytes], env: Mapping[str, str]) -> dict[str, Any]:
    """Run a part and end all that it has started.

    Args:
        part: What to run.
        limit_s: Time that it may take [s].
        log: Where what it says goes, besides its rows.
        env: Its environment.

    Returns:
        `status` in one line, `seconds`, and `rows` as it printed them last.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile("w+b") as printed, tempfile.TemporaryFile("w+b") as said:
        process = subprocess.Popen(
            [sys.executable, *part.words],
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=said,
            env=env,
            start_new_session=True,
        )
        code: int | None = None
        try:
            code = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said.seek(0)
        text = said.read()
        printed.seek(0)
        rows = _last_whole_line(printed.read())
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


def _last_whole_line(printed: bytes) -> dict[str, Any]:
    whole = printed.rpartition(b"\n")[0]  # a process that is stopped may leave half a line
    rows: dict[str, Any] = json.loads(whole.rpartition(b"\n")[2] or b"{}")
    return rows


def _last_words(text: bytes) -> str:
    lines = [line.strip() for line in re.split(r"[\r\n]+", text.decode(errors="replace"))]
    return [line for line in lines if line][-1][:300]
