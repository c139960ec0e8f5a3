"""The configuration of a run, written down in its folder and in every checkpoint."""

from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from src.experiment.config_file import flat

_COMPARED = {"seed_everything", "data", "model"}
_COMPARED_OF_TRAINER = {"max_epochs", "max_steps", "precision", "accumulate_grad_batches"}
_NOT_COMPARED = {"data.data_dir", "data.num_workers", "data.eval_batch_size"}


class RecordConfig(Callback):
    """Write the whole configuration to `config.yaml`, to each checkpoint and to the logger.

    Args:
        config: Configuration as YAML.
        folder: Folder of the run's records.
    """

    def __init__(self, config: str, folder: Path) -> None:
        self.config = config
        self.folder = folder

    @override
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit" and trainer.is_global_zero:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / "config.yaml").write_text(self.config)
            for logger in trainer.loggers:
                logger.log_hyperparams(hyperparameters(yaml.safe_load(self.config)))

    @override
    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint["config"] = self.config


def hyperparameters(config: dict[str, Any]) -> dict[str, Any]:
    """Flatten what a reader compares between runs: seed, data, model, length and precision.

    Args:
        config: Whole configuration of a run, in plain types.

    Returns:
        Values by dotted name, such as `model.optimizer.lr`, without those that are None or
        say only where and how fast images are read.
    """
    trainer = {key: config["trainer"][key] for key in _COMPARED_OF_TRAINER}
    chosen = {key: config[key] for key in _COMPARED} | {"trainer": trainer}
    return {
        name: value if isinstance(value, int | float | str) else str(value)
        for name, value in sorted(flat(chosen))
        if value is not None and name not in _NOT_COMPARED
    }
