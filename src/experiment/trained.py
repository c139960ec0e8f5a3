"""What a run has learned, from its checkpoint alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from lightning.pytorch import LightningDataModule, LightningModule
from torch import nn
from torch.utils.data import DataLoader

from src.batch import Batch
from src.experiment.checkpoint_file import newest_checkpoint, read_checkpoint
from src.experiment.note import note
from src.experiment.parser import OneLineParser
from src.experiment.resume import find_checkpoint
from src.experiment.run import Run
from src.experiment.trusted import read_trusted
from src.experiment.weights import refuse_other_network
from src.experiment.words import LINKS

_BATCH = 1000  # images at once, where the data set does not say


@dataclass
class Trained:
    """A trained task and its data set, as the configuration in a checkpoint describes them.

    Attributes:
        path: Its checkpoint.
        checkpoint: Content of that.
        task: Task with the weights of the checkpoint, in evaluation mode, on the CPU.
        data: Data set; its files have not been looked at.
    """

    path: Path
    checkpoint: dict[str, Any]
    task: LightningModule
    data: LightningDataModule

    @classmethod
    def load(cls, word: str, data_dir: str | None = None) -> "Trained":
        """Find a checkpoint and build what was trained.

        Args:
            word: A checkpoint, one of a run's folders (its best checkpoint is taken), or `last`:
                the latest run in the working directory.
            data_dir: Folder of the data set; None looks where the run had it, then in its root.

        Returns:
            Task and data set.

        Raises:
            FileNotFoundError: There is no such checkpoint.
            ValueError: It cannot be used, or its network is no longer the one of this code.
        """
        found, passed_over = find_checkpoint(word, Path(), best_checkpoint)
        for reason in passed_over:
            note(f"passed over: {reason}")
        path = Path(found)
        checkpoint = read_checkpoint(path)
        config = read_trusted(checkpoint["config"], [])
        _find_data(config["data"].get("init_args") or {}, data_dir, Run.of_checkpoint(path))
        task, data = build(config)
        refuse_other_network(task, checkpoint["state_dict"])
        task.load_state_dict(checkpoint["state_dict"])
        return cls(path, checkpoint, task.eval(), data)

    @property
    def network(self) -> nn.Module:
        """Network of the task: normalised images to logits."""
        return cast(nn.Module, self.task.network)

    @property
    def run(self) -> Run | None:
        """Folders of the run that wrote the checkpoint; None if the file lies elsewhere."""
        return Run.of_checkpoint(self.path)

    @property
    def temperature(self) -> float | None:
        """Divisor of the logits that calibrates these weights; None if the run fitted none."""
        fitted = self.checkpoint.get("calibration", {})
        same = fitted.get("step") == self.checkpoint["global_step"]
        return float(fitted["temperature"]) if same else None

    def batches(self, split: str, device: torch.device) -> Iterator[Batch]:
        """Read a split from its first image to its last, as the network gets it in a test.

        Args:
            split: Its name, `train`, `val` or `test`.
            device: Device of the network.

        Yields:
            Batches on the device.

        Raises:
            ValueError: The data set has no `splits`.
            FileNotFoundError: Its files cannot be had.
        """
        self.data.prepare_data()
        self.data.setup("test" if split == "test" else "fit")
        dataset = self.published("splits")[split]
        collate = (lambda batch: batch) if hasattr(dataset, "__getitems__") else None
        size = getattr(self.data, "eval_batch_size", _BATCH)
        for batch in DataLoader(dataset, size, collate_fn=collate):
            moved = Batch(*(part.to(device) for part in batch))
            yield self.data.on_after_batch_transfer(moved, 0)

    def published(self, name: str) -> Any:
        """Ask the data set for what it publishes.

        Args:
            name: Attribute, such as `mean` or `class_names`.

        Returns:
            Its value.

        Raises:
            ValueError: The data set does not have it.
        """
        if not hasattr(self.data, name):
            raise ValueError(f"{type(self.data).__name__} has no `{name}`: add it to the class")
        return getattr(self.data, name)


def best_checkpoint(folder: Path) -> tuple[Path, list[str]]:
    """Choose the state of a run that is used: the best one, else the latest whole one.

    Args:
        folder: Folder of checkpoints.

    Returns:
        The file, and a sentence for each one that had to be passed over.

    Raises:
        FileNotFoundError: There is none.
    """
    best = folder / "best.ckpt"
    try:
        read_checkpoint(best)
    except (OSError, ValueError):  # missing or damaged: the latter is named among the passed over
        return newest_checkpoint(folder)
    return best, []


def build(config: dict[str, Any]) -> tuple[LightningModule, LightningDataModule]:
    """Make the task and the data set that a configuration describes, without a Trainer.

    Args:
        config: Configuration in plain types.

    Returns:
        Both; the task has its first weights.

    Raises:
        ValueError: The configuration does not fit the classes of this code.
    """
    parser = OneLineParser(exit_on_error=False)
    parser.add_lightning_class_args(LightningModule, "model", subclass_mode=True)
    parser.add_lightning_class_args(LightningDataModule, "data", subclass_mode=True)
    for published, wanted in LINKS:
        parser.link_arguments(published, wanted, apply_on="instantiate")
    try:
        parsed = parser.parse_object({name: config[name] for name in ("model", "data")})
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"the checkpoint is of other code than this: {reason}") from error
    made = parser.instantiate_classes(parsed)
    return made.model, made.data


def _find_data(settings: dict[str, Any], data_dir: str | None, run: Run | None) -> None:
    """Set the folder of the data set: the user's, the run's from here, or the run's in its root."""
    before = settings.get("data_dir")
    if data_dir is not None:
        settings["data_dir"] = data_dir
    elif run and before and not Path(before).exists() and (run.root / before).exists():
        settings["data_dir"] = str(run.root / before)
