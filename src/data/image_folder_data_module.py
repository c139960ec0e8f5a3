"""Photos of one's own, in folders of classes or in a CSV file."""

from collections.abc import Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from typing_extensions import override

from src.batch import Batch
from src.data.image_data_module import ImageDataModule, channel_statistics
from src.data.images import Images
from src.data.photo_check import usable
from src.data.photo_index import Photo, PhotoIndex
from src.data.photos import Photos
from src.engine import ExactLoader, UsageError, note, printable

_MEASURED = 4096  # photos that mean and standard deviation are of, where they are streamed


class ImageFolderDataModule(ImageDataModule):
    """Photos of any size and mode in `root/train/CLASS/`, with `val/` and `test/` if there are any.

    A split without a folder gets a tenth of the training photos of each class, always the same.
    Photos that are broken, or there twice, are found and named before anything is trained.

    Args:
        root: Folder of the photos, or a CSV file with the columns path, label and perhaps split.
            One that only a checkpoint of somebody else names is None, and must be named.
        image_size: Height and width of an image, which is cut out of the middle [px].
        grey: Whether images have one channel and not three.
        random_crop: Cut training images at random places, anew in each epoch.
        skip_broken: Leave out photos that cannot be used, instead of refusing all.
        memory_mib: Memory up to which all photos are decoded once and kept [MiB].
        class_names: The classes; None takes those that are found. Those of a run are kept with it.
        batch_size: Images in a training batch B.
        eval_batch_size: Images in a validation or test batch.
        shuffle: Draw a new order of the training images for each epoch.
        augment: Changes training images, `(B, C, H, W)` in `[0, 1]`, before normalisation.
        num_workers: Processes that read and decode, of photos that are not kept.
        on_device: Keep decoded photos where the network is; not with workers or random crops.

    Attributes:
        found_settings: Settings that are found where they are None, and then are the run's.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: It has no photos of classes, or a size is not positive.
    """

    title = "the photos"
    found_settings = ("class_names",)

    def __init__(
        self,
        root: str | None,
        image_size: int = 64,
        grey: bool = False,
        random_crop: bool = False,
        skip_broken: bool = False,
        memory_mib: int = 1024,
        class_names: list[str] | None = None,
        batch_size: int = 100,
        eval_batch_size: int = 200,
        shuffle: bool = True,
        augment: nn.Module | None = None,
        num_workers: int = 0,
        on_device: bool = True,
    ) -> None:
        super().__init__(
            root or "", batch_size, eval_batch_size, shuffle, augment, num_workers, on_device
        )
        if image_size < 1 or memory_mib < 0:
            raise ValueError(
                f"{type(self).__name__} needs image_size >= 1 and memory_mib >= 0, got "
                f"{image_size=}, {memory_mib=}"
            )
        self.root = root
        self.random_crop = random_crop
        self.skip_broken = skip_broken
        self.memory_bytes = memory_mib * 2**20
        self.image_shape = (1 if grey else 3, image_size, image_size)
        # Those in a run's configuration serve where its photos are not, to predict.
        self.class_names: Sequence[str] = class_names or self._index.classes
        self.num_classes = len(self.class_names)
        self._found: dict[str, list[Photo]] = {}

    @override
    def read(self, train: bool) -> Images:
        photos = self._photos("train" if train else "test", cropped=False)
        kept = photos.keep(self.title)
        assert isinstance(kept, Images)
        return kept

    @override
    def from_picture(self, picture: Image.Image) -> Tensor:
        return Photos([], torch.empty(0), self.image_shape, self.random_crop).fit(picture)

    @override
    def prepare_data(self) -> None:
        if self._found:
            return
        try:
            index = self._index
            self._refuse_other_classes(index.classes)
            photos = usable(index.base, index.photos, self.skip_broken)
            self._base, self._found = index.base, index.divide(photos)
            self.checksums = {name: _digest(each) for name, each in self._found.items()}
        except (OSError, ValueError) as error:  # it is the user's folder, however late it is read
            raise UsageError(str(error)) from error

    @override
    def read_splits(self) -> dict[str, Images | Photos]:
        self.prepare_data()  # other processes look into what the first has found
        splits = {name: self._photos(name, self.random_crop) for name in self._found}
        if self._ends_with_one(len(splits["train"])):
            note(
                "the last training batch of an epoch would have one photo, which batch norm cannot "
                "take: it is left out, another photo in each epoch"
            )
        needed = sum(photos.decoded_bytes for photos in splits.values())
        count = f"{sum(map(len, splits.values()))} photos of {self.num_classes} classes"
        size = f"{count}, {needed / 2**20:.0f} MiB decoded"
        if needed > self.memory_bytes:
            note(f"{size}: read from disk in each epoch (--data.memory_mib would keep them)")
            return {**splits}
        note(f"{size}: kept in memory")
        return {name: photos.keep(name) for name, photos in splits.items()}

    @override
    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        photos = self.splits["train"]
        if isinstance(photos, Images):
            return super().statistics()
        step = -(-len(photos) // _MEASURED)
        return channel_statistics(photos.image[::step])

    @override
    def train_dataloader(self) -> ExactLoader[Batch]:
        photos = self.splits["train"]
        # They may also be a part of the photos.
        images = photos.with_random_cuts() if hasattr(photos, "with_random_cuts") else photos
        options = {"shuffle": self.shuffle, "drop_last": self._ends_with_one(len(images))}
        return self._loader(images, self.batch_size, training=True, **options)

    def file_names(self, split: str) -> list[str]:
        """Name the photos of a split, for those who look at what a network says of them.

        Args:
            split: `train`, `val` or `test`.

        Returns:
            Their paths, from the folder of the photos.
        """
        return [printable(photo.name) for photo in self._found[split]]

    @override
    def state_dict(self) -> dict[str, Any]:
        return {
            **super().state_dict(),
            "photos": {**self.checksums},
        }

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        before = state_dict["photos"]
        for name, checksum in self.checksums.items() if self.trainer else ():
            if before.get(name, "") != checksum:
                raise UsageError(
                    f"the photos in {self.folder} are no longer those of the run: {name} has "
                    "others. Put them back, or begin a new run"
                )

    @cached_property
    def _index(self) -> PhotoIndex:
        """The photos as names, never those of a folder that the user has not named."""
        if not self.root:
            raise FileNotFoundError(
                "a folder of photos that only a checkpoint names is not read: name it, or another "
                "one, with --data_dir (in a training, --data.root)"
            )
        return PhotoIndex.find(self.folder)

    def _refuse_other_classes(self, classes: Sequence[str]) -> None:
        expected, found = set(self.class_names), set(classes)
        if expected != found:
            raise ValueError(
                f"{self.folder} has other classes than the run, more: "
                f"{_listed(found - expected)}, missing: {_listed(expected - found)}. Use the "
                "folder that the run was trained on, or begin a new run"
            )

    def _ends_with_one(self, num_photos: int) -> bool:
        share = -(-num_photos // (self.trainer.world_size if self.trainer else 1))
        return share % self.batch_size == 1 < self.batch_size < share

    def _photos(self, split: str, cropped: bool) -> Photos:
        photos = self._found[split]
        number = {name: index for index, name in enumerate(self.class_names)}
        label = torch.tensor([number[photo.label] for photo in photos])
        return Photos(
            [self._base / photo.name for photo in photos], label, self.image_shape, cropped
        )


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _digest(photos: Sequence[Photo]) -> str:
    """Tell the photos of a split from any others; it is kept in checkpoints."""
    text = "\n".join(f"{photo.name}\t{photo.label}\t{photo.digest}" for photo in photos)
    return f"{len(photos)} {blake2b(text.encode(errors='replace'), digest_size=16).hexdigest()}"
