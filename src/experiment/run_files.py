"""Single files of a run: what they are called, how they are read, what identifies them."""

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from types import UnionType
from typing import Any

_LARGEST = 2**26  # bytes; provenance holds up to 1 MB of uncommitted changes for each session
_DEEPEST = 50  # levels
_DIGITS = 18  # of a whole number
_NUMBER = float | int

_Kinds = Mapping[str, type | UnionType]
# Of each file the types of what is read here, and of everything else in it.
_KINDS: dict[str, tuple[_Kinds, type | UnionType]] = {
    "run.json": (
        {
            **dict.fromkeys(("group", "began", "commit", "config"), str | None),
            **dict.fromkeys(("pid", "seed"), int | None),
            "uncommitted": bool | None,
            "changed": dict | None,
        },
        object,
    ),
    "metrics.json": ({"steps": _NUMBER}, _NUMBER | None),
    "progress.json": (
        {"step": int, "steps": int | None, "seconds": _NUMBER, "validations": list},
        object,
    ),
    "summary.json": (
        {
            **dict.fromkeys(("class_names", "confusion", "confused", "mistakes"), list),
            **dict.fromkeys(("accuracy", "calibrated", "classes"), dict),
            **dict.fromkeys(("loss", "ece", "temperature"), _NUMBER),
            "undisputed": dict | None,
            "sha256": str,
        },
        object,
    ),
}
_SESSION: _Kinds = {
    **dict.fromkeys(("began", "command"), str),
    **dict.fromkeys(("git", "inputs", "packages"), dict),
    "from_step": int,
}
_GIT: _Kinds = dict.fromkeys(("commit", "status", "diff"), str)


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
        Its content, or None; a whole number of too many digits is a float.

    Raises:
        ValueError: It is damaged, or larger or more deeply nested than what a run writes.
    """
    if not path.is_file():  # a pipe is none, either: reading it would not end
        return None
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"larger than {_LARGEST:,} bytes")
        content = json.loads(path.read_text(), parse_int=_whole)
        _refuse_deeper(content, _DEEPEST)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}): delete it") from error
    return content


def read_object(path: Path) -> dict[str, Any]:
    """Read a file of a run that holds values by name.

    Args:
        path: `run.json`, `metrics.json`, `progress.json` or an evaluation's `summary.json`.

    Returns:
        The values, of the types that a run writes; none if the file is missing.

    Raises:
        ValueError: It is damaged.
    """
    content = read_json(path)
    if content is None:
        return {}
    kinds, others = _KINDS[path.name]
    found = _checked(path, content, kinds, others)
    for validation in found.get("validations", []):
        _checked(path, validation, {}, _NUMBER)
    return found


def read_sessions(path: Path) -> list[dict[str, Any]]:
    """Read the provenance of a run.

    Args:
        path: `provenance.json`.

    Returns:
        That of each session, of the types that a run writes; none if the file is missing.

    Raises:
        ValueError: It is damaged.
    """
    content = {"sessions": read_json(path) or []}
    sessions: list[dict[str, Any]] = _checked(path, content, {"sessions": list})["sessions"]
    for session in sessions:
        git = _checked(path, session, _SESSION, needed=_SESSION)["git"]
        _checked(path, git, _GIT, needed=_GIT)
    return sessions


def _checked(
    path: Path,
    content: Any,
    kinds: _Kinds,
    others: type | UnionType = object,
    needed: Collection[str] = (),
) -> dict[str, Any]:
    """Refuse an object whose values are not of the types that a run writes."""
    if not isinstance(content, dict):
        raise ValueError(f"{path} is damaged ({type(content).__name__} is no object): delete it")
    if missing := [name for name in needed if name not in content]:
        raise ValueError(f"{path} is damaged (it lacks {missing[0]}): delete it")
    for name, value in content.items():
        if not isinstance(value, kinds.get(name, others)):
            kind = type(value).__name__
            raise ValueError(f"{path} is damaged ({name} must not be {kind}): delete it")
    return content


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= _DIGITS else float(digits)


def _refuse_deeper(content: Any, levels: int) -> None:
    if not isinstance(content, dict | list):
        return
    if not levels:
        raise ValueError(f"nested in more than {_DEEPEST} levels")
    for inner in content.values() if isinstance(content, dict) else content:
        _refuse_deeper(inner, levels - 1)
