"""Images made of the digits of MNIST, of which something else is to be said than one class."""

from abc import abstractmethod

import torch
from torch import Tensor
from typing_extensions import override

from src.batch import Batch, TargetBatch
from src.data.idx_data_module import IdxDataModule
from src.data.images import Images
from src.data.mnist import MNISTDataModule
from src.engine import UsageError


class MadeMNISTDataModule(IdxDataModule):
    """Images made of digits: those to train on anew each time, all others once, always alike."""

    title = MNISTDataModule.title
    subfolder = MNISTDataModule.subfolder
    checksums = MNISTDataModule.checksums
    sources = MNISTDataModule.sources
    first_seed = 0  # of what is drawn for validation, whatever the run's seed; then for the test
    drawn = "made"  # what the seed of a training batch is named after

    @abstractmethod
    def made(
        self, digit: Tensor, label: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Make images of digits.

        Args:
            digit: Digits, `(B, 1, H, W)` in `[0, 255]`, floating point; the background is 0.
            label: Which they are, `(B,)`.
            generator: Source of randomness on the device of `digit`; None takes the global one.

        Returns:
            Images, as large, in the same range, and what is to be said of each, `(B, ...)`.
        """

    @override
    def read_splits(self) -> dict[str, Images]:
        if self.augment is not None:
            raise UsageError(
                f"--data.augment: {type(self).__name__} makes each image with what is true of it: "
                "leave out what would change it afterwards"
            )
        splits = super().read_splits()
        for seed, name in enumerate(("val", "test"), start=self.first_seed):
            digit, label = splits[name].image.float(), splits[name].label
            image, target = self.made(digit, label, torch.Generator().manual_seed(seed))
            splits[name] = Images(image.round().byte(), target)
        return splits

    @override
    def on_after_batch_transfer(  # type: ignore[override]  # a target instead of a label
        self, batch: Batch, dataloader_idx: int
    ) -> TargetBatch:
        if self.seeded(self.drawn, batch.image.device):
            batch = Batch(*self.made(batch.image.float(), batch.label))
        return TargetBatch(*super().on_after_batch_transfer(batch, dataloader_idx))
