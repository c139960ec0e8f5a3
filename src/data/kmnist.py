"""Kuzushiji-MNIST: 60,000 training and 10,000 test images of cursive hiragana, 28 x 28 px."""

from collections.abc import Mapping

from torchvision.datasets import KMNIST

from src.data.idx_data_module import IdxDataModule
from src.data.pictures import light_on_black


class KMNISTDataModule(IdxDataModule):
    """Hiragana of old books: 55,000 images to train, 5,000 to validate, 10,000 to test.

    References:
        Clanuwat et al., "Deep learning for classical Japanese literature", 2018. arXiv:1812.01718
    """

    title = "Kuzushiji-MNIST"
    num_classes = 10
    class_names = tuple(KMNIST.classes)
    handwritten = True
    subfolder = "KMNIST/raw"
    image_file = "{}-images-idx3-ubyte.gz"
    label_file = "{}-labels-idx1-ubyte.gz"
    checksums: Mapping[str, str] = dict(KMNIST.resources)
    sources = KMNIST.mirrors
    from_picture = staticmethod(light_on_black)
