"""MNIST: 60,000 training and 10,000 test images of handwritten digits, 28 x 28 px."""

from pathlib import Path
from typing import Any, ClassVar

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor, nn
from typing_extensions import override

from src.batch import Batch
from src.data.centred_digit import centred_digit
from src.data.images import Images
from src.data.mnist_files import SHA256, ensure_files, read_idx
from src.engine import ExactLoader, derive_seed, next_position, run_seed, seed_generators


class MNISTDataModule(LightningDataModule):
    """Official MNIST files as batches: 55,000 images to train, 5,000 to validate, 10,000 to test.

    The division into train and validation is one fixed permutation, whatever the run's seed. The
    official test images are never divided, trained on or used to choose.

    Args:
        data_dir: Folder of the files; missing ones are fetched into its subfolder `MNIST/raw`.
        batch_size: Images in a training batch B.
        eval_batch_size: Images in a validation or test batch.
        shuffle: Draw a new order of the training images for each epoch.
        augment: Changes training images, `(B, C, H, W)` in `[0, 1]`, before normalisation;
            `PerImageAffine` or a transform of torchvision, for example.
        num_workers: Processes that read batches; a batch is one indexing operation: 0 is fastest.
        on_device: Keep all images where the network is, so that no batch is ever copied there;
            not with workers.

    Attributes:
        splits: Images of `train`, `val` and `test`.
        train_indices: Positions of the training images in the official file.
        from_picture: Makes an image like those of this data set from a picture of one digit.
        download: Whether missing files may be fetched, and packed ones unpacked beside themselves.

    Raises:
        ValueError: A batch size is not positive, or `num_workers` is negative.

    References:
        LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document
        recognition", Proceedings of the IEEE, 1998. doi:10.1109/5.726791
    """

    image_shape: ClassVar[tuple[int, int, int]] = (1, 28, 28)
    num_classes: ClassVar[int] = 10
    class_names: ClassVar[tuple[str, ...]] = tuple("0123456789")
    mean: ClassVar[float] = 0.1307  # of all pixels of the 60,000 training images, in [0, 1]
    std: ClassVar[float] = 0.3081
    checksums: ClassVar[dict[str, str]] = SHA256
    # Test images for whose label fewer than three of five people voted: mturk_mnist.json of
    # cleanlab/label-errors; Northcutt, Athalye and Mueller, "Pervasive label errors in test sets
    # destabilize machine learning benchmarks", 2021. arXiv:2103.14749
    disputed_test_indices: ClassVar[tuple[int, ...]] = (
        *(947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729),
    )
    from_picture = staticmethod(centred_digit)

    def __init__(
        self,
        data_dir: str = "data",
        batch_size: int = 100,
        eval_batch_size: int = 1000,
        shuffle: bool = True,
        augment: nn.Module | None = None,
        num_workers: int = 0,
        on_device: bool = True,
    ) -> None:
        super().__init__()
        if min(batch_size, eval_batch_size) < 1 or num_workers < 0:
            raise ValueError(
                "MNISTDataModule needs batch_size >= 1, eval_batch_size >= 1 and num_workers >= 0, "
                f"got {batch_size=}, {eval_batch_size=}, {num_workers=}"
            )
        self.folder = Path(data_dir) / "MNIST" / "raw"  # as torchvision lays it out
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.shuffle = shuffle
        self.augment = augment
        self.num_workers = num_workers
        self.on_device = on_device
        self.download = True
        self.splits: dict[str, Images] = {}

    @override
    def prepare_data(self) -> None:
        if not self.splits:  # the test of a training has them already
            ensure_files(self.folder, self.checksums, self.download)

    @override
    def setup(self, stage: str) -> None:
        if self.splits:
            return
        images, tests = _read(self.folder, "train"), _read(self.folder, "t10k")
        train, val = split_indices(len(images))
        self.train_indices = train
        self.splits = {
            "train": Images(*images.__getitems__(train)),
            "val": Images(*images.__getitems__(val)),
            "test": tests,
        }
        if self.trainer and self.on_device and not self.num_workers:
            device = self.trainer.strategy.root_device
            self.splits = {name: images.to(device) for name, images in self.splits.items()}

    @override
    def train_dataloader(self) -> ExactLoader[Batch]:
        return self._loader("train", self.batch_size, training=True, shuffle=self.shuffle)

    @override
    def val_dataloader(self) -> ExactLoader[Batch]:
        return self._loader("val", self.eval_batch_size)

    @override
    def test_dataloader(self) -> ExactLoader[Batch]:
        return self._loader("test", self.eval_batch_size)

    @override
    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        image = batch.image.float().div_(255)
        if self.augment is not None and self.trainer is not None and self.trainer.training:
            key = run_seed(), *next_position(self.trainer), self.trainer.global_rank
            seed_generators(derive_seed("augment", *key), image.device)
            image = self.augment(image)
        return Batch(image.sub_(self.mean).div_(self.std), batch.label)

    def _loader(self, split: str, batch_size: int, **options: bool) -> ExactLoader[Batch]:
        return ExactLoader(
            self.splits[split],
            batch_size,
            self.trainer,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            collate_fn=_as_is,
            **options,
        )


def split_indices(num_images: int) -> tuple[Tensor, Tensor]:
    """Divide the official training images into training and validation, always in the same way.

    Args:
        num_images: Number of images N.

    Returns:
        Positions for training and for validation, each ascending; a twelfth is for validation:
        5,000 of 60,000.
    """
    order = torch.randperm(num_images, generator=torch.Generator().manual_seed(1998))
    num_val = num_images // 12
    return order[num_val:].sort().values, order[:num_val].sort().values


def _read(folder: Path, split: str) -> Images:
    image = read_idx(folder / f"{split}-images-idx3-ubyte")  # (N, 28, 28)
    return Images(image.unsqueeze(1), read_idx(folder / f"{split}-labels-idx1-ubyte").long())


def _as_is(batch: Any) -> Any:
    return batch
