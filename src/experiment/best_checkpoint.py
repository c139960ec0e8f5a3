"""The best state of a run, by a metric of its validation, or its last one."""

from pathlib import Path
from typing import Any, Literal

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor
from typing_extensions import override

from src.experiment.checkpoint_file import read_checkpoint
from src.experiment.shape import misfit

_PATHS = ("best_model_path", "kth_best_model_path", "last_model_path")
_SHAPE = dict.fromkeys(_PATHS, str) | {
    "monitor": str,
    "best_step": int,
    "best_model_score": Tensor,
    "kth_value": Tensor,
    "best_k_models": {str: Tensor},
}


class BestCheckpoint(ModelCheckpoint):
    """Keep the state with the best value of a metric as `best.ckpt`.

    Args:
        monitor: Name of the metric, logged in validation.
        mode: Whether the highest or the lowest value is best; `last` takes the last validated state
            for the best. Of many states that differ less than the metric is exact, the highest is
            often an early one by luck: `last` suits a long training with averaged weights and a
            learning rate that falls to zero.
    """

    def __init__(
        self, monitor: str = "val/acc", mode: Literal["max", "min", "last"] = "max"
    ) -> None:
        super().__init__(
            monitor=monitor,
            mode="max" if mode == "last" else mode,
            filename="best",
            enable_version_counter=False,
            save_on_train_epoch_end=False,
        )
        self._takes_last = mode == "last"
        self._validated = False
        self._best_step = 0

    @override
    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "best_step": self._best_step}

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._validated = not trainer.sanity_checking

    def save_if_validated(self, trainer: Trainer, _: bool) -> None:
        """Save the state between two batches if it has just been validated and is the best so far.

        Args:
            trainer: Trainer of the run.
        """
        if self._validated:
            self._validated = False
            if self.monitor not in trainer.callback_metrics:
                return  # no state is best
            super().on_validation_end(trainer, trainer.lightning_module)

    @override
    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        return self._takes_last or super().check_monitor_top_k(trainer, current)

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
        here = Path(self.dirpath or ".")
        best = here / Path(state_dict["best_model_path"]).name
        if not _is_remembered(best, state_dict):
            return  # it is of a later state than the one that continues, or not there
        self._best_step = state_dict["best_step"]
        moved = {
            name: str(here / Path(state_dict[name]).name) if state_dict[name] else ""
            for name in _PATHS
        }
        scores = {
            str(here / Path(path).name): score
            for path, score in state_dict["best_k_models"].items()
        }
        super().load_state_dict(
            {**state_dict, **moved, "dirpath": str(here), "best_k_models": scores}
        )

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
    score = found["metrics"].get(state["monitor"])
    same_score = score is not None and score == state["best_model_score"]
    return bool(same_score and found["global_step"] == state["best_step"])
