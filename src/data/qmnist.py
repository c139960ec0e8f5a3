"""QMNIST: MNIST's 60,000 training images, and 60,000 test images of which it has 10,000."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from torchvision.datasets import QMNIST
from typing_extensions import override

from src.data.centred_digit import centred_digit, centred_digits, one_digit
from src.data.idx_data_module import IdxDataModule
from src.data.images import Images

_FILES = [*QMNIST.resources["train"], *QMNIST.resources["test"]]  # address, MD5


class QMNISTDataModule(IdxDataModule):
    """Handwritten digits: 55,000 images to train, 5,000 to validate, 60,000 to test.

    References:
        Yadav and Bottou, "Cold case: the lost MNIST digits", NeurIPS 2019. arXiv:1905.10498
    """

    title = "QMNIST"
    num_classes = 10
    class_names = tuple("0123456789")
    handwritten = True
    subfolder = "QMNIST/raw"
    image_file = "qmnist-{}-images-idx3-ubyte.gz"
    label_file = "qmnist-{}-labels-idx2-int.gz"
    parts = "train", "test"
    checksums: Mapping[str, str] = {PurePosixPath(address).name: md5 for address, md5 in _FILES}
    sources = (f"{_FILES[0][0].rpartition('/')[0]}/",)
    from_picture = staticmethod(centred_digit)
    one_from_picture = staticmethod(one_digit)
    all_from_picture = staticmethod(centred_digits)
    angles: tuple[float, ...] = (-30.0, 30.0)  # at which `predict` and the demo look, too

    @override
    def read(self, train: bool) -> Images:
        image, label = vars(super().read(train)).values()
        return Images(image, label[:, 0].contiguous())  # the others tell who wrote it, and where
