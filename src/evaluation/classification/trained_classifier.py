"""What a run has learned that classifies images: its network, images, classes and calibration."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from lightning.pytorch import LightningDataModule
from torch import nn
from torch.utils.data import DataLoader

from src.batch import Batch
from src.engine.checkpoints.trained import Trained
from src.engine.console.note import note
from src.engine.console.shown import shown

KIND = "classification"  # as such a task publishes it
_BATCH = 1000  # images at once, where the data set does not say


def lacking(trained: Trained) -> str:
    """Say what a task or its data set would have to publish to be a classification of images.

    Args:
        trained: What was trained.

    Returns:
        A clause about the task; empty if nothing is missing.
    """
    kind = trained.kind
    if kind != KIND:
        return f'which is of the kind "{kind}"' if kind else "which publishes no kind of task"
    if not isinstance(getattr(trained.task, "network", None), nn.Module):
        return "which has no `network`"
    if not hasattr(trained.data, "splits"):
        owner = type(trained.data).__name__ if trained.data else "its own loaders"
        return f"which gets its images from {owner}, without `splits`"
    return ""


@dataclass
class TrainedClassifier(Trained):
    """A trained task of the kind "classification" and its data set, as its wing uses them.

    The task publishes its `network`; the data set `splits`, `mean`, `std` and what else is asked of
    it, by name.
    """

    data: LightningDataModule

    @classmethod
    def of(cls, trained: Trained, verb: str) -> "TrainedClassifier":
        """See what was trained as a classification of images.

        Args:
            trained: What was trained.
            verb: Command that works with nothing else.

        Returns:
            The same.

        Raises:
            ValueError: The task does not publish that kind, or its data set no images.
        """
        if lack := lacking(trained):
            raise ValueError(
                f"python -m src.{verb} serves {KIND} of images: {shown(trained.path)} holds "
                f"{type(trained.task).__name__}, {lack}; python -m src.evaluate serves every run"
            )
        made = cls(**vars(trained))
        made.restore_data()
        return made

    @property
    def network(self) -> nn.Module:
        """Network of the task: normalised images to logits."""
        return cast(nn.Module, self.task.network)

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

    def file_names(self, split: str) -> Sequence[str]:
        """Name the files of the images of a split.

        Args:
            split: Its name, `train`, `val` or `test`; it has been read.

        Returns:
            The names that the data set publishes; none if it has no file for each image.
        """
        names: Callable[[str], Sequence[str]] | None = getattr(self.data, "file_names", None)
        return names(split) if names else ()

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
