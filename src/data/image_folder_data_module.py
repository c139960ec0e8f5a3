"""Photos of one's own, in folders of classes or listed in a file."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from hashlib import blake2b
from itertools import chain
from math import prod
from multiprocessing import get_start_method
from typing import Any, Literal

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Subset
from typing_extensions import override

from src.batch import Batch
from src.data.image_data_module import ImageDataModule
from src.data.images import Images, channel_statistics
from src.data.photo_cache import kept
from src.data.photo_check import usable
from src.data.photo_index import Photo, PhotoIndex
from src.data.photo_loader import PhotoLoader
from src.data.photos import Photos
from src.engine import ExactLoader, UsageError, note, printable, processors

_MEASURED = 4096  # photos at most that mean and standard deviation are of


class ImageFolderDataModule(ImageDataModule):
    """Photos of any size and mode in `root/train/CLASS/`, with `val/` and `test/` if there are any.

    A split without a folder gets a tenth of the training photos of each class, always the same.
    Photos that are broken, or there twice, are found and named before anything is trained.

    Args:
        root: Folder of the photos, or a CSV or Parquet file with the columns path, label and
            perhaps split. One that only a checkpoint of somebody else names is None, and must be
            named.
        image_size: Height and width of an image, which is cut out of the middle [px].
        grey: Whether images have one channel and not three.
        random_crop: Cut training images at random places, anew in each epoch.
        skip_broken: Leave out photos that cannot be used, instead of refusing all.
        memory_mib: Memory that all photos, decoded, may take [MiB].
        disk_mib: Room on the disk that all photos, decoded, may take, in a file that is made once
            and mapped into memory; at most a quarter of what is free. For a new file those of other
            photos go that were not used for longest, until all fit [MiB].
        class_names: The classes; None takes those that are found. Those of a run are kept with it.
        batch_size: Images in a training batch B.
        eval_batch_size: Images in a validation or test batch.
        shuffle: Draw a new order of the training images for each epoch.
        augment: Changes training images, `(B, C, H, W)` in `[0, 1]`, before normalisation.
        num_workers: Processes that read and decode photos that are not kept; None divides the
            processors among the processes that train on the machine.
        on_device: Keep decoded photos where the network is; not with workers or random crops.
        normalize: Mean and standard deviation that images are normalised by: None takes those of
            the photos to train on, `imagenet` and `half` those that weights from elsewhere need.
        balanced_sampler: Draw the training photos with replacement, so that all classes come
            equally often, instead of each photo once in an epoch.

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
        disk_mib: int = 10240,
        class_names: list[str] | None = None,
        batch_size: int = 100,
        eval_batch_size: int = 200,
        shuffle: bool = True,
        augment: nn.Module | None = None,
        num_workers: int | None = None,
        on_device: bool = True,
        normalize: Literal["imagenet", "half"] | None = None,
        balanced_sampler: bool = False,
    ) -> None:
        super().__init__(
            root or "", batch_size, eval_batch_size, shuffle, augment, 0, on_device, normalize
        )
        if image_size < 1 or min(memory_mib, disk_mib, num_workers or 0) < 0:
            raise ValueError(
                f"{type(self).__name__} needs image_size >= 1, memory_mib >= 0, disk_mib >= 0 and "
                f"num_workers >= 0, got {image_size=}, {memory_mib=}, {disk_mib=}, {num_workers=}"
            )
        self.root = root
        self.random_crop = random_crop
        self.skip_broken = skip_broken
        self.balanced_sampler = balanced_sampler
        self.memory_bytes = memory_mib * 2**20
        self.disk_bytes = disk_mib * 2**20
        self.workers = num_workers
        self.image_shape = (1 if grey else 3, image_size, image_size)
        # Those in a run's configuration serve where its photos are not, to predict.
        self.class_names: Sequence[str] = class_names or self._index.classes
        self.num_classes = len(self.class_names)
        self._found: dict[str, list[Photo]] = {}

    @override
    def read(self, train: bool) -> Images:
        photos = self._photos(self._found["train" if train else "test"], cropped=False)
        return Images(photos.image[:], photos.label)

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
        photos = self._photos(chain(*self._found.values()), self.random_crop)
        needed = prod(photos.decoded_shape)
        workers = self._shared_processors() if self.workers is None else self.workers
        pictures, where = kept(photos, self.memory_bytes, self.disk_bytes, workers)
        size = f"{len(photos)} photos of {self.num_classes} classes, {needed / 2**20:.0f} MiB"
        note(f"{size} decoded: {where}")
        if pictures is not None:
            photos.keep(pictures)
        if needed > self.memory_bytes:
            self.on_device = False
            self.num_workers = workers
        parts = photos.divide([*map(len, self._found.values())])
        return dict(zip(self._found, parts, strict=True))

    @override
    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        photos = self.splits["train"]
        step = -(-len(photos) // _MEASURED)
        if isinstance(photos, Images):
            return channel_statistics([photos.image[::step]])
        some = Subset(photos.image, range(0, len(photos), step))
        return channel_statistics(ExactLoader(some, 100, None, num_workers=self.num_workers))

    @override
    def train_dataloader(self) -> ExactLoader[Batch]:
        photos = self.splits["train"]
        # They may also be a part of the photos.
        images = photos.with_random_cuts() if hasattr(photos, "with_random_cuts") else photos
        weights = None
        if self.balanced_sampler:
            weights = (1 / self.class_counts.double())[images.label.cpu()]
        return self.training_loader(images, weights=weights)

    @override
    def loader(self, images: Any, batch_size: int, **options: Any) -> ExactLoader[Batch]:
        if self.num_workers and isinstance(images, Photos) and get_start_method() == "fork":
            workers = min(self.num_workers, -(-len(images) // batch_size))  # a batch for each
            return PhotoLoader(images, batch_size, self.trainer, workers, **options)
        return super().loader(images, batch_size, **options)

    def _shared_processors(self) -> int:
        """Divide the processors of a machine among the processes that train there."""
        return max(1, processors() // (self.trainer.num_devices if self.trainer else 1))

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
        before = state_dict.get("photos", {})
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
                "the folder of the photos is not given: name it with --data.root in a training "
                "and with --data_dir elsewhere; a folder that only a checkpoint names is not read"
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

    def _photos(self, found: Iterable[Photo], cropped: bool) -> Photos:
        number = {name: index for index, name in enumerate(self.class_names)}
        each = [(self._base / photo.name, number[photo.label]) for photo in found]
        paths, label = zip(*each, strict=True)
        return Photos(paths, torch.tensor(label), self.image_shape, cropped)


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _digest(photos: Sequence[Photo]) -> str:
    """Tell the photos of a split from any others; it is kept in checkpoints."""
    text = "\n".join(f"{photo.name}\t{photo.label}\t{photo.digest}" for photo in photos)
    return f"{len(photos)} {blake2b(text.encode(errors='replace'), digest_size=16).hexdigest()}"
