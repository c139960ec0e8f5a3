"""What the settings of a training publish of its metrics, before anything is trained."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any

from src.engine.records.metric import Metric, headline_of, published

_FURTHER = "model.metrics."
_SPLITS = "train", "val", "test"


def published_by(given: Mapping[str, Any]) -> tuple[dict[str, Metric], Metric | None]:
    """Ask the task and the further metrics that settings name which value is best.

    Args:
        given: Settings of a training by name.

    Returns:
        Metrics of each split that are known, by name, and the headline metric of the validation;
        nothing of a task that cannot be found: a training will say why.
    """
    task = _named(str(given.get("model")))
    further = [
        Metric(name.removeprefix(_FURTHER), "max" if better else "min")
        for name, path in given.items()
        if name.startswith(_FURTHER) and name.count(".") == _FURTHER.count(".")
        if (better := getattr(_metric(str(path)), "higher_is_better", None)) is not None
    ]
    known = {each.name: each for metric in further for each in map(metric.of, _SPLITS)}
    return known | published(task), headline_of(task)


def _named(path: str) -> Any:
    """Find a class by its path, or a task of this project by its bare name; None without one."""
    tasks = importlib.import_module("src.tasks")
    try:
        return getattr(tasks, path, None) or pkgutil.resolve_name(path)
    except Exception:  # whatever a user's module does when it is imported
        return None


def _metric(name: str) -> Any:
    """Find a metric by its path, or one of torchmetrics by its bare name; None without one."""
    if "." in name:
        return _named(name)
    base = importlib.import_module("torchmetrics").Metric
    return next((each for each in _subclasses(base) if each.__name__ == name), None)


def _subclasses(base: type) -> Iterator[type]:
    found: list[type] = type.__subclasses__(base)
    for each in found:
        yield each
        yield from _subclasses(each)
