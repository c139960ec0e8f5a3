"""The best state of a run, by a metric of its validation, or its last one."""

import re
from pathlib import Path
from typing import Any, Literal

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor
from typing_extensions import override

from src.engine.checkpoints.checkpoint_file import read_checkpoint
from src.engine.checkpoints.on_all_machines import first_says
from src.engine.files.shape import misfit
from src.engine.records.known_metrics import KnownMetrics
from src.engine.records.metric import Metric, Mode, ends

_PATHS = ("best_model_path", "kth_best_model_path", "last_model_path")
_SHAPE = dict.fromkeys(_PATHS, str) | {
    "monitor": (None, str),
    "best_step": int,
    "best_model_score": (None, Tensor),
    "kth_value": (None, Tensor),
    "mode?": re.compile("max|min"),
    "best_k_models": {str: Tensor},
}


class BestCheckpoint(ModelCheckpoint):
    """Keep the state with the best value of a metric as `best.ckpt`.

    Args:
        monitor: Name of the metric, logged in validation. None takes the one that the task
            publishes as its `headline`; without one there is no best state.
        mode: Whether the highest or the lowest value is best; None asks the task, or the
            torchmetrics object that is logged. `last` takes the last validated state for the best.
            Of many states that differ less than the metric is exact, the highest is often an early
            one by luck: `last` suits a long training with averaged weights and a learning rate that
            falls to zero. `last-max` and `last-min` also say which value is best.

    Attributes:
        takes_last: Whether it keeps the last validated state instead of the best one.
    """

    def __init__(
        self,
        monitor: str | None = None,
        mode: Literal["max", "min", "last", "last-max", "last-min"] | None = None,
    ) -> None:
        kind, _, best = (mode or "").rpartition("-")
        super().__init__(
            monitor=monitor,
            mode="min" if best == "min" else "max",
            filename="best",
            enable_version_counter=False,
            save_on_train_epoch_end=False,
        )
        self.takes_last = "last" in (kind, best)
        self._given: Mode | None = "max" if best == "max" else "min" if best == "min" else None
        self._key = ""
        self._known: KnownMetrics | None = None
        self._validated = False
        self._best_step = 0

    @property
    def metric(self) -> Metric | None:
        """Metric whose best state it keeps; None if there is none, or its mode is not known yet."""
        if self.monitor is None or self._known is None:
            return None
        return self._known.get(self.monitor)

    def choose(self, known: KnownMetrics) -> None:
        """Take the metric of the task where the user names none, and the mode of the metric.

        Args:
            known: What is known of the metrics of the run.

        Raises:
            ValueError: The user says that the worst value is the best one.
        """
        self._known, known.best = known, self
        if self.monitor is None and known.headline:
            self.monitor = known.headline.name
        known.chosen = self.monitor
        if self.monitor is None:
            return
        metric = known.get(self.monitor)
        if metric and self._given and metric.mode != self._given:
            best, _ = ends(metric.mode)
            raise ValueError(
                f"--best.mode {self._given}: of {self.monitor} the {best} value is best"
            )
        if self._given:
            known.say(self.monitor, self._given)
        if not self.takes_last:
            known.wanted[self.monitor] = "say --best.mode max or --best.mode min"
        self._take_mode()
        self._key = super().state_key

    def _take_mode(self) -> None:
        if (metric := self.metric) and not self.takes_last and self.mode != metric.mode:
            self.mode = metric.mode
            self.kth_value = torch.tensor(-torch.inf if metric.mode == "max" else torch.inf)

    @property
    @override
    def state_key(self) -> str:
        return self._key or super().state_key  # the same before and after the mode is known

    @override
    def state_dict(self) -> dict[str, Any]:
        known = {"mode": self.metric.mode} if self.metric else {}
        return {**super().state_dict(), "best_step": self._best_step, **known}

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._validated = not trainer.sanity_checking

    def save_if_validated(self, trainer: Trainer, _: bool) -> None:
        """Save the state between two batches if it has just been validated and is the best so far.

        Args:
            trainer: Trainer of the run.
        """
        if self._validated and (self.monitor or self.takes_last):
            self._validated = False
            self._take_mode()
            super().on_validation_end(trainer, trainer.lightning_module)

    @override
    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        return self.takes_last or super().check_monitor_top_k(trainer, current)

    @override
    def _save_checkpoint(self, trainer: Trainer, filepath: str) -> None:
        self._best_step = trainer.global_step
        super()._save_checkpoint(trainer, filepath)

    @override
    def on_train_batch_end(self, *args: Any) -> None:
        """Save nothing inside a batch."""

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if misfit(state_dict, _SHAPE):
            return  # no run wrote it
        if self.metric is None and self._known and self.monitor and "mode" in state_dict:
            self._known.say(self.monitor, state_dict["mode"])
            self._take_mode()
        best = Path(self.dirpath or ".") / "best.ckpt"  # where the run lies now
        if not first_says(_is_remembered(best, state_dict)):
            return  # it is of a later state than the one that continues, or not there
        self._best_step = state_dict["best_step"]
        moved = {name: str(best) if state_dict[name] else "" for name in _PATHS}
        scores = {str(best): score for score in state_dict["best_k_models"].values()}
        folder = str(best.parent)
        super().load_state_dict({**state_dict, **moved, "dirpath": folder, "best_k_models": scores})

    @override
    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if trainer.testing and "current_model_state" in checkpoint:
            # Lightning 2.6's WeightAveraging has just put back the weights from before averaging.
            pl_module.load_state_dict(checkpoint["state_dict"])


def _is_remembered(path: Path, state: dict[str, Any]) -> bool:
    """Tell whether a file is the best state that a checkpoint remembers."""
    try:
        found = read_checkpoint(path)
    except (OSError, ValueError):
        return False
    if found["global_step"] != state["best_step"]:
        return False
    score = found["metrics"].get(state["monitor"])
    same = score is not None and bool(score == state["best_model_score"])
    return same or state["monitor"] is None
