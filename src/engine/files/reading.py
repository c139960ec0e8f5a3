"""Single files of a run: what they are called, how they are read, what identifies them."""

import hashlib
import json
from collections import deque
from pathlib import Path
from typing import Any

from src.engine.files.nested import leaves
from src.engine.files.shape import misfit

_LARGEST = 2**26  # bytes; provenance holds up to 1 MB of uncommitted changes for each session


def file_digest(path: Path) -> str:
    """Identify a file by the SHA-256 of its content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def evaluation_dir(root: Path, checkpoint: Path, split: str) -> Path:
    """Name the folder of an evaluation: one for each checkpoint of a run and each split."""
    return root / "evaluation" / f"{checkpoint.stem}_{split}"


def read_text(path: Path) -> str:
    """Read a text file of a run, unless it is larger than what a run writes."""
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"larger than {_LARGEST:,} bytes")
    return path.read_text()


def read_json(path: Path, shape: Any) -> Any:
    """Read a file that a run wrote, if it is there.

    Args:
        path: JSON file.
        shape: What must be in it, see `src.engine.files.shape`.

    Returns:
        Its content, or None.

    Raises:
        ValueError: It is damaged, or larger or more deeply nested than what a run writes.
    """
    if not path.is_file():  # what is no file, such as a pipe, may never end
        return None
    try:
        content = json.loads(read_text(path), parse_constant=lambda _: None)  # NaN
        deque(leaves(content), 0)
        wrong = misfit(content, shape)
    except (ValueError, RecursionError) as error:
        wrong = str(error)
    if wrong:
        raise ValueError(f"{path} is damaged ({wrong}): delete it")
    return content
