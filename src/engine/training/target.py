"""A value of a metric at which training ends: time to accuracy."""

import math
import re
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from src.engine.console.failure import UsageError
from src.engine.records.heartbeat import COUNTED, Heartbeat
from src.engine.records.known_metrics import KnownMetrics, only
from src.engine.records.metric import Mode, ends

_MODES: dict[str, Mode] = {"<=": "min", ">=": "max"}
_REACHED = {  # what a run reports, by what a validation has it from
    "to_target_s": "seconds",
    "to_target_steps": "step",
    "to_target_samples": "samples",
}


class Target(Callback):
    """End training once a validation has reached a value; keep what it took.

    Args:
        text: Metric and value, such as `val/acc=0.99`, or, where it is not known which value of
            the metric is best, `val/rmse<=0.1`.
        heartbeat: Counts seconds and samples.
        known: What is known of the metrics of the run.

    Attributes:
        monitor: Name of the metric.
        reached: `to_target_s`, `to_target_steps` and `to_target_samples`; empty before.

    Raises:
        ValueError: `text` is not a metric of the validation and a number.
    """

    def __init__(self, text: str, heartbeat: Heartbeat, known: KnownMetrics) -> None:
        self.monitor, sign, self.value = parse_target(text)
        self.heartbeat = heartbeat
        self.known = known
        self.reached: dict[str, float] = {}
        if sign == "=":
            known.wanted[self.monitor] = f"write --target '{self.monitor}<={self.value:g}' or '>='"
        else:
            self._refuse_worst(sign)
            known.say(self.monitor, _MODES[sign])

    @override
    def state_dict(self) -> dict[str, Any]:
        return {"metric": self.monitor, "value": self.value, "reached": self.reached}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        same = (state_dict["metric"], state_dict["value"]) == (self.monitor, self.value)
        if self.heartbeat.fitting and same:
            before = state_dict["reached"]
            self.reached = {name: before[name] for name in _REACHED if name in before}

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking or not self.heartbeat.fitting or self.reached:
            return
        last = self.heartbeat.validations[-1]
        metric = self.known.get(self.monitor)
        if self.monitor not in last or metric is None:
            logged = only(name for name in last if name not in COUNTED)
            raise UsageError(f"--target {self.monitor} is not logged in validation, {logged}")
        here = metric.better(last[self.monitor], self.value)
        if trainer.strategy.reduce_boolean_decision(here, all=False):
            self.reached = {name: last[source] for name, source in _REACHED.items()}
            trainer.should_stop = True

    def _refuse_worst(self, sign: str) -> None:
        metric = self.known.get(self.monitor)
        if metric and metric.mode != _MODES[sign]:
            best, _ = ends(metric.mode)
            raise ValueError(f"--target {self.monitor}{sign}: its {best} value is best")


def parse_target(text: str) -> tuple[str, str, float]:
    """Read metric and value.

    Args:
        text: Such as `val/acc=0.99` or `val/rmse<=0.1`.

    Returns:
        Name of the metric; `=`, `<=` or `>=`; the value.

    Raises:
        ValueError: It is not of that form.
    """
    match = re.fullmatch(r"([^<>=]+)([<>]?=)(.+)", text)
    try:
        value = float(match[3]) if match else math.nan
    except ValueError:
        value = math.nan
    if not match or match[1].startswith(("test", "train")) or not math.isfinite(value):
        raise ValueError(
            "--target must be a metric of the validation and a number, such as val/loss=0.1 or "
            f"'val/loss<=0.1', got {text!r}"
        )
    return match[1], match[2], value
