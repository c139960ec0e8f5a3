"""A run that was run again, compared with the first one."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from src.engine.checkpoints.digest import digest
from src.engine.console.table import entries
from src.engine.records.changes import changes
from src.engine.records.provenance import differences

_STATES = {"weights": "state_dict", "optimizer": "optimizer_states", "schedule": "lr_schedulers"}
_SHOWN = 16  # characters of a digest


def report(first: dict[str, Any], again: dict[str, Any]) -> tuple[bool, str]:
    """Compare two checkpoints of the same step.

    Args:
        first: Content of the original.
        again: Content of the one that was made from its configuration.

    Returns:
        Whether weights, optimizer, schedule and metrics agree to the last bit, and a table that
        says which do and what that was recorded differs.
    """
    rows: list[tuple[str, Any, Any]] = [
        (name, digest(first[key])[:_SHOWN], digest(again[key])[:_SHOWN])
        for name, key in _STATES.items()
    ]
    rows += [
        (name, value, again["metrics"].get(name))
        for name, value in sorted(first["metrics"].items())
        if not name.endswith("_s")  # seconds, and what is counted by them
    ]
    same = all(digest(before) == digest(now) for _, before, now in rows)
    lines = [(name, _agreement(before, now)) for name, before, now in rows]
    lines += [("differs", difference) for difference in _recorded(first, again)]
    if same:
        verdict = "yes, to the last bit"
    elif len(lines) == len(rows):
        verdict = "no, and nothing recorded differs: try --trainer.deterministic true in both runs"
    else:
        verdict = "no"
    return same, entries([*lines, ("reproduced", verdict)])


def _agreement(before: Any, now: Any) -> str:
    if digest(before) == digest(now):
        return f"same, {before:.6g}" if isinstance(before, float) else f"same, {before}"
    return f"was {before}, is {now}"


def _recorded(first: dict[str, Any], again: dict[str, Any]) -> list[str]:
    sessions = first["provenance"]
    found = _settings(changes(first["config"], again["config"]))
    found += differences(sessions[-1], again["provenance"][-1])
    for before, session in pairwise(sessions):
        since = differences(before, session) + _settings(session["changes"])
        found += [f"{change}, since step {session['from_step']} of the run" for change in since]
    return found


def _settings(changed: Iterable[Sequence[Any]]) -> list[str]:
    return [f"--{name} {before} -> {now}" for name, before, now in changed]
