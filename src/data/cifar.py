"""CIFAR-10 and CIFAR-100: 50,000 training and 10,000 test photos, 32 x 32 px, in colour."""

import tempfile
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torchvision.datasets import CIFAR10, CIFAR100
from torchvision.datasets.utils import extract_archive
from typing_extensions import override

from src.data.image_data_module import ImageDataModule
from src.data.images import Images

_SOURCES = (CIFAR10.url.removesuffix(CIFAR10.filename),)

_HUNDRED = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup
dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower
leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange
orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit
raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel
streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip
turtle wardrobe whale willow_tree wolf woman worm
"""


class CIFAR10DataModule(ImageDataModule):
    """Photos of ten kinds: 45,834 to train, 4,166 to validate, 10,000 to test.

    References:
        Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """

    title = "CIFAR-10"
    image_shape = (3, 32, 32)
    num_classes = 10
    class_names: tuple[str, ...] = (
        *("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    )
    checksums: Mapping[str, str] = {CIFAR10.filename: CIFAR10.tgz_md5}
    sources = _SOURCES
    reader: ClassVar[Any] = CIFAR10

    @override
    def read(self, train: bool) -> Images:
        (archive,) = self.checksums
        with tempfile.TemporaryDirectory() as place:
            extract_archive(str(self.folder / archive), place)
            read = self.reader(place, train)  # compares each file with its check sum first
        image = torch.from_numpy(read.data).movedim(3, 1).contiguous()  # (N, 3, 32, 32)
        return Images(image, torch.tensor(read.targets))


class CIFAR100DataModule(CIFAR10DataModule):
    """Photos of a hundred kinds: 45,834 to train, 4,166 to validate, 10,000 to test.

    References:
        Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """

    title = "CIFAR-100"
    num_classes = 100
    class_names = tuple(_HUNDRED.split())
    checksums: Mapping[str, str] = {CIFAR100.filename: CIFAR100.tgz_md5}
    reader = CIFAR100
