"""What a run is, written down in its folder and in every checkpoint."""

import os
import re
from pathlib import Path
from typing import Any, cast

from jsonargparse import Namespace
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.cli import LightningArgumentParser
from typing_extensions import override

from src.engine.console.command_line import TAKEN_OUT
from src.engine.console.note import note
from src.engine.console.parser import OneLineParser
from src.engine.files.atomic_write import write_atomic, write_json
from src.engine.files.plain_file import refuse_unsafe, unsafe_entries
from src.engine.lightning_compat import checkpoint_content, data_of, ended_early, initial_hparams
from src.engine.records.changes import Change, changes
from src.engine.records.config_file import READING, settings
from src.engine.records.known_metrics import KnownMetrics
from src.engine.records.ledger import NOT_THE_CONFIGURATION, run_digest
from src.engine.records.masked_settings import masked_config, masked_settings
from src.engine.records.provenance import differences, provenance
from src.engine.records.run_logger import log_hyperparams

_COMPARED = (
    *("seed_everything", "data", "model", "trainer.max_epochs", "trainer.max_steps"),
    *("trainer.precision", "trainer.accumulate_grad_batches"),
)


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
        self._curve_notes: dict[str, str] = {}
        self._written: dict[str, Any] = {}
        self._left_out: dict[str, set[str]] = {}

    def leave_out(self, *owners: LightningModule | LightningDataModule) -> None:
        """Keep hyper-parameters that are objects out of the checkpoints; they would be code there.

        Args:
            *owners: Task and data of the run.
        """
        for owner in owners:
            found = {name for name, value in owner.hparams.items() if any(unsafe_entries(value))}
            if found:
                kind, names = type(owner).__name__, ", ".join(sorted(found))
                note(f"hyper-parameters of {kind} that are objects are in no checkpoint: {names}")
            self._left_out[owner.CHECKPOINT_HYPER_PARAMS_KEY] = found

    @override
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit" and trainer.is_global_zero:
            write_atomic(self.folder / "config.yaml", self.config.encode())
            for owner in (pl_module, data_of(trainer)):
                initial = initial_hparams(owner)
                initial.update(masked_settings(dict(initial)))
            log_hyperparams(trainer, _hyperparameters(self.config))

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
        self._curve_notes = _texts(getattr(pl_module, "curve_notes", None))
        if trainer.is_global_zero:
            write_json(self.folder / "provenance.json", self.sessions)
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
                found, objects = checkpoint[key], self._left_out.get(key, ())
                kept = {name: found[name] for name in found if name not in objects}
                checkpoint[key] = masked_settings(kept)
        checkpoint |= {"config": self.config, "provenance": self.sessions}
        checkpoint["ended"] = ended_early(trainer)

    def _write_overview(self) -> None:
        self._written = self._overview()
        write_json(self.folder / "run.json", self._written)

    def _metrics(self) -> dict[str, dict[str, str]]:
        """Gather what is known of the metrics: which value is best, and how it is written."""
        metrics = [*self.known.metrics.values()] if self.known else []
        if self.known and (chosen := self.known.get(self.known.chosen or "")):
            metrics.append(chosen)  # one of several loaders has a name of its own
        return {each.name: {"mode": each.mode, "format": each.format} for each in metrics}

    def _overview(self) -> dict[str, Any]:
        """Gather what lists of many runs show: small, and read a hundred times faster than YAML."""
        git = self.sessions[-1]["git"]
        own = settings(self.config)
        changed = None
        if self.default:
            told = own.keys() - NOT_THE_CONFIGURATION  # another class lacks what the default has
            found = changes(self.default, self.config)
            changed = {name: now for name, _, now in found if name in told}
        return {
            "group": self.group,
            "pid": os.getpid(),
            "began": self.sessions[0]["began"],
            "commit": git["commit"],
            "uncommitted": bool(git["status"]),
            "seed": own["seed_everything"],
            "target": own.get("target"),
            "headline": self.known.chosen if self.known else None,
            "metrics": self._metrics(),
            "curve_notes": self._curve_notes,
            "config": run_digest(own, self.sessions[0]["inputs"]),
            "changed": changed,
        }


def _texts(published: object) -> dict[str, str]:
    """Take what a module publishes if it is texts by name, as its task means it."""
    pairs = published.items() if isinstance(published, dict) else ()
    return {name: text for name, text in pairs if isinstance(name, str) and isinstance(text, str)}


def dump(parser: LightningArgumentParser, config: Namespace) -> str:
    """Write down a configuration as checkpoints hold it.

    Args:
        parser: Parser of a training.
        config: What it has parsed.

    Returns:
        YAML.

    Raises:
        ValueError: It holds something that has no short text.
    """
    with cast(OneLineParser, parser).guard():
        text: str = parser.dump(config, skip_unset=False, skip_validation=True)  # it was parsed
        return masked_config(_repaired(text))  # also where two are compared


def dump_default(parser: LightningArgumentParser, path: Path | None) -> str | None:
    """Write down the configuration that a run has if nothing is said.

    Args:
        parser: Parser of a training.
        path: File with that configuration; None is that of the classes that the user names.

    Returns:
        YAML; None if there is no such file.
    """
    if path and not path.is_file():
        return None
    config = parser.parse_args(["--config", str(path)]) if path else parser.get_defaults()
    for name in (*TAKEN_OUT, "debug"):
        config.pop(name)
    return dump(parser, config)


def _repaired(text: str) -> str:
    """Write out what jsonargparse 4.53 cannot, such as a default of `torch.device("cpu")`."""
    refusal = "Unable to serialize instance "
    text = re.sub(rf"{refusal}(\w+)$", r"\1", text, flags=re.MULTILINE)
    if refusal in text:
        what = text.partition(refusal)[2].splitlines()[0]
        raise ValueError(f"the configuration cannot be written down, {what} has no text: leave it")
    return text


def _hyperparameters(config: str) -> dict[str, Any]:
    """List what a reader compares between runs: seed, data, model, length and precision."""
    return {
        name: value if isinstance(value, int | float | str) else str(value)
        for name, value in sorted(settings(config).items())
        if value is not None
        and any(f"{name}.".startswith(f"{part}.") for part in _COMPARED)
        and name not in READING
    }
