"""Single files of a run: what they are called, how they are read, what identifies them."""

import hashlib
import json
from pathlib import Path
from typing import Any


def file_digest(path: Path) -> str:
    """Identify a file by its content.

    Args:
        path: File to read.

    Returns:
        SHA-256.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def evaluation_dir(root: Path, checkpoint: Path, split: str) -> Path:
    """Name the folder of an evaluation.

    Args:
        root: Folder of the records of the run, or another.
        checkpoint: What is evaluated.
        split: On what.

    Returns:
        The folder, one for each checkpoint of a run and each split.
    """
    return root / "evaluation" / f"{checkpoint.stem}_{split}"


def read_json(path: Path) -> Any:
    """Read a file that a run wrote, if it is there.

    Args:
        path: JSON file.

    Returns:
        Its content, or None.

    Raises:
        ValueError: It is damaged.
    """
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}): delete it") from error
