"""What files from elsewhere must look like before they are believed."""

import re
from collections.abc import Iterator
from typing import Any

_COUNT = re.compile(r"[1-9]\d{0,3}")
_WORD = (None, str)

# Provenance of a session, see `src.engine.records.provenance`.
SESSION = {
    "began": str,
    "from_step": int,
    "command": str,
    "git": {"commit": str, "status": str, "diff": str, "carries?": str},
    "inputs": {"threads": _COUNT, "processes": _COUNT, str: str},
    "packages": {str: str},
    "group?": _WORD,
    "changes?": [list],
    "job?": str,
}
# See `src.engine.records.heartbeat`.
PROGRESS = {"seconds": float, "samples?": int, "images?": int, "validations": [{str: float}]}
RUN_PROGRESS = {f"{name.removesuffix('?')}?": shape for name, shape in PROGRESS.items()}
RUN_PROGRESS |= {"step?": int, "steps?": (None, int), "validations?": [{str: (None, float)}]}
METRICS = {"steps?": int, str: (None, float)}  # None where it was not finite
# What lists show of a run, see `src.engine.records.save_config`.
OVERVIEW = {
    "group?": _WORD,
    "began?": str,
    "commit?": str,
    "uncommitted?": bool,
    "seed?": (None, int),
    "config?": str,
    "headline?": _WORD,
    "metrics?": {
        str: {"mode": re.compile("max|min"), "format": re.compile("percent|number")},
    },
    "changed?": (None, {str: object}),
    "curve_notes?": {str: str},
}
# What a run is called in each of its loggers, see `src.engine.records.run_logger`.
LOGGERS = {str: [re.compile(r"[A-Za-z0-9_.-]{1,128}")]}
# A line of the ledger, see `src.engine.records.ledger`.
LOOK = {"network?": (None, int, str), "config?": (None, int, str)}


def misfit(content: Any, shape: Any, name: str = "") -> str:
    """Say what is wrong with a value.

    Args:
        content: Any value, of plain types.
        shape: What it must be: a type (`float` takes any number of at most 64 bits, `int` a whole
            one), None, a range, or a pattern of a text; a tuple of several such, of which one must
            fit; a list with the shape of each item, and an ellipsis if there must be one; a
            dictionary with the shape of each entry, optional if its name ends with `?`, and that of
            all others under `str`.
        name: What it is called.

    Returns:
        The first thing that is wrong, with its name; empty if all fits.
    """
    if isinstance(shape, tuple):
        found = [misfit(content, each, name) for each in shape]
        return "" if "" in found else found[-1]
    if not _is(content, type(shape) if isinstance(shape, dict | list) else shape):
        plain = isinstance(content, str | float)
        kind = f"{content!r:.30}" if plain else f"of type {type(content).__name__}"
        return f"{name or 'it'} is {kind}"
    if not isinstance(shape, dict | list):
        return ""
    inner = _entries if isinstance(shape, dict) else _items
    return next(filter(None, inner(content, shape, f"{name}." if name else "")), "")


def _is(content: Any, kind: Any) -> bool:
    if isinstance(kind, re.Pattern):
        return isinstance(content, str) and kind.fullmatch(content) is not None
    if isinstance(kind, range):
        return type(content) is int and content in kind
    if kind is int:
        whole = isinstance(content, int) and not isinstance(content, bool)
        return whole and -(2**63) <= content < 2**63
    if kind is float:
        return isinstance(content, float) or _is(content, int)
    return content is None if kind is None else isinstance(content, kind)


def _entries(content: Any, shape: Any, name: str) -> Iterator[str]:
    for key, inner in shape.items():
        if isinstance(key, str) and not key.endswith("?") and key not in content:
            yield f"{name}{key} is missing"
        elif key is str and not all(isinstance(each, str) for each in content):
            yield f"{name.removesuffix('.') or 'it'} has names that are not texts"
        elif key is not str and (key := key.removesuffix("?")) in content:
            yield misfit(content[key], inner, f"{name}{key}")
    if str in shape:
        for key, value in content.items():
            if key not in shape and f"{key}?" not in shape:
                yield misfit(value, shape[str], f"{name}{key:.30}")


def _items(content: Any, shape: Any, name: str) -> Iterator[str]:
    if ... in shape and not content:
        yield f"{name.removesuffix('.') or 'it'} is empty"
    for number, item in enumerate(content):
        yield misfit(item, shape[0], f"{name}{number}")
