"""Files that are on disk whole, or not at all."""

import json
import os
from contextlib import suppress
from glob import escape
from pathlib import Path
from time import time
from typing import Any
from uuid import uuid4

_PART = "[0-9a-f]" * 12 + ".part"
_ABANDONED_S = 3600  # since the last byte of a part whose process was killed


def write_atomic(path: Path, content: bytes | memoryview, sync: bool = True) -> None:
    """Write a file beside its place, force it to the disk, and only then give it its name.

    However the process ends, the name means the old content or the new, never a part. A link at
    its place is replaced, not followed.

    Args:
        path: File to write; its folder is made if it is not there.
        content: All of it.
        sync: Whether to force it to the disk; what only informs need not be.

    Raises:
        OSError: It cannot be written; what was there before is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f"{escape(path.name)}.{_PART}"):  # by processes that were killed
        with suppress(FileNotFoundError):
            if time() - left.lstat().st_mtime > _ABANDONED_S:
                left.unlink()
    part = path.with_name(f"{path.name}.{uuid4().hex[:12]}.part")  # that no other process writes to
    try:
        with part.open("xb") as file:
            file.write(content)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        error.filename = error.filename or str(path)  # a full disk does not say which it is
        raise
    if sync:
        sync_folder(path.parent)


def write_json(path: Path, content: Any, sync: bool = True, indent: int | None = 2) -> None:
    """Write a JSON file as `write_atomic` does.

    Args:
        path: File to write.
        content: What `json_text` takes.
        sync: Whether to force it to the disk.
        indent: Spaces of each level; None is one line.
    """
    write_atomic(path, f"{json_text(content, indent)}\n".encode(), sync)


def json_text(content: Any, indent: int | None = 2) -> str:
    """Write JSON that every program reads: NaN and infinity, which JSON lacks, become null.

    Args:
        content: Plain values; anything else is written as its text.
        indent: Spaces of each level; None is one line.

    Returns:
        The text, without a newline at its end.
    """
    text = json.dumps(content, default=str)
    finite = json.loads(text, parse_constant=lambda _: None)
    return json.dumps(finite, indent=indent)


def sync_folder(folder: Path) -> None:
    """Force the names in a folder to the disk, after a file was written or renamed in it."""
    if os.name == "nt":
        return  # Windows opens no folders, and needs no such call
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
