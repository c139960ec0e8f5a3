"""SVHN: 73,257 training and 26,032 test photos of house numbers' digits, 32 x 32 px, in colour."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torchvision.datasets import SVHN
from typing_extensions import override

from src.data.image_data_module import ImageDataModule
from src.data.images import Images

_FILES = SVHN.split_list["train"], SVHN.split_list["test"]  # address, name, MD5


class SVHNDataModule(ImageDataModule):
    """Digits of house numbers: 67,153 photos to train, 6,104 to validate, 26,032 to test.

    References:
        Netzer et al., "Reading digits in natural images with unsupervised feature learning", 2011.
    """

    title = "SVHN"
    image_shape = (3, 32, 32)
    num_classes = 10
    class_names = tuple("0123456789")
    checksums: Mapping[str, str] = {name: md5 for _, name, md5 in _FILES}
    sources = (_FILES[0][0].removesuffix(_FILES[0][1]),)
    reader: ClassVar[Any] = SVHN

    @override
    def read(self, train: bool) -> Images:
        read = self.reader(self.folder, "train" if train else "test")
        return Images(torch.from_numpy(read.data).contiguous(), torch.from_numpy(read.labels))
