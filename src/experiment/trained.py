"""What a run has learned, from its checkpoint alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from lightning.pytorch import LightningDataModule, LightningModule
from torch import nn
from torch.utils.data import DataLoader

from src.batch import Batch
from src.experiment.build import build
from src.experiment.checkpoint_file import read_checkpoint
from src.experiment.config_file import flat
from src.experiment.confined import find_data, forbid_download
from src.experiment.consent import trust
from src.experiment.find_checkpoint import best_checkpoint, find_checkpoint
from src.experiment.looks import config_digest
from src.experiment.note import note
from src.experiment.run import Run
from src.experiment.trusted import Trusted

_BATCH = 1000  # images at once, where the data set does not say


@dataclass
class Trained:
    """A trained task and its data set, as the configuration in a checkpoint describes them.

    Attributes:
        path: Its checkpoint.
        checkpoint: Content of that.
        config: Configuration in that, with the folder of the data set as it is here.
        task: Task with the weights of the checkpoint, in evaluation mode, on the CPU.
        data: Data set; its files have not been looked at.
    """

    path: Path
    checkpoint: dict[str, Any]
    config: Trusted
    task: LightningModule
    data: LightningDataModule

    @classmethod
    def load(cls, word: str, data_dir: str | None = None, trusted: str | None = None) -> "Trained":
        """Find a checkpoint and build what was trained.

        Args:
            word: A checkpoint, one of a run's folders (its best checkpoint is taken), or `last`:
                the latest run in the working directory.
            data_dir: Folder of the data set; None looks where the run had it, then in its root.
            trusted: Packages that the user trusts from now on, with commas between them.

        Returns:
            Task and data set.

        Raises:
            FileNotFoundError: There is no such checkpoint.
            ValueError: It cannot be used, or its network is no longer the one of this code.
        """
        trust(trusted)
        found, passed_over = find_checkpoint(word, Path(), best_checkpoint)
        for reason in passed_over:
            note(f"passed over: {reason}")
        path = Path(found)
        checkpoint = read_checkpoint(path)
        run = Run.of_checkpoint(path)
        config = Trusted.read(checkpoint["config"], run=run)
        find_data(config.content, data_dir, run)
        task, data = build(config, checkpoint["state_dict"])
        if data_dir is None and not config.own:
            forbid_download(data)
        return cls(path, checkpoint, config, task.eval(), data)

    @property
    def network(self) -> nn.Module:
        """Network of the task: normalised images to logits."""
        return cast(nn.Module, self.task.network)

    @property
    def run(self) -> Run | None:
        """Folders of the run that wrote the checkpoint; None if the file lies elsewhere."""
        return Run.of_checkpoint(self.path)

    @property
    def log_dir(self) -> Path | None:
        """Folder of the records of that run; None if there is none."""
        return self.run.log_dir if self.run and self.run.log_dir.is_dir() else None

    @property
    def described(self) -> dict[str, Any]:
        """What the ledger of looks at the test set tells of it, in plain types."""
        settings = dict(flat(self.config.content))
        began = self.checkpoint["provenance"][0]["inputs"]
        return {
            "run": f"version_{self.run.version}" if self.run else self.path.name,
            "seed": settings.get("seed_everything"),
            "commit": self.checkpoint["provenance"][-1]["git"]["commit"],
            "config": config_digest(settings | {"weights": began.get("weights", "")}),
        }

    @property
    def temperature(self) -> float | None:
        """Divisor of the logits that calibrates these weights; None if the run fitted none."""
        fitted = self.checkpoint.get("calibration", {})
        same = fitted.get("step") == self.checkpoint["global_step"]
        return float(fitted["temperature"]) if same else None

    def classifier_parts(self) -> dict[str, Any]:
        """Gather what `src.deployment.Classifier` is made of; say so if it is not calibrated.

        Returns:
            Its arguments by name.

        Raises:
            ValueError: The data set does not publish its mean and standard deviation.
        """
        if self.temperature is None:
            note(
                "the probabilities are not calibrated: the checkpoint holds no temperature of "
                "these weights"
            )
        parts = {name: self.published(name) for name in ("mean", "std")}
        return {"network": self.network, "temperature": self.temperature or 1.0, **parts}

    def class_names(self, num_classes: int) -> Sequence[str]:
        """Name the classes.

        Args:
            num_classes: Number of classes K.

        Returns:
            The names that the data set publishes, else numbers.
        """
        names: Sequence[str] | None = getattr(self.data, "class_names", None)
        return names or [str(number) for number in range(num_classes)]

    def images(self, split: str) -> Any:
        """Give a split of the data set; its files are read and verified once.

        Args:
            split: Its name, `train`, `val` or `test`.

        Returns:
            Labelled images.

        Raises:
            ValueError: The data set has no `splits`.
            FileNotFoundError: Its files cannot be had.
        """
        if split not in getattr(self.data, "splits", {}):
            self.data.prepare_data()
            self.data.setup("test" if split == "test" else "fit")
        return self.published("splits")[split]

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
        dataset = self.images(split)
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
