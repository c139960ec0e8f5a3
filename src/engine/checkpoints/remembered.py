"""What is remembered of a user's consent, in a file outside the project and its runs."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

_of_this_process: list[dict[str, Any]] = []


def memory_file() -> Path:
    """Name the file.

    Returns:
        A file in the user's folder of states, which no checkpoint or run's folder can bring along.

    Raises:
        RuntimeError: The user has no home.
    """
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "lightning-research-template" / "used.jsonl"


def remembered() -> list[dict[str, Any]]:
    """Read the file.

    Returns:
        All entries, the first one first; none if there is no file.
    """
    try:
        file = memory_file()
        return [*_read(file, file.stat().st_mtime_ns, file.stat().st_size), *_of_this_process]
    except (OSError, RuntimeError):
        return _of_this_process


def remember(entry: dict[str, str]) -> bool:
    """Add an entry, if it is not there yet.

    Args:
        entry: Plain values by name.

    Returns:
        Whether it is there now; else this process alone remembers it, for a memory that cannot be
        written must not end a run.
    """
    if entry in remembered():
        return True
    try:
        file = memory_file()
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            # In one call: lines of processes do not mix; on a new line: a full disk may have cut.
            os.write(descriptor, b"\n" + json.dumps(entry).encode() + b"\n")
        finally:
            os.close(descriptor)
    except (OSError, RuntimeError):
        _of_this_process.append(entry)
        return False
    return True


@cache
def _read(file: Path, _time: int, _size: int) -> list[dict[str, Any]]:
    entries = []
    for line in file.read_text(errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            entries.append(entry)
    return entries
