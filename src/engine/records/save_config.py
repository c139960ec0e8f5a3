"""What a run is, written down in its folder and in every checkpoint."""

import json
import os
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from typing_extensions import override

from src.engine.console.note import note
from src.engine.files.atomic_write import write_atomic
from src.engine.files.plain_file import refuse_unsafe
from src.engine.lightning_compat import checkpoint_content, data_of, ended_early, initial_hparams
from src.engine.records.changes import Change, changes
from src.engine.records.config_file import flat
from src.engine.records.known_metrics import KnownMetrics
from src.engine.records.ledger import NOT_THE_CONFIGURATION, config_digest
from src.engine.records.loggers import log_hyperparams
from src.engine.records.masked_settings import masked_config, masked_settings
from src.engine.records.plain import read_own
from src.engine.records.provenance import differences, provenance

_COMPARED = {"seed_everything", "data", "model"}
_COMPARED_OF_TRAINER = {"max_epochs", "max_steps", "precision", "accumulate_grad_batches"}
_NOT_COMPARED = {"data.data_dir", "data.num_workers", "data.eval_batch_size"}


class SaveConfig(Callback):
    """Write configuration and provenance to the run's folder, each checkpoint and the loggers.

    Args:
        config: Configuration as YAML; its secrets are not recorded.
        folder: Folder of the run's records.
        weights: What weights from elsewhere it began with.
        group: Name of the group that a new run belongs to.

    Attributes:
        default: Configuration that a run has if nothing is said, as YAML; None if not known.
        known: What is known of the metrics of the run.
        sessions: Provenance of the sessions of the run.
        changes: Settings that this session changes.
    """

    def __init__(
        self, config: str, folder: Path, weights: str = "", group: str | None = None
    ) -> None:
        self.config = masked_config(config)
        self.folder = folder
        self.weights = weights
        self.group = group
        self.default: str | None = None
        self.known: KnownMetrics | None = None
        self.sessions: list[dict[str, Any]] = []
        self.changes: list[Change] = []
        self._written: dict[str, Any] = {}

    @override
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit" and trainer.is_global_zero:
            write_atomic(self.folder / "config.yaml", self.config.encode())
            for owner in (pl_module, data_of(trainer)):
                initial = initial_hparams(owner)
                initial.update(masked_settings(dict(initial)))
            log_hyperparams(trainer, hyperparameters(read_own(self.config)))

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.sessions:  # a run that continues began as it did
            self.weights = self.sessions[0]["inputs"].get("weights", "")
            self.group = self.sessions[0].get("group")
        now = provenance(trainer, data_of(trainer), self.weights) | {"group": self.group}
        now["changes"] = [
            [name, masked_settings(before, name), masked_settings(after, name)]
            for name, before, after in self.changes
        ]
        if self.sessions and (found := differences(self.sessions[-1], now)):
            note(
                f"since the checkpoint: {', '.join(found)}; the samples come in the same order, "
                "the last bits may differ"
            )
        self.sessions = [*self.sessions, now]
        if trainer.is_global_zero:
            text = json.dumps(self.sessions, indent=2) + "\n"
            write_atomic(self.folder / "provenance.json", text.encode())
            self._write_overview()
        refuse_unsafe("checkpoint", checkpoint_content(trainer))

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._written and trainer.is_global_zero and self._metrics() != self._written["metrics"]:
            self._write_overview()  # a metric has told for the first time which value is best

    @override
    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        for owner in (LightningModule, LightningDataModule):
            if (key := owner.CHECKPOINT_HYPER_PARAMS_KEY) in checkpoint:
                checkpoint[key] = masked_settings(checkpoint[key])
        checkpoint |= {"config": self.config, "provenance": self.sessions}
        checkpoint["ended"] = ended_early(trainer)

    def _write_overview(self) -> None:
        self._written = self._overview()
        text = json.dumps(self._written, indent=2) + "\n"
        write_atomic(self.folder / "run.json", text.encode())

    def _metrics(self) -> dict[str, dict[str, str]]:
        """Gather what is known of the metrics: which value is best, and how it is written."""
        metrics = [*self.known.metrics.values()] if self.known else []
        if self.known and (chosen := self.known.get(self.known.chosen or "")):
            metrics.append(chosen)  # one of several loaders has a name of its own
        return {each.name: {"mode": each.mode, "format": each.format} for each in metrics}

    def _overview(self) -> dict[str, Any]:
        """Gather what lists of many runs show: small, and read a hundred times faster than YAML."""
        git = self.sessions[-1]["git"]
        found = changes(self.default, self.config) if self.default else None
        settings = dict(flat(read_own(self.config)))
        return {
            "group": self.group,
            "pid": os.getpid(),
            "began": self.sessions[0]["began"],
            "commit": git["commit"],
            "uncommitted": bool(git["status"]),
            "seed": settings["seed_everything"],
            "target": settings.get("target"),
            "headline": self.known.chosen if self.known else None,
            "metrics": self._metrics(),
            "config": config_digest(settings | {"weights": self.weights}),
            "changed": None
            if found is None
            else {
                change.name: change.now
                for change in found
                if change.name not in NOT_THE_CONFIGURATION
            },
        }


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
