"""What an evaluation adds for each kind of task, besides what its module logs."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import torch
from lightning.pytorch import LightningDataModule, LightningModule
from torch import Tensor

from src.engine.console.note import note
from src.evaluation.picture import Picture

# Kinds that have a wing, and what it needs of each sample. `evaluate` in the module
# `src.evaluation.<kind>.evaluation` takes a `Split` and returns an `Addition`; a ValueError says
# why it cannot. That of the classification of images looks at the network itself.
WINGS: dict[str, tuple[str, ...]] = {
    "language": ("token_loss", "token"),
    "multi_label": ("probability", "target"),
    "regression": ("prediction", "target"),
    "segmentation": ("intersection", "union"),
}


class Split(NamedTuple):
    """What a wing is told of a split that a module has evaluated.

    Attributes:
        name: `test` or `val`.
        outputs: What the step of the module returned of each sample, `(N, ...)`, by name, on the
            CPU, in the order of the split.
        task: The module.
        data: Data set, set up; None if the module has loaders of its own.
    """

    name: str
    outputs: Mapping[str, Tensor]
    task: LightningModule
    data: LightningDataModule | None

    @property
    def images(self) -> Tensor | None:
        """Pixels of its samples, `(N, C, H, W)`, `uint8`, if the data set publishes `splits`."""
        splits = getattr(self.data, "splits", None)
        part = splits.get(self.name) if isinstance(splits, Mapping) else None
        image = getattr(part, "image", None)
        count = {len(each) for each in self.outputs.values()}
        known = isinstance(image, Tensor) and image.dtype == torch.uint8 and {len(image)} == count
        return image if known else None


class Addition(NamedTuple):
    """What a wing makes of a split.

    Attributes:
        rows: Text by the head of its row, for the terminal and the report.
        values: What `summary.json` gets besides, in plain types.
        pictures: Pixels, `(H, W, 3)`, `uint8`, by names in small letters.
    """

    rows: Mapping[str, str] = {}
    values: Mapping[str, Any] = {}
    pictures: Mapping[str, Picture] = {}


def add(kind: str, split: Split) -> Addition:
    """Ask the wing of a kind of task what it makes of a split.

    Args:
        kind: Kind of the task, which may be any text.
        split: What the wing is told.

    Returns:
        What it adds; nothing if there is no wing, or if it can do nothing with these samples.
    """
    if kind not in WINGS:
        return Addition()
    try:
        missing = [name for name in WINGS[kind] if name not in split.outputs]
        if missing:
            raise ValueError(f"its step returns no {', '.join(missing)} of each sample")
        wing = import_module(f"src.evaluation.{kind}.evaluation")
        made: Addition = wing.evaluate(split)
    except ValueError as error:
        note(f"only what {type(split.task).__name__} logs is shown: {error}")
        return Addition()
    return made
