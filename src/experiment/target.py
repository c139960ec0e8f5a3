"""A value of a metric at which training ends: time to accuracy."""

import math
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from src.experiment.heartbeat import Heartbeat

_REACHED = {  # what a run reports, by what a validation has it from
    "to_target_s": "seconds",
    "to_target_steps": "step",
    "to_target_samples": "samples",
}


class Target(Callback):
    """End training once a validation has reached a value; keep what it took.

    Args:
        text: Metric and value, such as `val/acc=0.99`. A loss must fall to the value, any other
            metric must rise to it.
        heartbeat: Counts seconds and samples.

    Attributes:
        reached: `to_target_s`, `to_target_steps` and `to_target_samples`; empty before.

    Raises:
        ValueError: `text` is not a metric of the validation and a number.
    """

    def __init__(self, text: str, heartbeat: Heartbeat) -> None:
        self.metric, self.value = parse_target(text)
        self.heartbeat = heartbeat
        self.reached: dict[str, float] = {}

    @override
    def state_dict(self) -> dict[str, Any]:
        return {"metric": self.metric, "value": self.value, "reached": self.reached}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        same = (state_dict["metric"], state_dict["value"]) == (self.metric, self.value)
        if self.heartbeat.fitting and same:
            before = state_dict["reached"]
            self.reached = {name: before[name] for name in _REACHED if name in before}

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking or not self.heartbeat.fitting or self.reached:
            return
        last = self.heartbeat.validations[-1]
        if self.metric not in last:
            known = ", ".join(name for name in last if name.startswith("val/"))
            raise ValueError(f"--target {self.metric} is not logged in validation; {known} are")
        here = is_reached(self.metric, last[self.metric], self.value)
        if trainer.strategy.reduce_boolean_decision(here, all=False):
            self.reached = {name: last[source] for name, source in _REACHED.items()}
            trainer.should_stop = True


def parse_target(text: str) -> tuple[str, float]:
    """Read metric and value.

    Args:
        text: Such as `val/acc=0.99`.

    Returns:
        Name of the metric and the value.

    Raises:
        ValueError: It is not of that form.
    """
    metric, _, number = text.partition("=")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not metric.startswith("val/") or not math.isfinite(value):
        raise ValueError(
            f"--target must be a metric of the validation and a number, such as val/acc=0.99, "
            f"got {text!r}"
        )
    return metric, value


def is_reached(metric: str, now: float, value: float) -> bool:
    """Tell whether a metric is as good as wanted.

    Args:
        metric: Name; a loss is better if lower, anything else if higher.
        now: What it is.
        value: What is wanted.

    Returns:
        True if it is.
    """
    return now <= value if metric.endswith("loss") else now >= value
