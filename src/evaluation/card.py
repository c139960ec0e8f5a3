"""A model card: what a trained model is, in Markdown."""

from collections.abc import Mapping
from typing import Any

from scipy.stats import binomtest

from src.engine.console.printable import printable
from src.engine.records.metric import FIGURES, Metric
from src.engine.records.run_record import RunRecord, split_inputs

_ENERGY = {"energy_j": "J", "energy_wh": "Wh", "energy_kwh": "kWh"}  # figures of who measures it


def card(record: RunRecord, looks: str, default: Mapping[str, Any] | None = None) -> str:
    """Describe a finished run: data, recipe, result, and what they cost.

    Args:
        record: The run.
        looks: How often the test set was looked at, in words.
        default: Settings that a run has if nothing is said, which are left out; None lists all.

    Returns:
        Markdown.
    """
    files, surroundings = split_inputs(record.sessions[-1] if record.sessions else {})
    data = {"data set": record.settings.get("data") or "the loaders of the task"}
    data |= {name: f"{value} (check sum)" for name, value in files.items()}
    default = default or {}
    recipe = {
        name: value
        for name, value in record.settings.items()
        if name in ("model", "seed_everything") or value != default.get(name)
    }
    parts = {
        "Data": data,
        "Recipe": {**recipe, "commit": _commit(record)},
        "Result": {**_result(record), "looks at the test set": looks},
        "Cost": {**surroundings, **_cost(record.metrics)},
    }
    lines = [f"# Model card of {record.name}"]
    for title, rows in parts.items():
        lines += ["", f"## {title}", "", "| | |", "|---|---|"]
        lines += [f"| {_cell(name)} | {_cell(value)} |" for name, value in rows.items()]
    return "\n".join([*lines, ""])


def _result(record: RunRecord) -> dict[str, str]:
    """Write what was logged in the test, shares of its samples with Wilson's interval."""
    count = record.metrics.get("test_samples")
    found = {}
    for name, value in sorted(record.metrics.items()):
        if value is not None and _is_told(record, name):
            metric = record.metric(name) or Metric(name, "max")  # only how it is written counts
            found[name] = metric.text(value) + _interval(metric, name, value, count)
    if count:
        found["samples of the test"] = f"{int(count):,}"
    return found or {"test": "none"}


def _is_told(record: RunRecord, name: str) -> bool:
    best = f"{record.headline.name}_best" if record.headline else ""
    return (name.startswith("test") and name not in FIGURES) or name == best


def _interval(metric: Metric, name: str, value: float, count: float | None) -> str:
    if metric.format != "percent" or not count or not name.startswith("test"):
        return ""
    right = round(value * count)
    low, high = binomtest(right, int(count)).proportion_ci(method="wilson")
    return f" (95% interval {metric.text(low)} to {metric.text(high)})"


def _commit(record: RunRecord) -> str:
    commit = str(record.overview.get("commit") or "not known")
    return commit + " with uncommitted changes" * bool(record.overview.get("uncommitted"))


def _cost(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Write seconds and memory, and the energy if something has measured it."""
    names = {"fit_s": "s", "test_s": "s", "memory_mib": "MiB", "gpu_memory_mib": "MiB"} | _ENERGY
    known = {name: unit for name, unit in names.items() if metrics.get(name) is not None}
    found = {name: f"{metrics[name]:,.1f} {unit}" for name, unit in known.items()}
    return found if known.keys() & _ENERGY.keys() else found | {"energy": "not measured"}


def _cell(value: Any) -> str:
    return printable(str(value)).replace("|", "\\|")
