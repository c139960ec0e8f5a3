"""Runs as a table for the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from src.engine.console.table import table as aligned
from src.engine.records.metric import number_text, test_name
from src.engine.records.run_record import RunRecord

_LONGEST = 60  # characters of a setting
# What is shown of a run's overview, and what stands there for nothing.
_TOLD = {
    "seed": None,
    "commit": "",
    "uncommitted": False,
    "group": "",
    "began": "",
    "changed": None,
}
_MEASURED = ("metric", "mode", "val", "test", "fit_s", "to_target_s", "step", "steps")


def facts(record: RunRecord) -> dict[str, Any]:
    """Gather what a list shows of a run, from its small files alone.

    Args:
        record: The run.

    Returns:
        Plain values by name.
    """
    overview, metrics, headline = record.overview, record.metrics, record.headline
    return {
        "run": record.name,
        "status": record.status,
        "metric": overview.get("headline") or (headline.name if headline else None),
        "mode": headline.mode if headline else None,
        "val": record.best_val,
        "test": record.tested,
        "fit_s": metrics.get("fit_s", record.progress.get("seconds")),
        "to_target_s": metrics.get("to_target_s"),
        "step": record.progress.get("step", metrics.get("steps")),
        "steps": record.progress.get("steps"),
        **_TOLD,
        **{name: overview[name] for name in _TOLD if overview.get(name) is not None},
    }


def damaged(record: RunRecord) -> dict[str, Any]:
    """Say of a run that its files cannot be read.

    Args:
        record: The run.

    Returns:
        The names that `facts` has; of most nothing is known.
    """
    return {"run": record.name, "status": "damaged", **dict.fromkeys(_MEASURED), **_TOLD}


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write runs as lines.

    Args:
        rows: What `facts` gathered of each.

    Returns:
        A heading and a line for each run; columns that no run fills are left out.
    """
    metrics = {row["metric"] for row in rows if row["metric"]}
    only = metrics.pop() if len(metrics) == 1 else None
    written = [_written(row) for row in rows]
    heads = [head for head in written[0] if any(row[head] for row in written)]
    if only:  # it heads its columns, else each row names its own
        heads.remove("metric")
    lines = [{head: head for head in heads} | _titles(only), *written]
    return aligned([line[head] for head in heads] for line in lines)


def _titles(metric: str | None) -> dict[str, str]:
    """Head the columns of the one metric by its names, if it has one of its own in the test."""
    names = {"val": metric, "test": test_name(metric)} if metric else {}
    names |= {"test": "test"} if names.get("test") == metric else {}
    return {head: str(name) for head, name in names.items()}


def _written(row: Mapping[str, Any]) -> dict[str, str]:
    status = row["status"]
    if status in ("running", "interrupted") and row["steps"]:
        status += f" {100 * row['step'] // row['steps']}%"
    changed = row["changed"]
    return {
        "run": row["run"],
        "status": status,
        "metric": row["metric"] or "",
        "val": _number(row["val"]),
        "test": _number(row["test"]),
        "seconds": _seconds(row["fit_s"]),
        "to target": _seconds(row["to_target_s"]),
        "seed": "" if row["seed"] is None else str(row["seed"]),
        "commit": row["commit"][:7] + "+" * row["uncommitted"],
        "began": row["began"][:16].replace("T", " "),
        "group": row["group"],
        "differs from the default": "?" if changed is None else _settings(changed),
    }


def _settings(changed: Mapping[str, Any]) -> str:
    """Write settings shortly: the last part of each name, unless two share it."""
    last = [name.rpartition(".")[2] for name in changed]
    short = [end if last.count(end) == 1 else name for end, name in zip(last, changed, strict=True)]
    return " ".join(
        f"{name}={_short(value)}" for name, value in zip(short, changed.values(), strict=True)
    )


def _short(value: Any) -> str:
    if isinstance(value, str) and value.startswith("src."):
        value = value.rpartition(".")[2]
    text = str(value).replace(" ", "")
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _number(value: float | None) -> str:
    return "" if value is None else number_text(value)


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
