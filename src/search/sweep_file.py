"""The file that describes a search."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import yaml
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from src.engine.records.config_file import read_own
from src.engine.records.metric import Metric, Mode

_BOUNDS = {"low", "high", "log", "step"}


@dataclass(frozen=True)
class Pruner:
    """When a trial is given up: once its best value is worse than the median of others.

    Attributes:
        startup_trials: Trials that are never given up, at the beginning.
        warmup_validations: Validations before which none is.
    """

    startup_trials: int = 5
    warmup_validations: int = 1


@dataclass(frozen=True)
class Sweep:
    """A search.

    Attributes:
        space: Where each option is searched, by its name on the command line.
        config: Configuration to start from; None is the default one.
        trials: How many trials there are, failed ones included.
        metric: Metric of the validation that is sought; None is the headline metric of the task.
        mode: Whether its highest (`max`) or lowest (`min`) value is; None asks the task.
        fixed: Options of all trials.
        pruner: When a trial is given up; None gives none up.
        seed: Seed of the sampler, not of the trainings.
        storage: Address of a database for several machines; None is a file in the group's folder.
    """

    space: dict[str, BaseDistribution]
    config: str | None = None
    trials: int = 20
    metric: str | None = None
    mode: Mode | None = None
    fixed: dict[str, Any] = field(default_factory=dict)
    pruner: Pruner | None = field(default_factory=Pruner)
    seed: int = 0
    storage: str | None = None

    def __post_init__(self) -> None:  # noqa: D105  # a user may have written anything
        if type(self.trials) is not int or self.trials < 1:
            raise ValueError(f"trials must be a number above 0, got {self.trials}")
        if type(self.seed) is not int or self.seed < 0:
            raise ValueError(f"seed must be a number of at least 0, got {self.seed}")
        if not isinstance(self.fixed, dict):
            raise ValueError(f"fixed must be options with their values, got {self.fixed}")
        if self.mode not in (None, "max", "min"):
            raise ValueError(f"mode must be max or min, got {self.mode}")
        if self.metric is not None and not _is_of_validation(self.metric):
            raise ValueError(
                f"metric must be one of the validation, such as val/loss, got {self.metric}: what "
                "is chosen by the test set cannot be tested on it"
            )

    @property
    def lowest(self) -> bool:
        """Whether the lowest value of the metric is the best one."""
        return self.mode == "min"

    def judged_by(self, known: Mapping[str, Metric], headline: Metric | None) -> "Sweep":
        """Fill in the metric and its mode.

        Args:
            known: Metrics that the task publishes, by name.
            headline: The one that chooses its best state; None if it has none.

        Returns:
            The same search with both.

        Raises:
            ValueError: The metric, or which of its values is best, is not known.
        """
        name = self.metric or (headline.name if headline else None)
        if name is None:
            raise ValueError("the task publishes no headline metric: say `metric` and `mode`")
        metric = known.get(name)
        if metric is None and self.mode is None:
            raise ValueError(f"which value of {name} is best is not known: say `mode`, max or min")
        if metric and self.mode not in (None, metric.mode):
            raise ValueError(f"mode {self.mode} of {name} is the wrong one: it is {metric.mode}")
        return replace(self, metric=name, mode=metric.mode if metric else self.mode)


def read_sweep(path: Path) -> Sweep:
    """Read the description of a search.

    Args:
        path: YAML file.

    Returns:
        The search; `config` is taken relative to the file.

    Raises:
        ValueError: It cannot be read, or something in it is wrong.
    """
    try:
        content = read_own(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    known = {each.name for each in fields(Sweep)}
    if not isinstance(content, dict) or not isinstance(content.get("space") or 0, dict):
        raise ValueError(f"{path} has no `space`: the options to search, each with low and high")
    if unknown := {str(name) for name in content} - known:
        told, names = (", ".join(sorted(each)) for each in (unknown, known))
        raise ValueError(f"{path}: {told} is not known; known are {names}")
    space = {name: _distribution(name, where) for name, where in content["space"].items()}
    if content.get("config"):
        content["config"] = str(path.parent / str(content["config"]))
    if "pruner" in content and content["pruner"] is not None:
        content["pruner"] = _pruner(path, content["pruner"])
    try:
        return Sweep(**content | {"space": space})
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def _is_of_validation(metric: Any) -> bool:
    return isinstance(metric, str) and not metric.startswith(("test", "train"))


def option(name: str, value: Any) -> str:
    """Write a setting as a word of the command line.

    Args:
        name: Name without dashes.
        value: Plain value.

    Returns:
        Such as `--model.optimizer.lr=0.01`.
    """
    return f"--{name}={value if isinstance(value, str) else json.dumps(value)}"


def _pruner(path: Path, content: Any) -> Pruner:
    try:
        return Pruner(**content)
    except TypeError as error:
        known = ", ".join(each.name for each in fields(Pruner))
        raise ValueError(f"{path}: pruner has {known}, or is null; got {content}") from error


def _distribution(name: str, where: Any) -> BaseDistribution:
    try:
        if isinstance(where, list):
            return CategoricalDistribution([_plain(choice) for choice in where])
        if isinstance(where, Mapping) and {"low", "high"} <= where.keys() <= _BOUNDS:
            return _range(**{key: _number(value) for key, value in where.items()})
    except (TypeError, ValueError) as error:
        raise ValueError(f"space of {name}: {error}; got {where}") from error
    raise ValueError(
        f"space of {name} must be a list of choices, or low and high, with log: true or a step "
        f"if wanted; got {where}"
    )


def _range(
    low: float, high: float, log: bool = False, step: float | None = None
) -> BaseDistribution:
    if isinstance(low, int) and isinstance(high, int) and isinstance(step, int | None):
        return IntDistribution(low, high, log, step or 1)
    return FloatDistribution(float(low), float(high), log, step)


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, str) else value  # YAML takes 1e-4 for a word


def _plain(choice: Any) -> Any:
    return json.dumps(choice) if isinstance(choice, list | dict) else choice
