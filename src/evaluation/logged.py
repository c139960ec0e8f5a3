"""What a module itself logs of a split, whatever its task is."""

from collections.abc import Mapping
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import (
    Callback,
    LightningDataModule,
    LightningModule,
    Trainer,
    seed_everything,
)
from lightning.pytorch.utilities.model_helpers import is_overridden
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor
from typing_extensions import override

from src.engine.console.table import entries
from src.engine.lightning_compat import ignore_cluster_checkpoints
from src.engine.records.totals import Outputs, count_samples

# Step, loaders and method of the Trainer for each split that a module evaluates.
_PARTS = {
    "test": ("test_step", "test_dataloader", "test"),
    "val": ("validation_step", "val_dataloader", "validate"),
}
_KEPT = ("precision", "deterministic", "benchmark", "inference_mode")  # settings of the Trainer


class Measured(NamedTuple):
    """What a module says of a split.

    Attributes:
        metrics: Each value that it logged, by name.
        outputs: What its step returned of each sample, `(N, ...)`, by name.
    """

    metrics: dict[str, float]
    outputs: dict[str, Tensor]


class _Keep(Callback):
    """Keep what a step returns of each sample."""

    def __init__(self) -> None:
        self.outputs = Outputs()

    @override
    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self.outputs.add(outputs, count_samples(batch, pl_module), dataloader_idx)

    on_validation_batch_end = on_test_batch_end


def refuse_unevaluated(task: LightningModule, data: LightningDataModule | None, split: str) -> None:
    """Refuse a split that a module does not evaluate.

    Args:
        task: The module.
        data: Data set, if it has one.
        split: Name of the split.

    Raises:
        ValueError: The module has no step for it, or there is no loader of it.
    """
    name = type(task).__name__
    if split not in _PARTS:
        raise ValueError(f"--split {split}: {name} logs what it measures on test or val; give one")
    step, loader, _ = _PARTS[split]
    if not is_overridden(step, task):
        raise ValueError(f"--split {split}: {name} has no {step}; add it, or give another split")
    if not any(is_overridden(loader, owner) for owner in (data, task) if owner is not None):
        owner = f"neither {name} nor {type(data).__name__} has a" if data else f"{name} has no"
        raise ValueError(f"--split {split}: {owner} {loader}; add it, or give another split")


def measure(
    task: LightningModule,
    data: LightningDataModule | None,
    split: str,
    settings: Mapping[str, Any],
) -> Measured:
    """Let a module evaluate itself on a split; nothing is written.

    Args:
        task: The module, with its weights.
        data: Data set; None if the module has its own loaders.
        split: `test` or `val`.
        settings: Configuration of the run: its seed and its Trainer's settings.

    Returns:
        What it logged, and what it said of each sample.
    """
    # It is done; the Trainer would do it again, and some modules then make new layers.
    task.configure_model = lambda: None  # type: ignore[method-assign]
    given = settings.get("trainer") or {}
    *_, method = _PARTS[split]
    limit = f"limit_{split}_batches"
    kept = {name: given[name] for name in _KEPT if given.get(name) is not None}
    if given.get(limit):  # loaders may be endless; a split that was switched off is asked for now
        kept[limit] = given[limit]
    seed_everything(settings.get("seed_everything", 0), workers=True, verbose=False)
    with TemporaryDirectory() as folder:  # where no checkpoint of a job lies that it would load
        keep = _Keep()
        trainer = Trainer(
            **kept,
            callbacks=[keep],
            default_root_dir=folder,
            plugins=LightningEnvironment(),  # one process, also in a job of a cluster
            devices=1,
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=False,
        )
        ignore_cluster_checkpoints(trainer, None)  # nor does it advise to use srun
        getattr(trainer, method)(task, datamodule=data, verbose=False)
    logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
    return Measured(logged, keep.outputs.joined())


def table(task: LightningModule, split: str, metrics: Mapping[str, float]) -> str:
    """Describe an evaluation in lines for the terminal.

    Args:
        task: The module.
        split: Name of the split.
        metrics: Each value that it logged, by name.

    Returns:
        Module, split and values.
    """
    lines = {"module": type(task).__name__, "split": split}
    lines |= {name: f"{value:.6g}" for name, value in metrics.items()}
    if not metrics:
        lines["logged"] = f"nothing: no self.log in {_PARTS[split][0]}"
    return entries(lines)
