"""Labelled images in memory as batches: what every data set of images here has in common."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import torch
from lightning.pytorch import LightningDataModule
from PIL import Image
from torch import Tensor, nn
from typing_extensions import override

from src.batch import Batch
from src.data.files import Wheel, ensure_files
from src.data.images import Images, as_is, channel_statistics, split_indices
from src.data.per_image import augmented
from src.data.pictures import fitted
from src.engine import ExactLoader, derive_seed, next_position, note, run_seed, seed_generators

_Values = float | tuple[float, ...]  # of all channels, or of each
_OF_WEIGHTS = {  # mean and standard deviation of each colour, as published with the weights
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}


class ImageDataModule(LightningDataModule, ABC):
    """Images in memory as batches: of the official training images eleven twelfths to train.

    The last twelfth is for validation; the division is one fixed permutation, whatever the run's
    seed. The official test images are never divided, trained on or used to choose.

    A subclass says what an image is and reads the files. Where it gives no `mean` and `std`, those
    of the images to train on are computed, and kept in checkpoints.

    Args:
        data_dir: Folder of the files; missing ones are fetched into a subfolder, as torchvision
            lays it out.
        batch_size: Images in a training batch B.
        eval_batch_size: Images in a validation or test batch.
        shuffle: Draw a new order of the training images for each epoch.
        augment: Changes training images, `(B, C, H, W)` in `[0, 1]`, before normalisation;
            `PerImageAffine` or, called for each image, a transform of torchvision.
        num_workers: Processes that read batches; a batch is one indexing operation: 0 is fastest.
        on_device: Keep all images where the network is, so that no batch is ever copied there;
            not with workers.
        normalize: Mean and standard deviation that images are normalised by: None takes those of
            the images to train on, `imagenet` and `half` (0.5 and 0.5) those that weights from
            elsewhere were trained with. A grey image has the means over the colours.

    Attributes:
        image_shape: Channels, height and width of an image [px].
        num_classes: Number of classes K.
        class_names: Name of each class.
        mean: Mean of the pixels in `[0, 1]`, of all channels or of each.
        std: Standard deviation of the same.
        title: Name of the data set in messages.
        subfolder: Where in `data_dir` the files are.
        checksums: MD5 or SHA-256 of each file by its name; those of a run are kept with it.
        sources: Beginnings of addresses, and packages, that have the files.
        disputed_test_indices: Positions of the test images whose label is in doubt.
        handwritten: Whether an image is what a hand can draw.
        splits: Images of `train`, `val` and `test`.
        train_indices: Positions of the training images in the official file.
        download: Whether missing files may be fetched.

    Raises:
        ValueError: A batch size is not positive, or `num_workers` is negative.
    """

    image_shape: tuple[int, int, int]
    num_classes: int
    class_names: Sequence[str]
    mean: _Values
    std: _Values
    title: str = "the data set"
    subfolder: str = ""
    checksums: Mapping[str, str] = MappingProxyType({})
    sources: Sequence[str | Wheel] = ()
    disputed_test_indices: Sequence[int] = ()
    handwritten: bool = False

    def __init__(
        self,
        data_dir: str = "data",
        batch_size: int = 100,
        eval_batch_size: int = 1000,
        shuffle: bool = True,
        augment: nn.Module | None = None,
        num_workers: int = 0,
        on_device: bool = True,
        normalize: Literal["imagenet", "half"] | None = None,
    ) -> None:
        super().__init__()
        if min(batch_size, eval_batch_size) < 1 or num_workers < 0:
            raise ValueError(
                f"{type(self).__name__} needs batch_size >= 1, eval_batch_size >= 1 and "
                f"num_workers >= 0, got {batch_size=}, {eval_batch_size=}, {num_workers=}"
            )
        self.folder = Path(data_dir) / self.subfolder
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.shuffle = shuffle
        self.augment = augment
        self.num_workers = num_workers
        self.on_device = on_device
        self.normalize = normalize
        self.download = True
        self.splits: dict[str, Any] = {}

    @abstractmethod
    def read(self, train: bool) -> Images:
        """Read the files in `folder`; those of `checksums` are verified.

        Args:
            train: Whether the official training images are meant, or the test images.

        Returns:
            All of them, in the order of the files.
        """

    def from_picture(self, picture: Image.Image) -> Tensor:
        """Make an image like those of this data set.

        Args:
            picture: A picture from anywhere, of any mode and size.

        Returns:
            Pixels, `(C, H, W)`, `uint8`.
        """
        return fitted(picture, self.image_shape)

    @override
    def prepare_data(self) -> None:
        if not self.splits:  # the test of a training has them already
            ensure_files(self.title, self.folder, self.checksums, self.sources, self.download)

    @override
    def setup(self, stage: str) -> None:
        if self.splits:
            return
        self.splits = self.read_splits()
        if self.normalize:
            known, channels = _OF_WEIGHTS[self.normalize], self.image_shape[0]
            same = [part if channels == len(part) else (sum(part) / len(part),) for part in known]
            self.mean, self.std = same
        elif not hasattr(self, "mean"):
            self.mean, self.std = self.statistics()
        if self.trainer and self.on_device and not self.num_workers:
            device = self.trainer.strategy.root_device
            self.splits = {
                name: images.to(device) if isinstance(images, Images) else images
                for name, images in self.splits.items()
            }

    def read_splits(self) -> dict[str, Any]:
        """Read the files and divide the official training images.

        Returns:
            Images of `train`, `val` and `test`.
        """
        images, tests = (self._fitting(self.read(train)) for train in (True, False))
        train, val = split_indices(len(images))
        self.train_indices = train
        return {
            "train": Images(*images.__getitems__(train)),
            "val": Images(*images.__getitems__(val)),
            "test": tests,
        }

    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Compute mean and standard deviation of the images to train on.

        Returns:
            Both, of pixels in `[0, 1]`, of each channel.
        """
        return channel_statistics([self.splits["train"].image])

    @property
    def class_counts(self) -> Tensor:
        """Count the training images of each class, `(K,)`."""
        label: Tensor = self.splits["train"].label
        return label.cpu().bincount(minlength=self.num_classes)

    @override
    def state_dict(self) -> dict[str, Any]:
        return {name: vars(self)[name] for name in ("mean", "std") if name in vars(self)}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for name in state_dict.keys() & {"mean", "std"}:
            setattr(self, name, tuple(map(float, state_dict[name])))

    @override
    def train_dataloader(self) -> ExactLoader[Batch]:
        return self.training_loader(self.splits["train"])

    @override
    def val_dataloader(self) -> ExactLoader[Batch]:
        return self.loader(self.splits["val"], self.eval_batch_size)

    @override
    def test_dataloader(self) -> ExactLoader[Batch]:
        return self.loader(self.splits["test"], self.eval_batch_size)

    @override
    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        image = batch.image.float().div_(255)
        if self.augment is not None and self.seeded("augment", image.device):
            image = augmented(image, self.augment)
        mean, std = (_of_channels(value, image.device) for value in (self.mean, self.std))
        return Batch(image.sub_(mean).div_(std), batch.label)

    def seeded(self, purpose: str, device: torch.device) -> bool:
        """Seed what is drawn for the batch that comes next, if it is one to train on.

        Args:
            purpose: What is drawn.
            device: Where it is drawn.

        Returns:
            Whether it is.
        """
        if self.trainer is None or not self.trainer.training:
            return False
        key = run_seed(), *next_position(self.trainer), self.trainer.global_rank
        seed_generators(derive_seed(purpose, *key), device)
        return True

    def training_loader(self, images: Any, **options: Any) -> ExactLoader[Batch]:
        """Make the loader of the images to train on, without a last batch of a single one.

        Args:
            images: Images to train on.
            **options: Further ones of ExactLoader.

        Returns:
            The loader.
        """
        share = -(-len(images) // (self.trainer.world_size if self.trainer else 1))
        single = share % self.batch_size == 1 < self.batch_size < share
        if single:
            note(
                "the last training batch of an epoch would have one image, which batch norm cannot "
                "take: it is left out"
            )
        options |= {"training": True, "shuffle": self.shuffle, "drop_last": single}
        return self.loader(images, self.batch_size, **options)

    def loader(self, images: Any, batch_size: int, **options: Any) -> ExactLoader[Batch]:
        """Make the loader of a split.

        Args:
            images: Images of the split.
            batch_size: Images in a batch.
            **options: Further ones of ExactLoader.

        Returns:
            The loader.
        """
        return ExactLoader(
            images,
            batch_size,
            self.trainer,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            collate_fn=as_is if hasattr(images, "__getitems__") else None,
            **options,
        )

    def _fitting(self, images: Images) -> Images:
        image, label = images.image, images.label
        low, high = (int(part) for part in torch.aminmax(label))
        known = image.dtype == torch.uint8, label.dtype == torch.int64, len(image) == len(label)
        shape = tuple(image.shape[1:])
        if not all(known) or shape != self.image_shape or low < 0 or high >= self.num_classes:
            raise ValueError(
                f"{type(self).__name__}.read must give uint8 images of {self.image_shape} px and "
                f"as many int64 labels in [0, {self.num_classes}), got {len(image)} "
                f"{image.dtype} of {shape} and {len(label)} {label.dtype} in [{low}, {high}]"
            )
        return images


@cache  # else each batch would wait for a copy to the device
def _of_channels(value: _Values, device: torch.device) -> float | Tensor:
    return value if isinstance(value, float) else torch.tensor(value, device=device).view(-1, 1, 1)
